//! The same log-ons with what speaks as Active Directory does, each asked for; see the head of
//! `tests/common/active_directory.rs` for what that is, and what it is not.

use crate::common::{Daemon, Setup, eventually};
use crate::ldap::domain::{ActiveDirectory, CONTEXT, PASSWORD, SERVICE_PASSWORD};

/// Attributes beyond the template, as a campus would keep them in those that every domain has.
const ATTRIBUTES: &str = "
[directory.campus.attributes]
aliases = \"employeeNumber\"
in-registry = \"extensionAttribute1\"
registered-term = \"extensionAttribute2\"
fee-paid-term = \"extensionAttribute3\"
";
/// 2020-01-01 in 100 ns since 1601.
const YEARS_AGO: &str = "132223104000000000";

/// The people of the battery.
pub(crate) fn everybody() -> ActiveDirectory {
    let directory = ActiveDirectory::with(0, false);
    for name in ["anna", "bo", "gone", "closed", "old", "unpaid", "victim"] {
        directory.add(name);
    }
    for (name, attribute, value) in [
        ("anna", "employeeNumber", "s100001"),
        ("anna", "eduPersonPrimaryAffiliation", "student"),
        ("anna", "extensionAttribute1", "TRUE"),
        ("anna", "extensionAttribute2", "2099-autumn"),
        ("anna", "extensionAttribute3", "2099-autumn"),
        ("unpaid", "eduPersonPrimaryAffiliation", "student"),
        ("unpaid", "extensionAttribute1", "TRUE"),
        ("unpaid", "extensionAttribute2", "2099-autumn"),
        ("gone", "accountExpires", YEARS_AGO),
        ("closed", "userAccountControl", "514"),
        ("old", "pwdLastSet", YEARS_AGO),
    ] {
        directory.replace(name, attribute, value);
    }
    directory
}

/// A server that asks it.
pub(crate) fn start(directory: &ActiveDirectory, setup: Setup, lines: &str) -> Daemon {
    let file = setup.write("ad-password", SERVICE_PASSWORD);
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let lines = format!("{lines}{ATTRIBUTES}");
    let table = directory.directory_table(&file.display().to_string(), &lines);
    setup.people("").more(&table).start()
}

fn reason(daemon: &Daemon, user: &str, password: &str) -> String {
    let is_attempt = |line: &serde_json::Value| line["event"] == "attempt";
    let before = daemon.audit_lines().into_iter().filter(is_attempt).count();
    daemon.radclient(user, password);
    let reason = daemon.attempt(before + 1)["reason"].clone();
    reason.as_str().unwrap_or("accepted").to_owned()
}

/// Each code that a bind fails with. What is told of a right password only says nothing of a wrong one.
#[test]
fn each_code_of_a_domain_becomes_a_reason() {
    let directory = ActiveDirectory::with(0, false);
    let codes = [
        ("530", "service-not-allowed"),
        ("531", "service-not-allowed"),
        ("532", "password-expired"),
        ("533", "deactivated"),
        ("701", "left"),
        ("773", "temporary-not-allowed"),
        ("775", "locked-out"),
    ];
    for (code, _) in codes {
        directory.add(&format!("u{code}"));
        directory.refuse(&format!("u{code}"), code);
    }
    directory.add("bo");
    let daemon = start(&directory, Setup::new(), "");
    let accepted = || (reason(&daemon, "bo", PASSWORD) == "accepted").then_some(());
    assert!(eventually(accepted).is_some(), "{}", daemon.log());
    for (code, expected) in codes {
        let user = format!("u{code}");
        assert_eq!(
            reason(&daemon, &user, "wrong"),
            "wrong-credential",
            "{code}"
        );
        assert_eq!(reason(&daemon, &user, PASSWORD), expected, "{code}");
    }
}

/// FILETIME that is no moment: never, and not yet.
#[test]
fn moments_of_a_domain_that_are_none_are_understood() {
    let directory = ActiveDirectory::with(0, false);
    for (name, attribute, value, _) in MOMENTS {
        directory.add(name);
        directory.replace(name, attribute, value);
    }
    let daemon = start(&directory, Setup::new(), "");
    for (name, attribute, value, expected) in MOMENTS {
        let found = reason(&daemon, name, PASSWORD);
        assert_eq!(found, expected, "{attribute} = {value}\n{}", daemon.log());
    }
}

const MOMENTS: [(&str, &str, &str, &str); 6] = [
    ("never", "accountExpires", "0", "accepted"),
    ("ever", "accountExpires", "9223372036854775807", "accepted"),
    ("past", "accountExpires", YEARS_AGO, "left"),
    ("first", "pwdLastSet", "0", "temporary-not-allowed"),
    ("none", "accountExpires", "soon", "directory-unavailable"),
    ("flags", "userAccountControl", "66050", "deactivated"),
];

/// A group within a group counts, and a group that is in itself ends nothing.
#[test]
fn groups_within_groups_are_found_by_the_matching_rule() {
    let directory = ActiveDirectory::with(0, false);
    for name in ["bo", "none", "inner", "outer"] {
        directory.add(name);
        directory.replace(name, "eduPersonPrimaryAffiliation", "guest");
    }
    let dn = |name: &str| format!("CN={name},CN=Users,{CONTEXT}");
    directory.replace("inner", "member", &dn("bo"));
    directory.replace("outer", "member", &dn("inner"));
    let group = format!(
        "[[directory.campus.group]]\ndn = \"{}\"\nservices = [\"eduroam\"]\n",
        dn("outer")
    );
    let daemon = start(&directory, Setup::new(), &group);
    let accepted = || (reason(&daemon, "bo", PASSWORD) == "accepted").then_some(());
    assert!(eventually(accepted).is_some(), "{}", daemon.log());
    assert_eq!(reason(&daemon, "none", PASSWORD), "service-not-allowed");
}
