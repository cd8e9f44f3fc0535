//! Accounts listed and shown.

use serde_json::Value;

use super::{ANNA, done, failed, line_of, lock, log_on};
use crate::common::Setup;

#[test]
fn list_shows_every_account_with_its_state_with_and_without_a_server() {
    let mut setup = Setup::new();
    setup.prepare();
    let idle = done(&setup, &["account", "list"]);
    for (name, state) in [
        ("anna", " open "),
        ("ola", " not-active "),
        ("siri", " suspended "),
        ("jonas", " deactivated "),
        ("ingrid", " password-expired "),
    ] {
        assert!(line_of(&idle, name).contains(state), "{idle}");
    }
    let daemon = setup.start();
    assert_eq!(done(&daemon, &["account", "list"]), idle);
}

#[test]
fn list_can_be_narrowed_to_locked_and_to_closed_accounts() {
    let daemon = Setup::new().start();
    lock(&daemon, "anna");
    let locked = done(&daemon, &["account", "list", "--only", "locked"]);
    assert_eq!(locked.lines().count(), 1);
    assert!(
        line_of(&locked, "anna").contains(" locked-out "),
        "{locked}"
    );
    let closed = done(&daemon, &["account", "list", "--only", "closed"]);
    assert!(
        !closed.contains("anna") && !closed.contains("kari"),
        "{closed}"
    );
    assert!(
        closed.contains("ola") && closed.contains("lars"),
        "{closed}"
    );
}

#[test]
fn list_knows_whom_the_service_is_for() {
    let mut setup = Setup::new().more("[service.eduroam]\nkinds = [\"employee\"]\n");
    setup.prepare();
    let listed = done(&setup, &["account", "list"]);
    assert!(line_of(&listed, "anna").contains(" service-not-allowed "));
    assert!(line_of(&listed, "kari").contains(" open "), "{listed}");
}

#[test]
fn list_says_how_many_more_there_are() {
    let mut setup = Setup::new();
    setup.prepare();
    let listed = done(&setup, &["account", "list", "--limit", "3"]);
    assert_eq!(listed.lines().count(), 4);
    assert!(listed.contains("more; --limit shows them"), "{listed}");
}

#[test]
fn show_tells_all_but_the_hash() {
    let daemon = Setup::new().start();
    for words in [
        &["account", "show", "S100001@campus.example"][..],
        &["account", "show", "anna", "--json"],
    ] {
        let shown = done(&daemon, words);
        for known in ["Anna Berg", "anna.berg@campus.example", "s100001", "argon2"] {
            let known = known.to_lowercase();
            assert!(shown.to_lowercase().contains(&known), "{known}:\n{shown}");
        }
        assert!(!shown.contains("$argon2"), "{shown}");
    }
    let json: Value =
        serde_json::from_str(&done(&daemon, &["account", "show", "anna", "--json"])).unwrap();
    assert_eq!(json["account"]["id"], "anna");
}

#[test]
fn unknown_account_is_one_sentence_with_advice() {
    let daemon = Setup::new().start();
    let complaint = failed(&daemon, &["account", "show", "nobody"]);
    assert!(
        complaint.contains("there is no account nobody"),
        "{complaint}"
    );
    assert!(complaint.contains("portvakt account list"), "{complaint}");
}

#[test]
fn account_of_a_foreign_realm_is_not_taken_for_our_own() {
    let daemon = Setup::new().start();
    let complaint = failed(&daemon, &["account", "suspend", "anna@other.example"]);
    assert!(complaint.contains("not one of our realms"), "{complaint}");
    assert!(log_on(&daemon, "anna", ANNA));
}
