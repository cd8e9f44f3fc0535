//! Facts that only the directory knows, by slapd's own password policy, and groups that
//! must be looked for.

use crate::common::{Daemon, Setup, Slapd, eventually};
use crate::ldap::people::{PASSWORD, everybody, person};

fn start(slapd: &Slapd, lines: &str) -> Daemon {
    let setup = Setup::new()
        .people("")
        .set("passwords", "valid-days", "3650");
    let setup = setup.set("passwords", "remember-proofs", "\"0s\"");
    let daemon = setup.more(&slapd.directory_table(lines)).start();
    let accepted = eventually(|| daemon.radclient("bo", PASSWORD).is_accept().then_some(()));
    assert!(accepted.is_some(), "{}", daemon.log());
    daemon
}

fn reason(daemon: &Daemon, user: &str, password: &str) -> String {
    let refused =
        |line: &serde_json::Value| line["event"] == "attempt" && !line["reason"].is_null();
    let before = daemon.audit_lines().into_iter().filter(&refused).count();
    assert!(daemon.radclient(user, password).is_reject(), "{user}");
    let last = daemon.wait_for_audit(before + 1, refused).pop().unwrap();
    last["reason"].as_str().unwrap().to_owned()
}

/// slapd says these three in its control; each becomes our word, and a wrong password learns nothing
/// of the second and third.
#[test]
fn lock_expiry_and_reset_of_the_directorys_policy_become_our_reasons() {
    let slapd = Slapd::with(&everybody());
    slapd.change(
        "dn: cn=policy,dc=campus,dc=example\nchangetype: modify\n\
         replace: pwdMaxFailure\npwdMaxFailure: 2\n-\n\
         replace: pwdMaxAge\npwdMaxAge: 86400\n",
    );
    let daemon = start(&slapd, "verify = \"bind\"");
    assert_eq!(reason(&daemon, "old", "wrong"), "wrong-credential");
    assert_eq!(reason(&daemon, "old", PASSWORD), "password-expired");
    // Somebody guesses at the directory's own door.
    for _ in 0..3 {
        assert!(!slapd.knows("victim", "wrong"));
    }
    assert_eq!(slapd.values("victim", "pwdAccountLockedTime").len(), 1);
    assert_eq!(reason(&daemon, "victim", PASSWORD), "locked-out");
    slapd.change(
        "dn: uid=bo,ou=people,dc=campus,dc=example\nchangetype: modify\n\
         replace: pwdReset\npwdReset: TRUE\n",
    );
    assert_eq!(reason(&daemon, "bo", "wrong"), "wrong-credential");
    assert_eq!(reason(&daemon, "bo", PASSWORD), "temporary-not-allowed");
}

/// Only members are let in: the directory has no affiliation of these users.
fn members() -> String {
    let odd = "cn=Odd (Neil) * \\, O'Neil\\\\,ou=people,dc=campus,dc=example";
    let odd_person = person("odd", "member", "").replace(
        "dn: uid=odd,ou=people,dc=campus,dc=example",
        &format!("dn: {odd}"),
    );
    let odd_person = odd_person.replace("cn: odd", "cn: Odd (Neil) * , O'Neil\\");
    let groups = format!(
        "dn: cn=staff,ou=groups,dc=campus,dc=example\nobjectClass: groupOfNames\ncn: staff\n\
         member: uid=bo,ou=people,dc=campus,dc=example\nmember: {odd}\n\n\
         dn: cn=unique,ou=groups,dc=campus,dc=example\nobjectClass: groupOfUniqueNames\n\
         cn: unique\nuniqueMember: uid=una,ou=people,dc=campus,dc=example\n"
    );
    let plain = ["bo", "una", "none"].map(|uid| person(uid, "member", ""));
    [plain.join("\n"), odd_person, groups].join("\n")
}

#[test]
fn groups_are_looked_for_by_whatever_name_a_person_has() {
    let slapd = Slapd::with(&members());
    let group = |name: &str| {
        format!(
            "[[directory.campus.group]]\ndn = \"CN={name}, ou=Groups,dc=campus,dc=example\"\n\
             kind = \"employee\"\n"
        )
    };
    let lines = format!(
        "membership = \"search\"\ngroup-base = \"ou=groups,dc=campus,dc=example\"\n{}{}",
        group("staff"),
        group("unique")
    );
    let daemon = start(&slapd, &lines);
    for user in ["bo", "odd", "una"] {
        assert!(
            daemon.radclient(user, PASSWORD).is_accept(),
            "{user}: {}",
            daemon.log()
        );
    }
    assert_eq!(reason(&daemon, "none", PASSWORD), "directory-unavailable");
    slapd.change(
        "dn: cn=staff,ou=groups,dc=campus,dc=example\nchangetype: modify\n\
         delete: member\nmember: uid=bo,ou=people,dc=campus,dc=example\n",
    );
    assert_eq!(reason(&daemon, "bo", PASSWORD), "directory-unavailable");
}

/// The same by `memberOf`, which slapd's overlay keeps.
#[test]
fn groups_are_read_from_member_of() {
    let slapd = Slapd::with(&members());
    // The overlay notices changes, not what was loaded before.
    for (change, member) in [("delete", "bo"), ("add", "bo")] {
        slapd.change(&format!(
            "dn: cn=staff,ou=groups,dc=campus,dc=example\nchangetype: modify\n\
             {change}: member\nmember: uid={member},ou=people,dc=campus,dc=example\n"
        ));
    }
    let lines = "[[directory.campus.group]]\ndn = \"cn=staff,ou=groups,dc=campus,dc=example\"\n\
                 kind = \"employee\"\n";
    let daemon = start(&slapd, lines);
    assert_eq!(reason(&daemon, "none", PASSWORD), "directory-unavailable");
}
