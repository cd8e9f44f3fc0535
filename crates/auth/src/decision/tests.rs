use super::*;
use crate::account::{Account, Password, PasswordKind};
use crate::lock::tests::admitted;
use crate::password::{Argon2Cost, Checked, HashMemory, PasswordHash, check};
use crate::time::Tick;

fn now() -> Now {
    Now {
        tick: Tick::START,
        utc: "2026-11-22T16:00:00Z".parse().unwrap(),
    }
}

fn employee(name: &str) -> Account {
    let mut account = Account::new(AccountId::new(name).unwrap(), Kind::Employee);
    set_password(&mut account, "right");
    account.vlan = Some("staff".to_owned());
    account
}

fn set_password(account: &mut Account, password: &str) {
    let cost = Argon2Cost::new(8, 1, 1).unwrap();
    account.set_password(Password {
        hash: PasswordHash::hash_new(password.as_bytes(), [3; 16], cost, &mut HashMemory::new())
            .unwrap(),
        changed_at: "2026-11-21T16:00:00Z".parse().unwrap(),
        kind: PasswordKind::Permanent,
    });
}

fn proof(account: &Account) -> Proof {
    match check(
        account,
        b"right",
        &mut HashMemory::new(),
        &mut admitted(account),
    ) {
        Ok(Checked::Proven(proof)) => proof,
        other => panic!("{other:?}"),
    }
}

fn decided(account: &Account, proof: Proof) -> Result<Grant, Refusal> {
    decide(
        Subject::without_registry(account),
        proof,
        "wired",
        &Rules::default(),
        now(),
    )
}

#[test]
fn proven_account_in_good_standing_is_granted() {
    let account = employee("kari");
    let grant = decided(&account, proof(&account)).unwrap();
    assert_eq!((grant.account(), grant.service()), (&account.id, "wired"));
    assert_eq!(grant.vlan(), Some("staff"));
    let a_day_less_than_a_year = Duration::from_secs(364 * 24 * 60 * 60);
    assert_eq!(grant.session_limit(now().utc), Some(a_day_less_than_a_year));
    assert_eq!(grant.session_limit(Timestamp::MAX), Some(Duration::ZERO));
}

#[test]
fn status_is_asked_with_a_proof_in_hand() {
    let mut account = employee("kari");
    let proof = proof(&account);
    account.services = Some(Vec::new());
    assert_eq!(decided(&account, proof), Err(Refusal::ServiceNotAllowed));
}

#[test]
fn proof_of_another_account_proves_nothing() {
    assert_eq!(
        decided(&employee("kari"), proof(&employee("ola"))),
        Err(Refusal::WrongCredential)
    );
}

#[test]
fn proof_is_void_once_the_password_was_changed() {
    let mut account = employee("kari");
    let proof = proof(&account);
    set_password(&mut account, "new");
    assert_eq!(decided(&account, proof), Err(Refusal::PreviousPassword));
}
