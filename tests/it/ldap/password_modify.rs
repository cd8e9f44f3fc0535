//! A directory that wants the password itself, and hashes it (RFC 3062): slapd with its module
//! `argon2` and its password policy.

use crate::common::{Daemon, Setup, Slapd};
use crate::ldap::people::{PASSWORD, everybody};
use crate::ldap::writing::{NEW, allow, log_on, reason, set_password, start};

/// The place of its access rules among those of the page's section.
const RULES: usize = 1;
const POLICY: &str = "dn: cn=policy,dc=campus,dc=example\nchangetype: modify\n";

fn site(verify: &str) -> (Slapd, Daemon) {
    let slapd = Slapd::set_up(&everybody(), "password-hash {ARGON2}\n");
    allow(&slapd, RULES, "");
    if verify == "hash" {
        slapd.configure(
            "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\n\
             olcAccess: {0}to attrs=userPassword \
             by dn.exact=\"cn=portvakt,dc=campus,dc=example\" write by * break\n",
        );
    }
    let lines = format!("verify = {verify:?}\nwrite-passwords = \"password-modify\"");
    let daemon = start(Setup::new(), &slapd, &lines);
    (slapd, daemon)
}

/// Its own account may put a password there and never see one.
#[test]
fn peer_slapd_hashes_a_password_that_is_set_here() {
    for verify in ["hash", "bind"] {
        let (slapd, daemon) = site(verify);
        log_on(&daemon, "bo", PASSWORD);
        let before = slapd.values("bo", "userPassword");
        let (success, said) = set_password(&daemon, "bo", NEW, &[]);
        assert!(success, "{said}");
        assert!(slapd.knows("bo", NEW) && !slapd.knows("bo", PASSWORD));
        assert_ne!(slapd.values("bo", "userPassword"), before);
        assert_eq!(reason(&daemon, "bo", PASSWORD), "previous-password");
        assert_eq!(reason(&daemon, "bo", NEW), "", "{}", daemon.log());
        let everything = format!("{}{:?}", daemon.log(), daemon.audit_lines());
        assert!(!everything.contains(NEW));
    }
}

#[test]
fn peer_policy_of_slapd_refuses_a_password_and_the_operator_is_told_why() {
    let (slapd, daemon) = site("bind");
    slapd.change(&format!(
        "{POLICY}replace: pwdCheckQuality\npwdCheckQuality: 1\n-\n\
         replace: pwdMinLength\npwdMinLength: 20\n-\nreplace: pwdInHistory\npwdInHistory: 3\n"
    ));
    let (success, said) = set_password(&daemon, "bo", "nineteen-characters", &[]);
    assert!(!success && said.contains("too short"), "{said}");
    let (success, said) = set_password(&daemon, "bo", NEW, &[]);
    assert!(success, "{said}");
    let (success, said) = set_password(&daemon, "bo", NEW, &[]);
    assert!(!success && said.contains("used before"), "{said}");
    slapd.change(&format!(
        "{POLICY}replace: pwdAllowUserChange\npwdAllowUserChange: TRUE\n-\n\
         replace: pwdSafeModify\npwdSafeModify: TRUE\n"
    ));
    let (success, said) = set_password(&daemon, "bo", "a-third-horse-and-battery", &[]);
    assert!(!success && said.contains("old password"), "{said}");
    assert_eq!(reason(&daemon, "bo", NEW), "");
    let acts = daemon.audit_lines();
    let done = acts.iter().filter(|line| line["what"] == "set-password");
    assert_eq!(done.count(), 1, "{acts:?}");
}

/// The check of new passwords is the one that a change by MS-CHAPv2 meets.
#[test]
fn unfit_password_never_reaches_the_directory() {
    let (slapd, daemon) = site("bind");
    let (success, said) = set_password(&daemon, "bo", "short", &[]);
    assert!(!success && said.contains("fewer than 15"), "{said}");
    assert!(slapd.knows("bo", PASSWORD));
}

#[test]
fn temporary_password_is_marked_after_the_directory_took_it() {
    let slapd = Slapd::set_up(&everybody(), "password-hash {ARGON2}\n");
    allow(&slapd, RULES, ",portvaktTemporaryPassword");
    let daemon = start(
        Setup::new(),
        &slapd,
        "verify = \"bind\"\nwrite-passwords = \"password-modify\"\n\
         [directory.campus.attributes]\ntemporary-password = \"portvaktTemporaryPassword\"",
    );
    let (success, said) = set_password(&daemon, "bo", NEW, &["--temporary"]);
    assert!(success, "{said}");
    assert_eq!(slapd.values("bo", "portvaktTemporaryPassword"), ["TRUE"]);
    assert_eq!(reason(&daemon, "bo", NEW), "temporary-not-allowed");
    let (success, said) = set_password(&daemon, "bo", "a-third-horse-and-battery", &[]);
    assert!(success, "{said}");
    assert!(slapd.values("bo", "portvaktTemporaryPassword").is_empty());
}

/// P4: no half of it unsaid.
#[test]
fn what_goes_with_a_password_and_is_refused_is_told() {
    let slapd = Slapd::set_up(&everybody(), "password-hash {ARGON2}\n");
    allow(&slapd, RULES, "");
    let daemon = start(
        Setup::new(),
        &slapd,
        "verify = \"bind\"\nwrite-passwords = \"password-modify\"\n\
         [directory.campus.attributes]\ntemporary-password = \"portvaktTemporaryPassword\"",
    );
    let (success, said) = set_password(&daemon, "bo", NEW, &["--temporary"]);
    assert!(
        !success && said.contains("has the new password, but"),
        "{said}"
    );
    assert_eq!(reason(&daemon, "bo", PASSWORD), "wrong-credential");
}
