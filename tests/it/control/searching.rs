//! Attempts found in the audit log, also under names that nobody has.

use portvakt_radius::AttributeType;
use serde_json::Value;

use super::{done, log_on};
use crate::common::{AccessPoint, Daemon, Setup, text};

/// The output of a failed command on both streams.
fn failing(setup: &Setup, words: &[&str]) -> String {
    let output = setup.cli(words);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    text(&output)
}

fn found(daemon: &Daemon, words: &[&str]) -> Vec<Value> {
    let words = [&["attempts", "--json"], words].concat();
    let found: Value = serde_json::from_str(&done(daemon, &words)).unwrap();
    found["attempts"].as_array().unwrap().clone()
}

#[test]
fn explain_of_a_name_that_nobody_has_shows_the_attempts_under_it() {
    let daemon = Setup::new().start();
    let said = failing(&daemon, &["explain", "nobody"]);
    assert!(said.contains("there is no account nobody"), "{said}");
    assert!(said.contains("no attempts under this name"), "{said}");
    for (name, reason) in [
        ("nobody@campus.example", "unknown-user"),
        ("CAMPUS\\nobody", "unknown-user"),
        ("anna@campus.example\u{a0}", "realm-malformed"),
    ] {
        assert!(!log_on(&daemon, name, "whatever"));
        let said = failing(&daemon, &["explain", name]);
        assert!(
            said.contains("attempts under this name, newest first"),
            "{said}"
        );
        assert!(said.contains(reason), "{said}");
        assert!(
            said.contains("02-00-00-00-00-09 at 1campus.example (test)"),
            "{said}"
        );
    }
    let output = daemon.cli(&["explain", "nobody", "--json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["account"], Value::Null);
    assert_eq!(json["attempts"][0]["reason"], "unknown-user");
}

#[test]
fn attempts_are_found_by_name_device_place_client_reason_and_time() {
    let daemon = Setup::new().start();
    assert!(log_on(&daemon, "kari", super::KARI));
    assert!(!log_on(&daemon, "kari", "wrong"));
    let elsewhere = AccessPoint::of(&daemon)
        .saying(AttributeType::CALLING_STATION_ID, b"0200.0000.0001")
        .saying(AttributeType::OPERATOR_NAME, b"1library.example");
    let mut elsewhere = elsewhere;
    assert!(!elsewhere.log_on("nobody", "whatever"));
    for (words, expected) in [
        (&[][..], 3),
        (&["kari"], 2),
        (&["nobody"], 1),
        (&["kari", "--reason", "wrong-credential"], 1),
        (&["--reason", "accept"], 1),
        (&["--device", "02:00:00:00:00:01"], 1),
        (&["--place", "*library*"], 1),
        (&["--place", "ap-17"], 3),
        (&["--client", "test"], 3),
        (&["--client", "vpn"], 0),
        (&["--since", "1h"], 3),
        (&["--until", "2001-01-01"], 0),
        (&["--limit", "2"], 2),
    ] {
        assert_eq!(found(&daemon, words).len(), expected, "{words:?}");
    }
    assert_eq!(found(&daemon, &[])[0]["outer_identity"], "nobody");
    let said = done(&daemon, &["attempts", "--client", "vpn"]);
    assert!(said.contains("no such attempts"), "{said}");
}

#[test]
fn attempts_are_found_without_a_server_too_and_a_wrong_time_is_told() {
    let mut daemon = Setup::new().start();
    assert!(!log_on(&daemon, "nobody", "whatever"));
    daemon.terminate();
    assert!(done(&daemon, &["attempts", "nobody"]).contains("unknown-user"));
    let output = daemon.cli(&["attempts", "--since", "yesterday"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output).contains("write a date like"),
        "{}",
        text(&output)
    );
}
