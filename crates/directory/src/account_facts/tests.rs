mod chap_secret;
mod locked;
mod nt_hash;

use std::sync::atomic::{AtomicU8, Ordering};

use super::*;
use portvakt_auth::AccountReply;
use portvakt_auth::account::Kind;
use portvakt_auth::name::NameError;
use portvakt_auth::term::TermError;

use crate::attributes::{AttributeNames, AttributeRole};
use crate::entry_reader::{AttributeError, AttributeFault};
use crate::ldif::LdifReader;

const HASH: &str = "{SSHA}aPqqnTf4CqJXu1koaWaZHdf/rnpwb3J0dmFrdA==";
const OTHER_HASH: &str = "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    time("2026-11-22T12:00:00Z")
}

fn entry(lines: &str) -> Entry {
    let text = format!("dn: x\n{lines}");
    LdifReader::new(text.as_bytes()).next().unwrap().unwrap()
}

fn read(lines: &str) -> Result<Option<AccountFacts>, Vec<AttributeError>> {
    AccountFacts::read(&entry(lines), &AttributeMap::default(), false, now())
}

/// Reads an employee with these lines too.
fn draft(lines: &str) -> AccountFacts {
    read(&format!(
        "uid: anna\neduPersonPrimaryAffiliation: employee\n{lines}"
    ))
    .unwrap()
    .unwrap()
}

fn account(lines: &str) -> Account {
    draft(lines).merge(None, now())
}

fn with_password(hash: &str) -> AccountFacts {
    draft(&format!("userPassword: {hash}\n"))
}

fn faults(lines: &str) -> Vec<(String, Option<u64>, AttributeFault)> {
    let errors = read(lines).unwrap_err();
    errors
        .into_iter()
        .map(|error| (error.attribute, error.line, error.fault))
        .collect()
}

/// The fault of this line in an otherwise good record.
fn fault(line: &str) -> AttributeFault {
    let all = faults(&format!(
        "uid: anna\neduPersonPrimaryAffiliation: student\n{line}\n"
    ));
    assert_eq!(all.len(), 1, "{line}: {all:?}");
    assert_eq!(all[0].1, Some(4), "{line}");
    all[0].2.clone()
}

#[test]
fn every_attribute_finds_its_place() {
    let account = account(
        "displayName: Anna Berg\nmail: a@x.no\nmobile: +47 400\nschacExpiryDate: 20270101000000Z\n\
         portvaktDeactivated: stolen\nportvaktSuspended: abuse\nportvaktVlan: staff\n\
         portvaktService: vpn\nportvaktAlias: S1\nportvaktAlias: a.berg\n\
         portvaktReplyProfile: admins\nportvaktReplyProfile: staff\n\
         radiusFramedIPAddress: 10.99.0.7\nradiusFramedIPv6Prefix: 2001:db8:99:7::/64\n",
    );
    let note = |reason: &str| {
        Some(Closure {
            reason: reason.to_owned(),
            until: None,
            since: now(),
            by: SOURCE.to_owned(),
        })
    };
    let expected = Account {
        display_name: Some("Anna Berg".to_owned()),
        mail: Some("a@x.no".to_owned()),
        mobile: Some("+47 400".to_owned()),
        deactivated: note("stolen"),
        suspended: note("abuse"),
        expires: Some(time("2027-01-01T00:00:00Z")),
        services: Some(vec!["vpn".to_owned()]),
        vlan: Some("staff".to_owned()),
        reply: Some(Box::new(AccountReply {
            profiles: vec!["admins".to_owned(), "staff".to_owned()],
            framed_ip_address: Some([10, 99, 0, 7].into()),
            framed_ipv6_prefix: Some("2001:db8:99:7::/64".parse().unwrap()),
        })),
        aliases: vec!["a.berg".to_owned(), "s1".to_owned()],
        ..Account::new(AccountId::new("anna").unwrap(), Kind::Employee)
    };
    assert_eq!(account, expected);
}

#[test]
fn user_name_is_normalised_and_may_come_from_the_principal_name() {
    assert_eq!(account("").id.as_str(), "anna");
    let draft = read("eduPersonPrincipalName: ÅSE@X.no\neduPersonPrimaryAffiliation: staff\n");
    assert_eq!(draft.unwrap().unwrap().id().as_str(), "åse");
}

#[test]
fn entry_without_name_is_nobody_unless_it_has_an_affiliation() {
    assert!(read("ou: people\n").unwrap().is_none());
    assert!(
        read(&format!("cn: admin\nuserPassword: {HASH}\n"))
            .unwrap()
            .is_none()
    );
    let expected = (
        "uid".to_owned(),
        Some(1),
        AttributeFault::Name(NameError::Empty),
    );
    assert_eq!(faults("eduPersonPrimaryAffiliation: student\n"), [expected]);
}

#[test]
fn only_students_have_facts_of_students() {
    let facts = "portvaktInRegistry: TRUE\nportvaktRegisteredTerm: 2026-autumn\n";
    assert_eq!(account(facts).student, None);
    let student = read(&format!(
        "uid: a\neduPersonPrimaryAffiliation: Student\n{facts}"
    ));
    let facts = student
        .unwrap()
        .unwrap()
        .merge(None, now())
        .student
        .unwrap();
    assert!(facts.in_registry);
    assert_eq!(facts.registered_for, Some("2026-autumn".parse().unwrap()));
    assert_eq!((facts.fee_paid_for, facts.ended_on), (None, None));
}

#[test]
fn each_fault_is_told_with_its_attribute_and_line() {
    let cases = [
        ("portvaktVlan:: /w==", AttributeFault::NotText),
        ("portvaktVlan:", AttributeFault::Empty),
        (
            "radiusFramedIPAddress: 10.99.0",
            AttributeFault::Ipv4Address,
        ),
        (
            "radiusFramedIPv6Prefix: 2001:db8::1",
            AttributeFault::Ipv6Prefix,
        ),
        ("portvaktAlias: a b", AttributeFault::Name(NameError::Space)),
        (
            "portvaktFeePaidTerm: autumn 2026",
            AttributeFault::Term(TermError),
        ),
        ("pwdChangedTime: 2026-01-01", AttributeFault::Time),
        ("portvaktEndedOn: 30.06.2026", AttributeFault::Date),
        ("portvaktInRegistry: yes", AttributeFault::Boolean),
        (
            "userPassword: {ROT13}uryyb",
            AttributeFault::Hash(HashError::UnknownScheme),
        ),
        ("userPassword: hunter2", AttributeFault::Cleartext),
        (
            "userPassword: {cleartext}hunter2",
            AttributeFault::Cleartext,
        ),
        ("userPassword:", AttributeFault::Empty),
    ];
    for (line, expected) in cases {
        assert_eq!(fault(line), expected, "{line}");
    }
    let long = "a".repeat(1025);
    assert_eq!(
        fault(&format!("portvaktService: {long}")),
        AttributeFault::TooLong(1024)
    );
    assert_eq!(
        fault(&format!("portvaktVlan: {}", &long[..250])),
        AttributeFault::TooLong(249)
    );
}

#[test]
fn everything_wrong_with_an_entry_is_told_at_once() {
    let all = faults("uid: a b\nuid: c\n");
    assert_eq!(all[0], ("uid".to_owned(), Some(3), AttributeFault::Several));
    let all = faults("uid: a\npwdChangedTime: x\nschacExpiryDate: x\n");
    let names: Vec<_> = all.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "pwdChangedTime",
            "eduPersonPrimaryAffiliation",
            "schacExpiryDate"
        ]
    );
}

#[test]
fn unknown_kind_is_an_error_and_a_missing_one_may_have_a_default() {
    let unknown = AttributeFault::UnknownKind("member".to_owned());
    assert_eq!(
        faults("uid: a\neduPersonPrimaryAffiliation: member\n")[0].2,
        unknown
    );
    assert_eq!(faults("uid: a\n")[0].2, AttributeFault::NoKind);
    let map = AttributeMap {
        default_kind: Some(Kind::Guest),
        ..AttributeMap::default()
    };
    let draft = AccountFacts::read(&entry("uid: a\n"), &map, false, now())
        .unwrap()
        .unwrap();
    assert_eq!(draft.merge(None, now()).kind, Kind::Guest);
}

#[test]
fn attributes_can_be_mapped_to_other_names_and_switched_off() {
    let map = AttributeMap {
        names: AttributeNames::default()
            .with(AttributeRole::UserName, "sAMAccountName")
            .with(AttributeRole::Kind, "employeeType")
            .with(AttributeRole::Mail, ""),
        ..AttributeMap::default()
    };
    let entry = entry("samaccountname: anna\nemployeetype: staff\nmail: a@x.no\n");
    let account = AccountFacts::read(&entry, &map, false, now())
        .unwrap()
        .unwrap()
        .merge(None, now());
    assert_eq!((account.id.as_str(), account.mail), ("anna", None));
}

#[test]
fn new_password_moves_the_old_one_to_the_previous_and_voids_proofs() {
    let before = with_password(HASH).merge(None, time("2026-01-01T00:00:00Z"));
    assert_eq!(before.credential_version, 1);
    let after = with_password(OTHER_HASH).merge(Some(&before), now());
    let password = after.password.as_ref().unwrap();
    assert_eq!(
        (password.hash.reveal(), password.changed_at),
        (OTHER_HASH, now())
    );
    assert_eq!(after.previous, [before.password.unwrap().hash]);
    assert_eq!(after.credential_version, 2);
}

#[test]
fn same_password_changes_neither_time_nor_version() {
    let before = with_password(HASH).merge(None, time("2026-01-01T00:00:00Z"));
    assert_eq!(with_password(HASH).merge(Some(&before), now()), before);
}

#[test]
fn source_without_a_password_leaves_the_one_that_is_there() {
    let before = with_password(HASH).merge(None, now());
    assert_eq!(draft("").merge(Some(&before), now()), before);
}

#[test]
fn password_left_behind_does_not_come_back_with_an_old_file() {
    let first = with_password(HASH).merge(None, now());
    let second = with_password(OTHER_HASH).merge(Some(&first), now());
    assert_eq!(with_password(HASH).merge(Some(&second), now()), second);
    let set_later = draft(&format!(
        "userPassword: {HASH}\npwdChangedTime: 20270101000000Z\n"
    ));
    let third = set_later.merge(Some(&second), now());
    assert_eq!(third.password.unwrap().hash.reveal(), HASH);
    assert_eq!(third.credential_version, 3);
}

#[test]
fn what_a_person_closed_stays_closed_and_what_the_source_closed_opens_with_it() {
    let mut before = account("portvaktDeactivated: by the source\n");
    let by_hand = Closure {
        reason: "by hand".to_owned(),
        until: None,
        since: now(),
        by: "helpdesk".to_owned(),
    };
    before.suspended = Some(by_hand.clone());
    let after = draft("").merge(Some(&before), now());
    assert_eq!((after.deactivated, after.suspended), (None, Some(by_hand)));
}

#[test]
fn note_of_the_source_keeps_its_time_while_its_reason_stays() {
    let later = time("2027-01-01T00:00:00Z");
    let before = account("portvaktSuspended: abuse\n");
    let again = AccountFacts::read(
        &entry("uid: anna\neduPersonPrimaryAffiliation: staff\nportvaktSuspended: abuse\n"),
        &AttributeMap::default(),
        false,
        later,
    );
    let after = again.unwrap().unwrap().merge(Some(&before), later);
    assert_eq!(after.suspended.unwrap().since, now());
}

#[test]
fn cleartext_is_hashed_where_asked_and_hashing_it_twice_changes_nothing() {
    let lines = "uid: anna\neduPersonPrimaryAffiliation: staff\nuserPassword: hunter2\n";
    let read = || AccountFacts::read(&entry(lines), &AttributeMap::default(), true, now());
    let mut scratch = HashMemory::new();
    let salt = AtomicU8::new(0);
    let salt = || [salt.fetch_add(1, Ordering::Relaxed); 16];
    let hash = argon2id(Argon2Cost::new(64, 1, 1).unwrap(), salt);
    let mut draft = read().unwrap().unwrap();
    assert!(draft.is_cleartext() && !format!("{draft:?}").contains("hunter2"));
    draft.hash_cleartext(None, &hash, &mut scratch).unwrap();
    let before = draft.merge(None, now());
    assert!(
        before
            .password
            .as_ref()
            .unwrap()
            .hash
            .reveal()
            .starts_with("$argon2id$")
    );

    let mut again = read().unwrap().unwrap();
    let hashed = again.hash_cleartext(Some(&before), &hash, &mut scratch);
    hashed.unwrap();
    assert_eq!(again.merge(Some(&before), now()), before);
}

#[test]
fn password_set_before_the_present_one_is_left_out_and_told() {
    let at =
        |time: &str, hash: &str| draft(&format!("userPassword: {hash}\npwdChangedTime: {time}\n"));
    let account = at("20260601120000Z", HASH).merge(None, now());
    let older = at("20260501120000Z", OTHER_HASH).join(Some(&account), now());
    assert!(older.older_password);
    assert_eq!(older.account, account);
    let later = at("20260701120000Z", OTHER_HASH).join(Some(&account), now());
    assert!(!later.older_password);
    assert_ne!(later.account.password, account.password);
    let same = at("20260501120000Z", HASH).join(Some(&account), now());
    assert!(!same.older_password);
}

#[test]
fn cleartext_of_a_password_that_the_account_has_had_does_not_come_back() {
    let clear = |password: &str| {
        let lines =
            format!("uid: anna\neduPersonPrimaryAffiliation: staff\nuserPassword: {password}\n");
        let draft = AccountFacts::read(&entry(&lines), &AttributeMap::default(), true, now());
        draft.unwrap().unwrap()
    };
    let mut scratch = HashMemory::new();
    let salt = AtomicU8::new(0);
    let salt = || [salt.fetch_add(1, Ordering::Relaxed); 16];
    let hash = argon2id(Argon2Cost::new(64, 1, 1).unwrap(), salt);
    let mut import = |existing: Option<&Account>, password: &str| {
        let mut draft = clear(password);
        draft.hash_cleartext(existing, &hash, &mut scratch).unwrap();
        draft.join(existing, now())
    };
    let first = import(None, "first").account;
    let second = import(Some(&first), "second").account;
    assert_ne!(second.password, first.password);
    let old_file = import(Some(&second), "first");
    assert!(old_file.older_password);
    assert_eq!(old_file.account, second);
}

#[test]
fn cleartext_that_was_never_hashed_is_not_stored() {
    let lines = "uid: anna\neduPersonPrimaryAffiliation: staff\nuserPassword: hunter2\n";
    let draft = AccountFacts::read(&entry(lines), &AttributeMap::default(), true, now());
    assert_eq!(draft.unwrap().unwrap().merge(None, now()).password, None);
}

fn with_realms(lines: &str) -> Result<Option<AccountFacts>, Vec<AttributeError>> {
    let map = AttributeMap {
        realms: vec![portvakt_auth::Realm::parse("campus.example").unwrap()],
        ..AttributeMap::default()
    };
    let lines = format!("eduPersonPrimaryAffiliation: employee\n{lines}");
    AccountFacts::read(&entry(&lines), &map, false, now())
}

#[test]
fn name_with_a_realm_of_ours_is_the_name_without_it() {
    let lines = "uid: Anna@Campus.Example\nportvaktAlias: a.berg@campus.example\n\
                 portvaktAlias: anna@elsewhere.example\n";
    let draft = with_realms(lines).unwrap().unwrap();
    assert_eq!(draft.id().as_str(), "anna");
    assert!(!draft.has_foreign_name);
    assert_eq!(draft.merge(None, now()).aliases, ["a.berg"]);
    let foreign = with_realms("uid: anna@elsewhere.example\n")
        .unwrap()
        .unwrap();
    assert!(foreign.has_foreign_name);
}

#[test]
fn what_grants_nothing_is_passed_over_where_it_can_not_be_shown() {
    let long = "a".repeat(1025);
    let account = account(&format!(
        "mail:\nmail: anna@x.no\ndisplayName:: /w==\ndisplayName: {long}\ndisplayName: Anna\n\
         displayName: Anna Berg\nmobile:: /w==\n"
    ));
    assert_eq!(account.mail.as_deref(), Some("anna@x.no"));
    assert_eq!(account.display_name.as_deref(), Some("Anna"));
    assert_eq!(account.mobile, None);
}

#[test]
fn several_names_and_affiliations_are_understood_as_a_directorys() {
    let lines = "uid: s100\nuid: anna\neduPersonPrimaryAffiliation: member\n\
                 eduPersonPrimaryAffiliation: student\neduPersonPrimaryAffiliation: staff\n";
    let text = format!("dn: UID=Anna,ou=people\n{lines}");
    let entry = LdifReader::new(text.as_bytes()).next().unwrap().unwrap();
    let draft = AccountFacts::read(&entry, &AttributeMap::default(), false, now());
    let account = draft.unwrap().unwrap().merge(None, now());
    assert_eq!(account.id.as_str(), "anna");
    assert_eq!(account.aliases, ["s100"]);
    assert_eq!(account.kind, Kind::Employee);
}

#[test]
fn end_in_the_last_hours_of_the_calendar_is_never_and_a_stamp_there_is_wrong() {
    assert_eq!(account("schacExpiryDate: 99991231235959Z\n").expires, None);
    let stamp = fault("pwdChangedTime: 99991231235959Z");
    assert_eq!(stamp, AttributeFault::BeyondCalendar);
}
