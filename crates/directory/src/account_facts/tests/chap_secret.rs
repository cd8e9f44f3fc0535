//! CHAP secrets: for machines alone, and what the source says of them holds.

use portvakt_auth::account::{Account, Kind};
use portvakt_auth::chap::ChapSecretError;

use super::{HASH, entry, now};
use crate::account_facts::AccountFacts;
use crate::attributes::{AttributeMap, AttributeNames, AttributeRole};
use crate::entry_reader::AttributeFault;

fn map() -> AttributeMap {
    AttributeMap {
        names: AttributeNames::default()
            .with(AttributeRole::LegacyChapSecret, "portvaktChapSecret"),
        ..AttributeMap::default()
    }
}

fn read(kind: &str, lines: &str, map: &AttributeMap) -> Result<AccountFacts, AttributeFault> {
    let lines = format!("uid: printer\neduPersonPrimaryAffiliation: {kind}\n{lines}");
    let draft = AccountFacts::read(&entry(&lines), map, false, now());
    draft.map(Option::unwrap).map_err(|errors| {
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors[0].fault.clone()
    })
}

fn merged(existing: Option<&Account>, kind: &str, lines: &str) -> Account {
    read(kind, lines, &map()).unwrap().merge(existing, now())
}

fn secret_of(account: &Account) -> Option<&[u8]> {
    let secret = account.legacy_chap_secret.as_ref();
    secret.map(portvakt_auth::ChapSecret::reveal)
}

#[test]
fn service_account_gets_its_secret_and_loses_it_with_the_line() {
    let first = merged(None, "service", "portvaktChapSecret: paper-jam\n");
    assert_eq!(secret_of(&first), Some(b"paper-jam".as_slice()));
    let again = merged(Some(&first), "service", "portvaktChapSecret: paper-jam\n");
    assert_eq!(again, first);
    let other = merged(Some(&first), "service", "portvaktChapSecret: toner\n");
    assert!(other.credential_version > first.credential_version);
    assert_eq!(secret_of(&merged(Some(&first), "service", "")), None);
}

#[test]
fn source_that_is_not_asked_for_secrets_takes_none_away() {
    let first = merged(None, "service", "portvaktChapSecret: paper-jam\n");
    let unasked = read(
        "service",
        "portvaktChapSecret: other\n",
        &AttributeMap::default(),
    );
    let merged = unasked.unwrap().merge(Some(&first), now());
    assert_eq!(merged, first);
}

#[test]
fn person_can_not_have_one() {
    for kind in ["student", "employee", "guest", "test"] {
        let fault = read(kind, "portvaktChapSecret: paper-jam\n", &map()).unwrap_err();
        assert_eq!(fault, AttributeFault::ChapSecretOfPerson);
    }
}

#[test]
fn secret_goes_with_the_machine_that_becomes_a_person() {
    let first = merged(None, "service", "portvaktChapSecret: paper-jam\n");
    let person = merged(Some(&first), "employee", "");
    assert_eq!((person.kind, secret_of(&person)), (Kind::Employee, None));
}

#[test]
fn hash_empty_value_and_too_long_one_are_no_secrets() {
    let fault = |value: &str| {
        let line = format!("portvaktChapSecret: {value}\n");
        read("service", &line, &map()).unwrap_err()
    };
    assert_eq!(fault(HASH), AttributeFault::ChapSecretHashed);
    let empty = ChapSecretError::Empty;
    assert_eq!(fault(""), AttributeFault::ChapSecret(empty));
    let too_long = ChapSecretError::TooLong;
    assert_eq!(
        fault(&"x".repeat(129)),
        AttributeFault::ChapSecret(too_long)
    );
}
