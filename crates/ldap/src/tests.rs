//! Accounts from entries of each kind of directory.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use portvakt_auth::{Account, HashError, Kind, PasswordKind, Realm, Verification};

use super::RealmScope;
use crate::query::search::Queries;
use crate::schema::mapping::Mapping;
use crate::settings::{Group, Membership, PasswordAge, Scope, Settings, Template, Verify};
use portvakt_directory::attributes::AttributeRole;
use portvakt_directory::entry::Entry;
use portvakt_directory::entry_reader::{AttributeError, AttributeFault};
use portvakt_directory::ldif::LdifReader;
use portvakt_directory::{EntryFault, EntryReport};

const HASH: &str = "{SSHA}aPqqnTf4CqJXu1koaWaZHdf/rnpwb3J0dmFrdA==";
/// As the former, of another password.
const OTHER_HASH: &str = "{SSHA}bPqqnTf4CqJXu1koaWaZHdf/rnpwb3J0dmFrdA==";

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn realm() -> Realm {
    Realm::parse("campus.example").unwrap()
}

fn people() -> RealmScope {
    RealmScope {
        realms: vec![realm()],
        ..RealmScope::default()
    }
}

fn verify(template: Template) -> Verify {
    match template {
        Template::ActiveDirectory => Verify::Bind,
        _ => Verify::Hash,
    }
}

fn settings(template: Template) -> Settings {
    let seconds = Duration::from_secs;
    Settings {
        name: "campus".to_owned(),
        template,
        servers: Vec::new(),
        balance: false,
        mirror: None,
        authorities: None,
        ca_file: None,
        server_name: None,
        base: "dc=campus,dc=example".to_owned(),
        scope: Scope::Subtree,
        filter: None,
        bind: None,
        verify: verify(template),
        timeout: seconds(3),
        connect_timeout: seconds(1),
        grace: Duration::ZERO,
        old_password_period: match template {
            Template::ActiveDirectory => seconds(3600),
            _ => Duration::ZERO,
        },
        lock_holds: None,
        password_age: PasswordAge::of(verify(template)),
        writing: None,
        query_timeout: seconds(2),
        connections: 1,
        bind_connections: 1,
        keep_alive: seconds(60),
        attributes: BTreeMap::new(),
        kinds: [("student", Kind::Student), ("employee", Kind::Employee)]
            .map(|(word, kind)| (word.to_owned(), kind))
            .into(),
        default_kind: Some(Kind::Employee),
        membership: Membership::MemberOf,
        group_base: "dc=campus,dc=example".to_owned(),
        groups: Vec::new(),
    }
}

fn entry(dn: &str, lines: &str) -> Entry {
    let text = format!("dn: {dn}\n{lines}");
    LdifReader::new(text.as_bytes()).next().unwrap().unwrap()
}

fn report(settings: &Settings, lines: &str) -> EntryReport {
    let entry = entry("uid=anna,ou=people,dc=campus,dc=example", lines);
    Mapping::new(settings, &people()).understand(&entry, now())
}

fn account(settings: &Settings, lines: &str) -> Account {
    report(settings, lines).account.unwrap()
}

fn fault(settings: &Settings, lines: &str) -> EntryFault {
    report(settings, lines).account.unwrap_err()
}

/// The attributes at fault.
fn faults(settings: &Settings, lines: &str) -> Vec<(String, AttributeFault)> {
    match fault(settings, lines) {
        EntryFault::Attributes(errors) => {
            let fault = |error: AttributeError| (error.attribute, error.fault);
            errors.into_iter().map(fault).collect()
        }
        other => panic!("{other}"),
    }
}

fn openldap(lines: &str) -> Account {
    let lines = format!("uid: anna\nuserPassword: {HASH}\n{lines}");
    account(&settings(Template::OpenLdap), &lines)
}

fn active_directory(lines: &str) -> Account {
    let lines = format!("sAMAccountName: anna\n{lines}");
    account(&settings(Template::ActiveDirectory), &lines)
}

fn moment(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

#[test]
fn openldap_is_understood() {
    let anna = openldap(
        "displayName: Anna Berg\nmail: anna@campus.example\nmail: second@campus.example\n\
         eduPersonPrincipalName: anna.berg@campus.example\nportvaktAlias: S100001\n\
         eduPersonPrimaryAffiliation: student\npwdChangedTime: 20260815080000Z\n\
         schacExpiryDate: 20270630000000Z\n",
    );
    assert_eq!(anna.id.as_str(), "anna");
    assert_eq!(anna.aliases, ["anna.berg", "s100001"]);
    assert_eq!(anna.kind, Kind::Student);
    assert_eq!(anna.mail.as_deref(), Some("anna@campus.example"));
    assert_eq!(
        anna.password_age(),
        Some((PasswordKind::Permanent, moment("2026-08-15T08:00:00Z")))
    );
    assert_eq!(anna.expires, moment("2027-06-30T00:00:00Z"));
    assert_eq!(anna.verification, Verification::StoredHash);
    assert!(anna.student.unwrap().kept_elsewhere);
}

#[test]
fn name_with_a_realm_of_ours_is_the_name_without_it_and_one_of_another_is_no_alias() {
    let only = format!("uid: only@campus.example\nuserPassword: {HASH}\n");
    let anna = account(&settings(Template::OpenLdap), &only);
    assert_eq!(anna.id.as_str(), "only");
    let lines = format!(
        "uid: anna\nuid: b@campus.example\nuid: c@elsewhere.example\nuserPassword: {HASH}\n"
    );
    let anna = account(&settings(Template::OpenLdap), &lines);
    assert_eq!(
        (anna.id.as_str(), anna.aliases),
        ("anna", vec!["b".to_owned()])
    );
}

#[test]
fn end_beyond_the_calendar_is_never() {
    let far = active_directory("accountExpires: 2650467743999999999\n");
    assert_eq!(far.expires, None);
    for line in [
        "schacExpiryDate: 99991231235959Z",
        "shadowExpire: 99999999",
        "shadowExpire: -1",
        "sambaKickoffTime: 0",
        "sambaKickoffTime: 2147483647",
        "pwdEndTime: 99991231235959Z",
    ] {
        assert_eq!(openldap(&format!("{line}\n")).expires, None, "{line}");
    }
    let earliest = openldap("schacExpiryDate: 99991231235959Z\nshadowExpire: 20680\n");
    assert_eq!(earliest.expires, moment("2026-08-15T00:00:00Z"));
}

#[test]
fn moment_that_can_not_be_read_is_told_in_the_words_of_its_attribute() {
    let lines = "sAMAccountName: anna\naccountExpires: 99991231235959Z\npwdLastSet: soon\n";
    let faults = faults(&settings(Template::ActiveDirectory), lines);
    let no_filetime = "this is no FILETIME: 100 nanoseconds since 1601, in digits";
    let expected = ["pwdLastSet", "accountExpires"]
        .map(|name| (name.to_owned(), AttributeFault::Value(no_filetime)));
    assert_eq!(faults, expected);
}

#[test]
fn password_set_beyond_the_calendar_was_set_nobody_knows_when() {
    let anna = active_directory("pwdLastSet: 2650467743999999999\n");
    assert_eq!(anna.password_age(), Some((PasswordKind::Permanent, None)));
}

#[test]
fn directory_that_checks_passwords_judges_their_age_unless_told_otherwise() {
    assert!(active_directory("").password_ages_elsewhere);
    assert!(!openldap("").password_ages_elsewhere);
}

#[test]
fn password_that_never_expires_in_active_directory_never_expires_here() {
    for (flags, never) in [("66048", true), ("512", false)] {
        let settings = Settings {
            password_age: PasswordAge::ValidDays,
            ..settings(Template::ActiveDirectory)
        };
        let lines = format!("sAMAccountName: anna\nuserAccountControl: {flags}\n");
        assert_eq!(
            account(&settings, &lines).password_ages_elsewhere,
            never,
            "{flags}"
        );
    }
}

#[test]
fn account_that_its_own_server_closes_is_closed_here() {
    let now = now();
    for (lines, until) in [
        ("sambaAcctFlags: [UD         ]", None),
        ("inetUserStatus: Inactive", None),
        ("pwdAccountLockedTime: 20261127203347Z", None),
        (
            "accountUnlockTime: 20261124000000Z",
            moment("2026-11-24T00:00:00Z"),
        ),
        (
            "pwdStartTime: 20261124000000Z",
            moment("2026-11-24T00:00:00Z"),
        ),
        ("pwdStartTime: 20261124000000Z\nnsAccountLock: true", None),
    ] {
        let note = openldap(&format!("{lines}\n")).deactivated.unwrap();
        assert_eq!((note.since, note.until), (now, until), "{lines}");
        assert!(
            note.reason.starts_with("closed in the directory ("),
            "{lines}"
        );
    }
    for lines in [
        "sambaAcctFlags: [UX         ]",
        "inetUserStatus: active",
        "accountUnlockTime: 20261121000000Z",
        "pwdStartTime: 20261121000000Z",
    ] {
        assert_eq!(openldap(&format!("{lines}\n")).deactivated, None, "{lines}");
    }
}

#[test]
fn lock_of_the_policy_opens_again_after_lock_holds() {
    let settings = Settings {
        lock_holds: Some(Duration::from_secs(900)),
        ..settings(Template::OpenLdap)
    };
    let lines = |at: &str| format!("uid: anna\nuserPassword: {HASH}\npwdAccountLockedTime: {at}\n");
    let note = account(&settings, &lines("20261122115000Z"))
        .deactivated
        .unwrap();
    assert_eq!(note.until, moment("2026-11-22T12:05:00Z"));
    assert_eq!(
        account(&settings, &lines("20261122114500Z")).deactivated,
        None
    );
}

#[test]
fn names_with_commas_and_other_spellings_are_the_same_group_and_the_same_person() {
    let group = |dn: &str| Group {
        dn: dn.to_owned(),
        kind: Some(Kind::Student),
        services: Vec::new(),
        vlan: None,
        reply: None,
    };
    let settings = Settings {
        groups: vec![group("CN=Staff\\, Physics,OU=Groups,DC=campus,DC=example")],
        ..settings(Template::OpenLdap)
    };
    let lines = |dn: &str| format!("uid: anna\nuserPassword: {HASH}\nmemberOf: {dn}\n");
    for same in [
        "CN=Staff\\, Physics,OU=Groups,DC=campus,DC=example",
        "cn=staff\\2c  physics, ou=groups, dc=campus, dc=example",
        "commonName=Staff\\, Physics,2.5.4.11=Groups,DC=campus,DC=example",
    ] {
        assert_eq!(
            account(&settings, &lines(same)).kind,
            Kind::Student,
            "{same}"
        );
    }
    let other = "cn=staff,ou=groups,dc=campus,dc=example";
    assert_eq!(account(&settings, &lines(other)).kind, Kind::Employee);

    let dn = "cn=Berg\\, Anna+uid=anna.berg,ou=people,dc=campus,dc=example";
    let entry = entry(
        dn,
        &format!("uid: a100\nuid: anna.berg\nuserPassword: {HASH}\n"),
    );
    let report = Mapping::new(&settings, &people()).understand(&entry, now());
    assert_eq!(report.account.unwrap().id.as_str(), "anna.berg");
}

#[test]
fn password_that_the_directory_has_locked_closes_the_account_and_is_no_fault() {
    let beside = format!("*\nuserPassword: {HASH}\nuserPassword: {OTHER_HASH}");
    let behind = format!("!{HASH}");
    for mark in ["{CRYPT}*", "{CRYPT}!$6$salt$x", &behind, "*LK*", &beside] {
        let lines = format!("uid: anna\nuserPassword: {mark}\n");
        let anna = account(&settings(Template::OpenLdap), &lines);
        assert_eq!(anna.verification, Verification::PasswordLocked, "{mark}");
        let note = anna.deactivated.unwrap();
        assert_eq!(note.reason, "password locked by the source", "{mark}");
        assert_eq!((anna.password, anna.besides), (None, Vec::new()), "{mark}");
    }
}

#[test]
fn password_that_is_checked_elsewhere_says_so() {
    let lines = "uid: anna\nuserPassword: {SASL}anna@CAMPUS.EXAMPLE\n";
    let faults = faults(&settings(Template::OpenLdap), lines);
    let expected = AttributeFault::Hash(HashError::CheckedElsewhere { name: "{SASL}" });
    assert_eq!(faults, [("userPassword".to_owned(), expected)]);
}

#[test]
fn directory_389ds_is_understood() {
    let lines = format!(
        "uid: anna\nuserPassword: {HASH}\nkrbPrincipalName: anna@CAMPUS.EXAMPLE\n\
         krbPrincipalName: host/pc.campus.example@CAMPUS.EXAMPLE\n\
         krbLastPwdChange: 20260815080000Z\nkrbPrincipalExpiration: 20270630000000Z\n\
         nsAccountLock: FALSE\n"
    );
    let anna = account(&settings(Template::Ds389), &lines);
    assert!(anna.deactivated.is_none());
    assert_eq!(anna.expires, moment("2027-06-30T00:00:00Z"));
    let closed = account(&settings(Template::Ds389), &lines.replace("FALSE", "TRUE"));
    let note = closed.deactivated.unwrap();
    assert_eq!(note.reason, "closed in the directory (nsAccountLock)");
}

#[test]
fn active_directory_is_understood() {
    let anna = active_directory(
        "userPrincipalName: anna.berg@campus.example\nuserAccountControl: 512\n\
         pwdLastSet: 134312544000000000\naccountExpires: 9223372036854775807\ndisplayName: Anna\n",
    );
    assert_eq!(anna.id.as_str(), "anna");
    assert_eq!(anna.aliases, ["anna.berg"]);
    assert_eq!(anna.expires, None);
    assert!(anna.deactivated.is_none());
    let Verification::Bind(name) = anna.verification else {
        panic!("{:?}", anna.verification);
    };
    assert_eq!(name.entry, "uid=anna,ou=people,dc=campus,dc=example");
    assert_eq!(name.changed_at, moment("2026-08-15T08:00:00Z"));
}

#[test]
fn active_directory_closes_ends_and_asks_for_another_password_by_numbers() {
    assert!(
        active_directory("userAccountControl: 514\n")
            .deactivated
            .is_some()
    );
    assert_eq!(active_directory("accountExpires: 0\n").expires, None);
    let ends = active_directory("accountExpires: 134312544000000000\n").expires;
    assert_eq!(ends, moment("2026-08-15T08:00:00Z"));
    let temporary = active_directory("pwdLastSet: 0\n");
    assert_eq!(
        temporary.password_age(),
        Some((PasswordKind::Temporary, None))
    );
}

#[test]
fn days_and_seconds_of_older_schemas_are_understood() {
    let anna = openldap("shadowLastChange: 20680\nshadowExpire: 20999\n");
    assert_eq!(
        anna.password_age().unwrap().1,
        moment("2026-08-15T00:00:00Z")
    );
    assert_eq!(anna.expires, moment("2027-06-30T00:00:00Z"));
    assert_eq!(openldap("shadowExpire: -1\n").expires, None);
    let samba = openldap("sambaPwdLastSet: 1786780800\nsambaKickoffTime: 1814313600\n");
    assert_eq!(
        samba.password_age().unwrap().1,
        moment("2026-08-15T08:00:00Z")
    );
    // Of several ends the earliest counts.
    let both = openldap("schacExpiryDate: 20300101000000Z\nshadowExpire: 20999\n");
    assert_eq!(both.expires, moment("2027-06-30T00:00:00Z"));
}

#[test]
fn lock_for_good_closes_and_lock_for_a_while_does_not_where_the_directory_checks() {
    assert!(
        openldap("pwdAccountLockedTime: 000001010000Z\n")
            .deactivated
            .is_some()
    );
    let by_bind = Settings {
        verify: Verify::Bind,
        ..settings(Template::OpenLdap)
    };
    let lines = "uid: anna\npwdAccountLockedTime: 20261122113000Z\n";
    assert!(account(&by_bind, lines).deactivated.is_none());
    assert!(
        openldap("portvaktDeactivated: FALSE\n")
            .deactivated
            .is_none()
    );
    assert_eq!(
        openldap("portvaktDeactivated: stolen\n")
            .deactivated
            .unwrap()
            .reason,
        "stolen"
    );
}

#[test]
fn password_that_must_be_changed_first_is_a_temporary_one() {
    assert_eq!(
        openldap("pwdReset: TRUE\n").password_age().unwrap().0,
        PasswordKind::Temporary
    );
    assert_eq!(
        openldap("pwdReset: FALSE\n").password_age().unwrap().0,
        PasswordKind::Permanent
    );
}

#[test]
fn password_that_is_said_not_to_be_temporary_is_a_permanent_one_where_the_directory_checks() {
    let by_bind = Settings {
        verify: Verify::Bind,
        ..settings(Template::OpenLdap)
    };
    for (word, kind) in [
        ("TRUE", PasswordKind::Temporary),
        ("FALSE", PasswordKind::Permanent),
    ] {
        let anna = account(&by_bind, &format!("uid: anna\npwdReset: {word}\n"));
        assert_eq!(anna.password_age().unwrap().0, kind, "{word}");
    }
}

#[test]
fn of_several_names_the_one_in_the_dn_is_the_account() {
    let anna = openldap("uid: berg\nuid: aberg\n");
    assert_eq!(anna.id.as_str(), "anna");
    assert_eq!(anna.aliases, ["aberg", "berg"]);
}

#[test]
fn who_works_here_and_studies_too_is_an_employee() {
    let lines = "eduPersonAffiliation: member\neduPersonAffiliation: student\n";
    assert_eq!(openldap(lines).kind, Kind::Student);
    let lines = format!("{lines}eduPersonAffiliation: employee\n");
    assert_eq!(openldap(&lines).kind, Kind::Employee);
    assert_eq!(
        openldap("eduPersonAffiliation: member\n").kind,
        Kind::Employee
    );
}

#[test]
fn what_grants_nothing_may_be_broken_and_what_does_may_not() {
    let anna = openldap("mobile: \nmobile: +47 400 00 001\nportvaktAlias: two words\n");
    assert_eq!(anna.mobile.as_deref(), Some("+47 400 00 001"));
    assert_eq!(anna.aliases, [""; 0]);
    let settings = settings(Template::OpenLdap);
    let right = format!("uid: anna\nuserPassword: {HASH}\n");
    let cases = [
        ("schacExpiryDate: soon\n", "schacExpiryDate"),
        ("pwdChangedTime: yesterday\n", "pwdChangedTime"),
        ("userAccountControl: many\n", "userAccountControl"),
        (
            // Three open, a fourth is one too many.
            "userPassword: {SSHA}MT5wuubbFqcj7N8OV3Ef7IpqIQyCZcy9bcbOqg==\n\
             userPassword: {SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n\
             userPassword: {SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n",
            "userPassword",
        ),
    ];
    for (lines, expected) in cases {
        let faults = faults(&settings, &format!("{right}{lines}"));
        let names: Vec<_> = faults.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [expected], "{faults:?}");
    }
    assert_eq!(
        faults(&settings, "uid: anna\nuserPassword: open-sesame\n"),
        [("userPassword".to_owned(), AttributeFault::Cleartext)]
    );
    assert_eq!(
        fault(&settings, "cn: nobody\n"),
        EntryFault::NoUserName(vec!["uid".to_owned()])
    );
}

#[test]
fn hash_that_is_not_shown_can_not_be_checked() {
    let anna = account(&settings(Template::OpenLdap), "uid: anna\n");
    assert_eq!(anna.verification, Verification::Impossible);
}

#[test]
fn groups_give_kind_vlan_and_services() {
    let mut settings = settings(Template::OpenLdap);
    let group = |name: &str, services: &[&str], vlan: Option<&str>, kind| Group {
        dn: format!("cn={name}, OU=Groups,dc=campus,dc=example"),
        kind,
        services: services
            .iter()
            .map(|service| (*service).to_owned())
            .collect(),
        vlan: vlan.map(str::to_owned),
        reply: vlan.map(|vlan| format!("profile-{vlan}")),
    };
    settings.groups = vec![
        group("guests", &["eduroam"], None, Some(Kind::Guest)),
        group("vpn", &["vpn"], Some("120"), None),
        group("staff", &["wired"], Some("130"), Some(Kind::Employee)),
    ];
    let of = |groups: &[&str]| {
        let member = |name: &&str| format!("memberOf: cn={name},ou=groups,dc=campus,dc=example\n");
        let groups: String = groups.iter().map(member).collect();
        account(
            &settings,
            &format!("uid: anna\nuserPassword: {HASH}\n{groups}"),
        )
    };
    let both = of(&["VPN", "staff"]);
    assert_eq!(both.services.unwrap(), ["vpn", "wired"]);
    assert_eq!(both.vlan.as_deref(), Some("120"));
    assert_eq!(both.reply.unwrap().profiles, ["profile-120", "profile-130"]);
    assert_eq!(both.kind, Kind::Employee);
    assert_eq!(of(&["guests"]).kind, Kind::Guest);
    assert_eq!(of(&["others"]).services.unwrap(), [""; 0]);
}

#[test]
fn version_changes_with_the_password_and_with_nothing_else() {
    let version = |lines: &str| openldap(lines).credential_version;
    let before = version("pwdChangedTime: 20260815080000Z\nmail: a@campus.example\n");
    assert_eq!(
        version("pwdChangedTime: 20260815080000Z\nentryCSN: 7\n"),
        before
    );
    assert_ne!(version("pwdChangedTime: 20260815080001Z\n"), before);
    // Where nobody says when the password was set, any change may have been one.
    let version = |lines: &str| active_directory(lines).credential_version;
    assert_ne!(version("uSNChanged: 7\n"), version("uSNChanged: 8\n"));
    let set = "pwdLastSet: 134312544000000000\n";
    // Twice in one second.
    assert_ne!(version(set), version("pwdLastSet: 134312544000000001\n"));
    assert_eq!(
        version(&format!("{set}uSNChanged: 7\n")),
        version(&format!("{set}uSNChanged: 8\n"))
    );
}

/// A bind proves nothing that may be built on where nothing says when the password changes, and in
/// Active Directory within the hour in which it takes the one before.
#[test]
fn password_that_can_not_be_dated_is_never_sure() {
    let mut settings = settings(Template::OpenLdap);
    settings.verify = Verify::Bind;
    let is_sure = |lines: &str| {
        let account = account(&settings, &format!("uid: anna\n{lines}"));
        account.is_sure_of_password(now())
    };
    assert!(is_sure("pwdChangedTime: 20260815080001Z\n"));
    assert!(is_sure("entryCSN: 7\n") && is_sure("modifyTimestamp: 20260815080000Z\n"));
    assert!(!is_sure("") && !is_sure("mail: anna@campus.example\n"));
    // Days alone: it may have changed twice in one.
    assert!(!is_sure("shadowLastChange: 20680\n"));
    assert!(is_sure("shadowLastChange: 20680\nentryCSN: 7\n"));
    let version = |lines: &str| account(&settings, lines).credential_version;
    assert_ne!(
        version("uid: anna\nshadowLastChange: 20680\nentryCSN: 7\n"),
        version("uid: anna\nshadowLastChange: 20680\nentryCSN: 8\n")
    );
    let report = report(&settings, "uid: anna\n");
    let said = report.attributes.last().unwrap();
    assert!(said.attribute.contains("pwdChangedTime") && said.meaning.contains("not remembered"));
}

#[test]
fn password_of_active_directory_is_sure_once_the_one_before_is_not_taken_any_more() {
    let filetime = |seconds: i64| {
        let of_now = now().as_second() + 11_644_473_600;
        format!("pwdLastSet: {}\n", (of_now - seconds) * 10_000_000)
    };
    let is_sure = |lines: &str| active_directory(lines).is_sure_of_password(now());
    assert!(is_sure(&filetime(3600)) && !is_sure(&filetime(3599)));
    // Clocks differ.
    assert!(!is_sure(&filetime(-60)));
    // Another number for each change of the entry, on each server: no date.
    assert!(!is_sure("uSNChanged: 7\n"));
}

#[test]
fn hash_is_neither_asked_for_nor_shown_where_the_directory_checks() {
    let mut settings = settings(Template::OpenLdap);
    let wanted = |settings: &Settings| Mapping::new(settings, &people()).wanted();
    assert!(wanted(&settings).contains(&"userPassword".to_owned()));
    settings.verify = Verify::Bind;
    assert!(!wanted(&settings).contains(&"userPassword".to_owned()));
}

#[test]
fn reports_show_no_hash_and_no_control_character() {
    let lines = format!("uid: anna\nuserPassword: {HASH}\ndisplayName:: QW5uYQcbWzMxbQ==\n");
    let report = report(&settings(Template::OpenLdap), &lines);
    let shown: String = report.attributes.iter().map(ToString::to_string).collect();
    assert!(
        shown.contains("SHA-1") && !shown.contains("aPqqn"),
        "{shown}"
    );
    assert!(!shown.contains(['\u{7}', '\u{1b}']), "{shown}");
}

/// P2: what a name brings along can't leave its place in the filter.
#[test]
fn filter_holds_the_name_as_nothing_but_a_name() {
    let settings = Settings {
        filter: Some("(objectClass=person)".to_owned()),
        ..settings(Template::OpenLdap)
    };
    let mapping = Mapping::new(&settings, &people());
    let queries = Queries::new(&settings, &mapping);
    let filter = queries.filter_for("a*b)(uid=*\0\\", None);
    let name = "a\\2ab\\29\\28uid=\\2a\\00\\5c";
    assert_eq!(
        filter,
        format!(
            "(&(|(uid={name})(portvaktAlias={name})\
             (eduPersonPrincipalName={name}@campus.example))(objectClass=person))"
        )
    );
    assert!(ldap3::parse_filter(&filter).is_ok());
}

/// As docs/operating.md says it.
#[test]
fn computer_of_a_domain_is_a_machine_under_its_name_in_the_network() {
    let mut settings = settings(Template::ActiveDirectory);
    for (key, attribute) in [
        (AttributeRole::Alias, "dNSHostName"),
        (AttributeRole::Kind, "sAMAccountType"),
    ] {
        settings.attributes.insert(key, attribute.to_owned());
    }
    let kinds = [("805306369", Kind::Machine), ("805306368", Kind::Employee)];
    settings.kinds = kinds.map(|(word, kind)| (word.to_owned(), kind)).into();
    let computer = account(
        &settings,
        "sAMAccountName: PC17$\ndNSHostName: PC17.ad.campus.example\nsAMAccountType: 805306369\n",
    );
    assert_eq!(computer.id.as_str(), "pc17$");
    assert_eq!(computer.aliases, ["pc17.ad.campus.example"]);
    assert_eq!(computer.kind, Kind::Machine);
    let person = "sAMAccountName: kari\nsAMAccountType: 805306368\n";
    assert_eq!(account(&settings, person).kind, Kind::Employee);
    // Somebody who is said to be both is no machine.
    let both = format!("{person}sAMAccountType: 805306369\n");
    assert_eq!(account(&settings, &both).kind, Kind::Employee);
}
