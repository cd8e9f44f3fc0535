//! Why somebody can or can't come in.

use serde_json::Value;

use super::{KARI, done, lock, log_on};
use crate::common::{Daemon, Setup};

/// What `explain` says once it knows of an attempt: an answer does not wait for its row.
fn explained(daemon: &Daemon, user: &str, attempt: &str) -> String {
    let told = || Some(done(daemon, &["explain", user])).filter(|said| said.contains(attempt));
    crate::common::eventually(told).unwrap_or_else(|| panic!("never told of {attempt}"))
}

#[test]
fn explain_tells_reason_last_attempts_and_next_step() {
    let daemon = Setup::new().start();
    assert!(!log_on(&daemon, "ola", "forgot-to-pay-again"));
    assert!(!log_on(&daemon, "ola", "wrong"));
    let said = explained(&daemon, "ola@campus.example", "wrong-credential");
    for words in [
        "ola (Ola Nordmann) is refused by eduroam: not-active",
        "next step  Pay the semester fee",
        "1 of 6 failed log-ons",
        "wrong-credential",
        "02-00-00-00-00-09",
    ] {
        assert!(said.contains(words), "{words:?} is not in:\n{said}");
    }
    let newest = said.find("wrong-credential");
    assert!(newest < said.rfind("not-active"), "{said}");
}

#[test]
fn explain_of_a_locked_account_says_until_when() {
    let daemon = Setup::new().start();
    lock(&daemon, "anna");
    let said = done(&daemon, &["explain", "anna"]);
    assert!(said.contains("is refused by eduroam: locked-out"), "{said}");
    assert!(said.contains("after failed log-ons, until 2"), "{said}");
    let json = done(&daemon, &["explain", "anna", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["refusal"], "locked-out");
    assert_eq!(json["lock"]["of"], 6);
    assert!(json["lock"]["locked_until"].is_string());
}

#[test]
fn explain_of_an_open_account_says_that_it_is_open() {
    let daemon = Setup::new().start();
    assert!(log_on(&daemon, "kari", KARI));
    let said = explained(&daemon, "kari", "accept");
    assert!(said.contains("may come in by eduroam"), "{said}");
}

#[test]
fn explain_without_a_server_still_knows_the_last_attempts() {
    let mut daemon = Setup::new().start();
    assert!(!log_on(&daemon, "ola", "forgot-to-pay-again"));
    daemon.terminate();
    let said = done(&daemon, &["explain", "ola"]);
    assert!(said.contains("last attempts, newest first"), "{said}");
}

#[test]
fn explain_looks_at_the_service_it_is_asked_about() {
    let daemon = Setup::new().start();
    let said = done(&daemon, &["explain", "backup-node"]);
    assert!(said.contains("service-not-allowed"), "{said}");
    let said = done(&daemon, &["explain", "backup-node", "--service", "vpn"]);
    assert!(said.contains("may come in by vpn"), "{said}");
}
