//! A command changes the entry in the directory, or is refused in clear words.

use crate::common::{Daemon, Setup, Slapd, eventually, text};
use crate::ldap::page::blocks;
use crate::ldap::people::{PASSWORD, everybody, person};

const NEW: &str = "another-horse-and-battery";

/// A slapd that lets us write what the page says, and a server that does.
fn site(lines: &str) -> (Slapd, Daemon) {
    let slapd = Slapd::with(&everybody());
    let rules = &blocks("Writing", "ldif")[0];
    assert!(rules.contains(" write\n"), "{rules}");
    let rules = rules
        .replace("cn=portvakt,ou=services,", "cn=portvakt,")
        .replace(
            "portvaktSuspended",
            "portvaktSuspended,portvaktTemporaryPassword",
        );
    slapd.configure(&rules);
    let daemon = start(&slapd, &format!("write = true\n{lines}"));
    (slapd, daemon)
}

fn start(slapd: &Slapd, lines: &str) -> Daemon {
    let table = slapd.directory_table(lines);
    let daemon = Setup::new().people("").more(&table).start();
    let accepted = eventually(|| daemon.radclient("anna", PASSWORD).is_accept().then_some(()));
    assert!(accepted.is_some(), "{}", daemon.log());
    daemon
}

/// Runs a command of an operator; what it said, and whether it was done.
fn act(daemon: &Daemon, words: &[&str], input: &str) -> (bool, String) {
    let words = [&["account"], words, &["--why", "test"]].concat();
    let done = daemon.cli_with(&words, input);
    (done.status.success(), text(&done))
}

/// Bo is refused, for this reason.
fn refused(daemon: &Daemon, password: &str, reason: &str) {
    assert!(daemon.radclient("bo", password).is_reject());
    daemon.wait_for_audit(1, |line| line["reason"] == reason);
}

fn set_password(daemon: &Daemon, user: &str) -> (bool, String) {
    act(daemon, &["set-password", user], &format!("{NEW}\n"))
}

#[test]
fn password_set_here_is_the_directorys_at_once() {
    for verify in ["hash", "bind"] {
        let (slapd, daemon) = site(&format!("verify = {verify:?}"));
        assert!(daemon.radclient("bo", PASSWORD).is_accept());
        let (success, said) = set_password(&daemon, "bo");
        assert!(success, "{said}");
        // Remembered proofs of the old one are void.
        assert!(daemon.radclient("bo", PASSWORD).is_reject());
        assert!(daemon.radclient("bo", NEW).is_accept(), "{}", daemon.log());
        assert!(slapd.knows("bo", NEW) && !slapd.knows("bo", PASSWORD));
        let line = daemon.wait_for_audit(1, |line| line["what"] == "set-password");
        assert_eq!(line[0]["account"], "bo");
    }
}

#[test]
fn account_is_closed_and_opened_in_the_directory() {
    let (slapd, daemon) = site("");
    let (success, said) = act(&daemon, &["suspend", "bo"], "");
    assert!(success && said.contains("suspended"), "{said}");
    assert_eq!(slapd.values("bo", "portvaktSuspended"), ["test"]);
    refused(&daemon, PASSWORD, "suspended");
    let (success, said) = act(&daemon, &["restore", "bo"], "");
    assert!(success, "{said}");
    assert!(slapd.values("bo", "portvaktSuspended").is_empty());
    assert!(daemon.radclient("bo", PASSWORD).is_accept());
}

#[test]
fn what_another_attribute_closes_is_not_said_to_be_open() {
    let (slapd, daemon) = site("");
    slapd.change(
        "dn: uid=bo,ou=people,dc=campus,dc=example\nchangetype: modify\n\
         replace: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n",
    );
    let (success, said) = act(&daemon, &["restore", "bo"], "");
    assert!(
        !success && said.contains("another of its attributes"),
        "{said}"
    );
}

#[test]
fn temporary_password_must_be_changed_first() {
    let (slapd, daemon) =
        site("[directory.campus.attributes]\ntemporary-password = \"portvaktTemporaryPassword\"");
    let words = ["set-password", "bo", "--temporary"];
    let (success, said) = act(&daemon, &words, "a-horse-for-eight-hours\n");
    assert!(success, "{said}");
    assert_eq!(slapd.values("bo", "portvaktTemporaryPassword"), ["TRUE"]);
    refused(&daemon, "a-horse-for-eight-hours", "temporary-not-allowed");
    let (success, said) = set_password(&daemon, "bo");
    assert!(success, "{said}");
    assert!(daemon.radclient("bo", NEW).is_accept());
}

/// P4: a change that can't be made is refused, with the reason, and nothing is changed.
#[test]
fn change_that_the_directory_does_not_take_is_refused_in_clear_words() {
    let mut slapd = Slapd::with(&(everybody() + "\n" + &person("plain", "employee", "")));
    let daemon = start(&slapd, "");
    let (success, said) = set_password(&daemon, "bo");
    assert!(!success && said.contains("read-only"), "{said}");
    drop(daemon);
    let daemon = start(&slapd, "write = true\ntimeout = \"1s\"");
    let (success, said) = set_password(&daemon, "bo");
    assert!(!success && said.contains("bind-dn may not"), "{said}");
    let (success, said) = act(&daemon, &["delete", "bo", "--yes"], "");
    assert!(
        !success && said.contains("remove it where it is kept"),
        "{said}"
    );
    assert!(slapd.knows("bo", PASSWORD));
    slapd.kill();
    let (success, said) = set_password(&daemon, "bo");
    assert!(!success && said.contains("does not answer"), "{said}");
    slapd.start();
    assert!(slapd.knows("bo", PASSWORD));
    let acts = daemon.audit_lines();
    assert!(
        !acts.iter().any(|line| line["what"] == "set-password"),
        "{acts:?}"
    );
}

/// A mirror that asks for changes has not heard of this one, and does not count.
#[test]
fn account_closed_here_is_closed_before_a_mirror_hears_of_it() {
    let (_slapd, daemon) = site("mirror = \"poll\"\npoll-every = \"1h\"");
    let current = "portvakt_mirror_state{directory=\"campus\",state=\"current\"}";
    assert!(eventually(|| (daemon.metric(current) > 0.0).then_some(())).is_some());
    assert!(daemon.radclient("bo", PASSWORD).is_accept());
    let (success, said) = act(&daemon, &["suspend", "bo"], "");
    assert!(success, "{said}");
    refused(&daemon, PASSWORD, "suspended");
    let changes = daemon.metric("portvakt_mirror_changes_total{directory=\"campus\"}");
    assert_eq!(changes, 0.0, "the mirror has heard of it");
}
