use super::*;
use crate::account::Kind;
use crate::lock::tests::admitted;
use crate::lock::{Denied, Guess, LockTable};
use crate::rules::Lockout;

const KEY: [u8; 32] = [5; 32];
const HOUR: Duration = Duration::from_secs(3600);

fn account(name: &str) -> Account {
    Account::new(AccountId::new(name).unwrap(), Kind::Employee)
}

fn at(minutes: u64) -> Now {
    let elapsed = Duration::from_secs(minutes * 60);
    Now {
        tick: Tick::after_start(elapsed),
        utc: jiff::Timestamp::UNIX_EPOCH,
    }
}

fn recall(proofs: &RememberedProofs, account: &Account, password: &[u8], now: Now) -> Recalled {
    let digest = proofs.digest(account, password);
    proofs.recall(account, &digest, now, &mut admitted(account))
}

fn remember(
    proofs: &RememberedProofs,
    account: &Account,
    password: &[u8],
    proof: &Proof,
    now: Now,
) {
    let digest = proofs.digest(account, password);
    if let Some(proven) = proofs.prepare(account, &digest, proof, now) {
        proofs.remember(proven);
    }
}

fn right(account: &Account) -> Recalled {
    Recalled::Right(Proof::of(account))
}

fn remembering(accounts: &[&Account]) -> RememberedProofs {
    let proofs = RememberedProofs::new(&KEY, 2, HOUR);
    for account in accounts {
        remember(&proofs, account, b"right", &Proof::of(account), at(0));
    }
    proofs
}

#[test]
fn remembered_password_is_a_proof_and_no_other_is() {
    let kari = account("kari");
    let proofs = remembering(&[&kari]);
    let said = |account: &Account, password: &[u8]| recall(&proofs, account, password, at(1));
    assert_eq!(said(&kari, b"right"), right(&kari));
    assert_eq!(said(&kari, b"Right"), Recalled::Different);
    assert_eq!(said(&kari, b""), Recalled::Different);
    assert_eq!(said(&account("ola"), b"right"), Recalled::Nothing);
}

/// A guess that is found to differ from the remembered password has spent an attempt.
#[test]
fn comparison_with_a_remembered_password_counts_though_nothing_else_is_checked() {
    let (kari, table) = (account("kari"), LockTable::new(1));
    let proofs = remembering(&[&kari]);
    let compare = |tag| {
        let guess = Guess {
            tag,
            source: 0,
            arrived: at(1).tick,
            refusal_leaves: at(1).tick,
        };
        let mut attempt = table.admit(&kari, guess, &Lockout::default(), at(1).tick)?;
        let digest = proofs.digest(&kari, &tag.to_be_bytes());
        Ok::<_, Denied>(proofs.recall(&kari, &digest, at(1), &mut attempt))
    };
    for tag in 0..6 {
        assert_eq!(compare(tag), Ok(Recalled::Different));
    }
    assert!(matches!(compare(6), Err(Denied::Locked { .. })));
}

#[test]
fn changed_credential_is_forgotten_at_once() {
    let kari = account("kari");
    let proofs = remembering(&[&kari]);
    let changed = Account {
        credential_version: 1,
        ..kari
    };
    assert_eq!(
        recall(&proofs, &changed, b"right", at(1)),
        Recalled::Nothing
    );
    remember(&proofs, &changed, b"new", &Proof::of(&changed), at(1));
    assert_eq!(recall(&proofs, &changed, b"new", at(1)), right(&changed));
    assert_eq!(proofs.len(), 1);
}

#[test]
fn proof_is_remembered_for_its_time_and_swept_after() {
    let kari = account("kari");
    let proofs = remembering(&[&kari]);
    proofs.sweep(at(59));
    assert!(proofs.is_fresh(&kari, at(59)));
    assert_eq!(recall(&proofs, &kari, b"right", at(59)), right(&kari));
    assert!(!proofs.is_fresh(&kari, at(60)));
    assert_eq!(recall(&proofs, &kari, b"right", at(60)), Recalled::Nothing);
    proofs.sweep(at(60));
    assert!(proofs.is_empty());
}

#[test]
fn forgetting_an_account_leaves_the_others() {
    let (kari, ola) = (account("kari"), account("ola"));
    let proofs = remembering(&[&kari, &ola]);
    proofs.forget(&kari.id);
    proofs.forget(&kari.id);
    assert_eq!(recall(&proofs, &kari, b"right", at(1)), Recalled::Nothing);
    assert_eq!(recall(&proofs, &ola, b"right", at(1)), right(&ola));
    assert_eq!(proofs.len(), 1);
}

#[test]
fn full_memory_remembers_no_further_account_until_swept() {
    let (kari, ola, per) = (account("kari"), account("ola"), account("per"));
    let proofs = remembering(&[&kari, &ola, &per]);
    assert_eq!(proofs.len(), 2);
    assert_eq!(recall(&proofs, &per, b"right", at(1)), Recalled::Nothing);
    proofs.sweep(at(60));
    remember(&proofs, &per, b"right", &Proof::of(&per), at(60));
    assert_eq!(recall(&proofs, &per, b"right", at(61)), right(&per));
}

#[test]
fn proof_of_another_account_or_version_is_not_remembered() {
    let (kari, ola) = (account("kari"), account("ola"));
    let proofs = remembering(&[]);
    remember(&proofs, &kari, b"right", &Proof::of(&ola), at(0));
    let older = Proof::of(&kari);
    let changed = Account {
        credential_version: 1,
        ..kari
    };
    remember(&proofs, &changed, b"right", &older, at(0));
    assert!(proofs.is_empty());
}

#[test]
fn nothing_is_remembered_for_no_time() {
    let kari = account("kari");
    let proofs = RememberedProofs::new(&KEY, 2, Duration::ZERO);
    remember(&proofs, &kari, b"right", &Proof::of(&kari), at(0));
    assert!(proofs.is_empty());
}

#[test]
fn digests_tell_passwords_accounts_versions_and_keys_apart() {
    let (proofs, kari) = (remembering(&[]), account("kari"));
    let tag = |account: &Account, password| proofs.digest(account, password).tag();
    let first = tag(&kari, b"wrong");
    assert_eq!(tag(&kari, b"wrong"), first);
    assert_ne!(tag(&kari, b"Wrong"), first);
    assert_ne!(tag(&account("ola"), b"wrong"), first);
    let changed = Account {
        credential_version: 1,
        ..kari.clone()
    };
    assert_ne!(tag(&changed, b"wrong"), first);
    let other = RememberedProofs::new(&[6; 32], 2, HOUR);
    assert_ne!(other.digest(&kari, b"wrong").tag(), first);
}

/// Computed with Python's hmac module over the same octets.
#[test]
fn digest_is_an_hmac_sha256_over_purpose_name_version_and_password() {
    let digest = remembering(&[]).digest(&account("kari"), b"wrong");
    assert_eq!(digest.tag(), 0x789d_9335_f20a_d672);
}

#[test]
fn debug_tells_nothing_of_keys_and_hashes() {
    let digest = remembering(&[]).digest(&account("kari"), b"wrong");
    assert_eq!(format!("{digest:?}"), "PasswordDigest([redacted])");
    assert_eq!(
        format!("{:?}", GuessTags::new([1; 4])),
        "GuessTags([redacted])"
    );
    assert_eq!(
        format!("{:?}", remembering(&[&account("kari")])),
        "RememberedProofs { len: 1, .. }"
    );
}

/// E7: a session proves nothing once the credential has changed, and nothing of anybody else.
#[test]
fn session_proves_the_credential_it_was_begun_with_and_no_other() {
    let kari = account("kari");
    let rules = crate::Rules::default();
    let grant = crate::decide(
        crate::Subject::without_registry(&kari),
        Proof::of(&kari),
        "eduroam",
        &rules,
        at(0),
    )
    .unwrap();
    let context = grant.session_context().unwrap();
    assert_eq!(Proof::of_session(&kari, &context), Some(Proof::of(&kari)));
    assert_eq!(Proof::of_session(&account("ola"), &context), None);
    let changed = Account {
        credential_version: 1,
        ..kari.clone()
    };
    assert_eq!(Proof::of_session(&changed, &context), None);
    for broken in [&context[..7], &context[..8], &context[1..], b""] {
        assert_eq!(Proof::of_session(&kari, broken), None);
    }
}
