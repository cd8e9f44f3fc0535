//! Passwords that their source has locked.

use super::*;
use portvakt_auth::Verification;
use portvakt_auth::mschap::NtHash;

fn locked(mark: &str) -> AccountFacts {
    draft(&format!("userPassword: {mark}\n"))
}

#[test]
fn lock_mark_closes_the_account_and_takes_the_password_away() {
    let before = with_password(HASH).merge(None, time("2026-01-01T00:00:00Z"));
    for mark in ["*", "!", "x", "{CRYPT}*Locked", &format!("!{HASH}")] {
        let after = locked(mark).merge(Some(&before), now());
        assert_eq!((after.password, after.nt_hash), (None, None), "{mark}");
        assert_eq!(after.verification, Verification::PasswordLocked, "{mark}");
        assert_eq!(after.credential_version, before.credential_version + 1);
        let note = after.deactivated.unwrap();
        assert_eq!(
            (note.reason.as_str(), note.by.as_str()),
            (PASSWORD_LOCKED, SOURCE)
        );
    }
}

#[test]
fn lock_mark_is_never_hashed_as_clear_text() {
    for mark in ["*", "!", "!!", "x", "NP", "*LK*", "{CLEARTEXT}*"] {
        let lines =
            format!("uid: anna\neduPersonPrimaryAffiliation: staff\nuserPassword: {mark}\n");
        let draft = AccountFacts::read(&entry(&lines), &AttributeMap::default(), true, now());
        let draft = draft.unwrap().unwrap();
        assert!(!draft.is_cleartext(), "{mark}");
        assert_eq!(draft.merge(None, now()).password, None, "{mark}");
    }
}

#[test]
fn the_same_lock_again_changes_nothing() {
    let before = with_password(HASH).merge(None, now());
    let once = locked("*").merge(Some(&before), now());
    assert_eq!(locked("!").merge(Some(&once), now()), once);
}

#[test]
fn source_that_lifts_its_lock_opens_the_account_with_the_password_it_brings() {
    let map = AttributeMap {
        names: AttributeNames::default().with(AttributeRole::NtHash, "sambaNTPassword"),
        ..AttributeMap::default()
    };
    let lines = format!(
        "uid: anna\neduPersonPrimaryAffiliation: employee\nuserPassword: {HASH}\n\
         sambaNTPassword: 8846F7EAEE8FB117AD06BDD830B7586C\n"
    );
    let read = || {
        AccountFacts::read(&entry(&lines), &map, false, now())
            .unwrap()
            .unwrap()
    };
    let before = read().merge(None, now());
    let closed = locked("*").merge(Some(&before), now());
    let after = read().merge(Some(&closed), now());
    assert_eq!(after.password, before.password);
    assert_eq!(after.nt_hash, Some(NtHash::of_password("password")));
    assert_eq!(after.verification, Verification::StoredHash);
    assert_eq!((after.deactivated, after.previous), (None, Vec::new()));
    assert!(after.credential_version > closed.credential_version);
}

#[test]
fn record_without_password_leaves_a_lock_as_it_is() {
    let before = locked("*").merge(None, now());
    let after = draft("").merge(Some(&before), now());
    assert_eq!(after.verification, Verification::PasswordLocked);
}

#[test]
fn reason_that_the_source_gives_counts_before_the_mark() {
    let draft = draft("userPassword: *\nportvaktDeactivated: stolen\n");
    assert_eq!(
        draft.merge(None, now()).deactivated.unwrap().reason,
        "stolen"
    );
}

#[test]
fn of_several_values_a_mark_counts_before_the_hash_and_the_hash_before_foreign_ones() {
    let several = |values: &[&str]| {
        let lines = values
            .iter()
            .map(|value| format!("userPassword: {value}\n"));
        format!(
            "uid: anna\neduPersonPrimaryAffiliation: employee\n{}",
            lines.collect::<String>()
        )
    };
    let read = |values: &[&str]| read(&several(values)).unwrap().unwrap().merge(None, now());
    let hash = |account: Account| account.password.unwrap().hash.reveal().to_owned();
    let foreign = "{MD5}rL0Y20zC+Fzt72VPzMSk2A==";
    assert_eq!(hash(read(&[foreign, HASH])), HASH);
    assert_eq!(hash(read(&[HASH, HASH])), HASH);
    for locked in [
        &["*", "!"][..],
        &["*", HASH],
        &[HASH, foreign, "{CRYPT}!"],
        &[HASH, OTHER_HASH, "!"],
    ] {
        let locked = read(locked);
        assert_eq!(locked.verification, Verification::PasswordLocked);
        assert_eq!(locked.password, None);
        assert_eq!(locked.deactivated.unwrap().reason, PASSWORD_LOCKED);
    }
    let two = faults(&several(&[HASH, OTHER_HASH]));
    assert_eq!(
        two,
        [("userPassword".to_owned(), Some(5), AttributeFault::Several)]
    );
}
