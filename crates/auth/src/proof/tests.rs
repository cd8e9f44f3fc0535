use super::*;
use crate::account::Kind;

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

fn remembering(accounts: &[&Account]) -> RememberedProofs {
    let proofs = RememberedProofs::new(&KEY, 2, HOUR);
    for account in accounts {
        proofs.remember(account, b"right", &Proof::of(account), at(0));
    }
    proofs
}

#[test]
fn remembered_password_is_a_proof_and_no_other_is() {
    let kari = account("kari");
    let proofs = remembering(&[&kari]);
    assert_eq!(
        proofs.recall(&kari, b"right", at(1)),
        Some(Proof::of(&kari))
    );
    assert_eq!(proofs.recall(&kari, b"Right", at(1)), None);
    assert_eq!(proofs.recall(&kari, b"", at(1)), None);
    assert_eq!(proofs.recall(&account("ola"), b"right", at(1)), None);
}

#[test]
fn changed_credential_is_forgotten_at_once() {
    let kari = account("kari");
    let proofs = remembering(&[&kari]);
    let changed = Account {
        credential_version: 1,
        ..kari
    };
    assert_eq!(proofs.recall(&changed, b"right", at(1)), None);
    proofs.remember(&changed, b"new", &Proof::of(&changed), at(1));
    assert!(proofs.recall(&changed, b"new", at(1)).is_some());
    assert_eq!(proofs.len(), 1);
}

#[test]
fn proof_is_remembered_for_its_time_and_swept_after() {
    let kari = account("kari");
    let proofs = remembering(&[&kari]);
    proofs.sweep(at(59));
    assert!(proofs.recall(&kari, b"right", at(59)).is_some());
    assert_eq!(proofs.recall(&kari, b"right", at(60)), None);
    proofs.sweep(at(60));
    assert!(proofs.is_empty());
}

#[test]
fn forgetting_an_account_leaves_the_others() {
    let (kari, ola) = (account("kari"), account("ola"));
    let proofs = remembering(&[&kari, &ola]);
    proofs.forget(&kari.id);
    proofs.forget(&kari.id);
    assert_eq!(proofs.recall(&kari, b"right", at(1)), None);
    assert!(proofs.recall(&ola, b"right", at(1)).is_some());
    assert_eq!(proofs.len(), 1);
}

#[test]
fn full_memory_remembers_no_further_account_until_swept() {
    let (kari, ola, per) = (account("kari"), account("ola"), account("per"));
    let proofs = remembering(&[&kari, &ola, &per]);
    assert_eq!(proofs.len(), 2);
    assert_eq!(proofs.recall(&per, b"right", at(1)), None);
    proofs.sweep(at(60));
    proofs.remember(&per, b"right", &Proof::of(&per), at(60));
    assert!(proofs.recall(&per, b"right", at(61)).is_some());
}

#[test]
fn proof_of_another_account_or_version_is_not_remembered() {
    let (kari, ola) = (account("kari"), account("ola"));
    let proofs = remembering(&[]);
    proofs.remember(&kari, b"right", &Proof::of(&ola), at(0));
    let older = Proof::of(&kari);
    let changed = Account {
        credential_version: 1,
        ..kari
    };
    proofs.remember(&changed, b"right", &older, at(0));
    assert!(proofs.is_empty());
}

#[test]
fn nothing_is_remembered_for_no_time() {
    let kari = account("kari");
    let proofs = RememberedProofs::new(&KEY, 2, Duration::ZERO);
    proofs.remember(&kari, b"right", &Proof::of(&kari), at(0));
    assert!(proofs.is_empty());
}

#[test]
fn tags_tell_wrong_passwords_accounts_versions_and_keys_apart() {
    let (tags, kari) = (WrongTag::new(&KEY), account("kari"));
    let tag = tags.tag(&kari, b"wrong");
    assert_eq!(tags.tag(&kari, b"wrong"), tag);
    assert_ne!(tags.tag(&kari, b"Wrong"), tag);
    assert_ne!(tags.tag(&account("ola"), b"wrong"), tag);
    assert_ne!(
        tags.tag(
            &Account {
                credential_version: 1,
                ..kari.clone()
            },
            b"wrong"
        ),
        tag
    );
    assert_ne!(WrongTag::new(&[6; 32]).tag(&kari, b"wrong"), tag);
}

/// Computed with Python's hmac module over the same octets.
#[test]
fn tag_is_the_head_of_an_hmac_sha256() {
    assert_eq!(
        WrongTag::new(&KEY).tag(&account("kari"), b"wrong"),
        0x2cf6_64b4_3602_f281
    );
}

#[test]
fn debug_tells_nothing_of_keys_and_hashes() {
    assert_eq!(format!("{:?}", WrongTag::new(&KEY)), "WrongTag([redacted])");
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
    let grant = crate::decide(&kari, Proof::of(&kari), "eduroam", &rules, at(0)).unwrap();
    let ticket = grant.ticket().unwrap();
    assert_eq!(Proof::of_session(&kari, &ticket), Some(Proof::of(&kari)));
    assert_eq!(Proof::of_session(&account("ola"), &ticket), None);
    let changed = Account {
        credential_version: 1,
        ..kari.clone()
    };
    assert_eq!(Proof::of_session(&changed, &ticket), None);
    for broken in [&ticket[..7], &ticket[..8], &ticket[1..], b""] {
        assert_eq!(Proof::of_session(&kari, broken), None);
    }
}
