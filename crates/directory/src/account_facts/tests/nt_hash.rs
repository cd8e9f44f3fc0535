//! NT hashes: none may outlive the password that it is of.

use jiff::Timestamp;
use portvakt_auth::account::{Account, Password, PasswordKind};
use portvakt_auth::mschap::{NtHash, NtHashError};
use portvakt_auth::password::{HashMemory, PasswordHash};
use zeroize::Zeroizing;

use crate::account_facts::AccountFacts;
use crate::attributes::{AttributeMap, AttributeNames, AttributeRole};
use crate::entry::{Attribute, Entry};
use crate::entry_reader::{AttributeError, AttributeFault};

/// Hashes that nothing checks here; what counts is which is which.
const FIRST: &str = "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=";
const SECOND: &str = "{SHA}C+7Hteo/D9vJXQ3UfzxbwnXaijM=";
const THIRD: &str = "{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=";

const NONE: &str = "NO PASSWORDXXXXXXXXXXXXXXXXXXXXX";
const EARLIER: &str = "20260101120000Z";
const LATER: &str = "20261101120000Z";

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

fn nt(text: &str) -> String {
    NtHash::of_password(text).reveal().to_string()
}

fn entry(attributes: &[(&str, &str)]) -> Entry {
    let attribute = |(name, value): &(&str, &str)| Attribute {
        name: (*name).to_owned(),
        value: Zeroizing::new(value.as_bytes().to_vec()),
        line: None,
    };
    let who = [("uid", "anna"), ("edupersonprimaryaffiliation", "employee")];
    Entry {
        dn: "uid=anna".to_owned(),
        line: None,
        attributes: who.iter().chain(attributes).map(attribute).collect(),
    }
}

fn read(attributes: &[(&str, &str)]) -> Result<AccountFacts, Vec<AttributeError>> {
    let map = AttributeMap {
        names: AttributeNames::default().with(AttributeRole::NtHash, "sambaNTPassword"),
        ..AttributeMap::default()
    };
    AccountFacts::read(&entry(attributes), &map, true, now()).map(Option::unwrap)
}

/// The account after a source has given this fact.
fn merged(existing: Option<&Account>, attributes: &[(&str, &str)]) -> Account {
    read(attributes).unwrap().merge(existing, now())
}

fn with(password: &str, nt_hash: &str) -> Account {
    merged(
        None,
        &[("userpassword", password), ("sambantpassword", nt_hash)],
    )
}

/// Password and NT hash one after the other, each of them said by the source as a whole.
fn history(said: &[(&str, &str)]) -> Account {
    let account = said
        .iter()
        .fold(None, |account: Option<Account>, (password, nt_hash)| {
            let said = [("userpassword", *password), ("sambantpassword", nt_hash)];
            Some(merged(account.as_ref(), &said))
        });
    account.unwrap()
}

fn local_password(account: &mut Account, hash: &str) {
    account.set_password(Password {
        hash: PasswordHash::parse(hash).unwrap(),
        changed_at: now(),
        kind: PasswordKind::Permanent,
    });
}

fn is(account: &Account, password: Option<&str>) -> bool {
    account.nt_hash == password.map(NtHash::of_password)
}

#[test]
fn password_and_nt_hash_are_taken_together() {
    let account = with(FIRST, &nt("first"));
    assert!(is(&account, Some("first")));
    assert_eq!(account.credential_version, 1);
    let again = history(&[(FIRST, &nt("first")), (FIRST, &nt("first").to_lowercase())]);
    assert_eq!(again, account);
}

#[test]
fn nt_hash_is_not_read_unless_its_attribute_is_named() {
    let said = entry(&[("userpassword", FIRST), ("sambantpassword", &nt("first"))]);
    let draft = AccountFacts::read(&said, &AttributeMap::default(), false, now()).unwrap();
    assert!(is(&draft.unwrap().merge(None, now()), None));
}

#[test]
fn new_password_without_an_nt_hash_takes_the_old_one_away() {
    let account = merged(
        Some(&with(FIRST, &nt("first"))),
        &[("userpassword", SECOND)],
    );
    assert!(is(&account, None));
    assert_eq!(account.previous_nt_hashes, [NtHash::of_password("first")]);
}

#[test]
fn new_password_with_a_new_nt_hash_replaces_both() {
    let account = history(&[(FIRST, &nt("first")), (SECOND, &nt("second"))]);
    assert!(is(&account, Some("second")));
    assert_eq!(account.previous_nt_hashes, [NtHash::of_password("first")]);
    assert_eq!(account.credential_version, 2);
}

/// A source that does not keep the two in step must not let the old password in, however often it
/// repeats itself.
#[test]
fn nt_hash_that_stays_the_same_beside_a_new_password_is_never_taken() {
    let first = nt("first");
    let said = [
        (FIRST, &first),
        (SECOND, &first),
        (SECOND, &first),
        (THIRD, &first),
    ];
    let said = said.map(|(password, hash)| (password, hash.as_str()));
    for passwords in 2..=said.len() {
        let account = history(&said[..passwords]);
        assert!(is(&account, None), "after {passwords}");
        assert_eq!(account.previous_nt_hashes, [NtHash::of_password("first")]);
    }
    let mut account = history(&said);
    for hash in [FIRST, SECOND, FIRST, SECOND] {
        local_password(&mut account, hash);
    }
    let account = merged(
        Some(&account),
        &[("userpassword", THIRD), ("sambantpassword", &first)],
    );
    assert!(is(&account, None));
}

#[test]
fn nt_hash_that_comes_back_beside_a_new_password_is_not_taken() {
    let account = history(&[
        (FIRST, &nt("first")),
        (SECOND, &nt("second")),
        (THIRD, &nt("first")),
    ]);
    assert!(is(&account, None));
}

#[test]
fn changed_nt_hash_alone_is_a_change_of_credential() {
    let account = history(&[(FIRST, &nt("first")), (FIRST, &nt("second"))]);
    assert!(is(&account, Some("second")));
    assert_eq!(account.previous_nt_hashes, [NtHash::of_password("first")]);
    assert_eq!(account.credential_version, 2);
    let back = history(&[
        (FIRST, &nt("first")),
        (FIRST, &nt("second")),
        (FIRST, &nt("first")),
    ]);
    assert_eq!(back, account);
}

/// Even if its NT hash was never seen before: it is of the old password all the same.
#[test]
fn old_file_brings_neither_password_nor_nt_hash_back_after_a_local_change() {
    let mut account = merged(None, &[("userpassword", FIRST)]);
    local_password(&mut account, SECOND);
    let said = [("userpassword", FIRST), ("sambantpassword", &*nt("first"))];
    assert_eq!(merged(Some(&account), &said), account);
}

#[test]
fn source_that_says_nothing_of_the_nt_hash_leaves_it() {
    let account = with(FIRST, &nt("first"));
    assert_eq!(merged(Some(&account), &[("userpassword", FIRST)]), account);
    assert_eq!(merged(Some(&account), &[]), account);
}

#[test]
fn source_can_say_that_there_is_no_nt_hash() {
    for none in [NONE, "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"] {
        let account = history(&[(FIRST, &nt("first")), (FIRST, none)]);
        assert!(is(&account, None));
        assert_eq!(account.credential_version, 2);
        assert!(is(&with(FIRST, none), None));
    }
}

#[test]
fn nt_hash_without_a_password_joins_the_password_that_is_there() {
    let before = merged(
        None,
        &[("userpassword", FIRST), ("pwdchangedtime", EARLIER)],
    );
    let account = merged(Some(&before), &[("sambantpassword", &nt("first"))]);
    assert!(is(&account, Some("first")));
    assert_eq!(account.password, before.password);
    let then = merged(None, &[("sambantpassword", &nt("first"))]);
    assert!(is(&then, Some("first")) && then.password.is_none());
    let said = [("userpassword", FIRST), ("sambantpassword", &*nt("first"))];
    assert!(is(&merged(Some(&then), &said), Some("first")));
}

#[test]
fn nt_hash_of_before_the_password_was_set_does_not_join_it() {
    let mut account = merged(None, &[("userpassword", FIRST)]);
    local_password(&mut account, SECOND);
    let nt_hash = nt("first");
    let said = |time| [("sambantpassword", &*nt_hash), ("pwdchangedtime", time)];
    assert_eq!(merged(Some(&account), &said(EARLIER)), account);
    assert!(is(&merged(Some(&account), &said(LATER)), Some("first")));
}

#[test]
fn nt_hash_must_be_one_and_of_the_password_beside_it() {
    let fault = |attributes: &[_]| read(attributes).unwrap_err().remove(0).fault;
    assert_eq!(
        fault(&[("sambantpassword", "secret")]),
        AttributeFault::NtHash(NtHashError::Malformed)
    );
    assert_eq!(
        fault(&[("sambantpassword", &nt(""))]),
        AttributeFault::NtHash(NtHashError::EmptyPassword)
    );
    let clear = |hash: &str| read(&[("userpassword", "first"), ("sambantpassword", hash)]).err();
    assert_eq!(clear(&nt("first")), None);
    let error = clear(&nt("second")).unwrap().remove(0);
    assert_eq!(error.fault, AttributeFault::NtHashOfAnother);
    assert_eq!(error.attribute, "sambaNTPassword");
}

#[test]
fn drafts_show_no_hash_in_debug() {
    let draft = read(&[("userpassword", FIRST), ("sambantpassword", &nt("first"))]).unwrap();
    assert!(!format!("{draft:?}").contains(&nt("first")));
}

#[test]
fn nt_hash_is_made_of_a_password_in_the_clear_unless_the_source_has_its_say() {
    let made = |attributes: &[(&str, &str)]| {
        let mut draft = read(attributes).unwrap();
        draft.make_nt_hash();
        let hash = |_: &[u8], _: &[&PasswordHash], _: &mut HashMemory| PasswordHash::parse(FIRST);
        let hashed = draft.hash_cleartext(None, &hash, &mut HashMemory::new());
        hashed.unwrap();
        draft.merge(None, now()).nt_hash
    };
    let clear = ("userpassword", "granite");
    assert_eq!(made(&[clear]), Some(NtHash::of_password("granite")));
    assert_eq!(made(&[clear, ("sambantpassword", NONE)]), None);
    assert_eq!(made(&[("userpassword", FIRST)]), None);
}
