//! Text that strangers, devices and directories write, on its way to the operator.

use std::fs;

use portvakt_radius::AttributeType;

use super::done;
use crate::common::{AccessPoint, Setup, text};

/// Title and screen of a terminal, a line that never happened, and a name read backwards.
const STATION: &str = "\x1b]0;pwned\x07\x1b[2J\x1b[1;1H02-00 at library\n    2026-11-27T09:00:00Z  \
                       accept               eduroam ttls/pap from 02-00-00-00-00-02";
const OPERATOR: &str = "1visited.example\r\n\u{202e}elpmaxe\u{2028}\u{9b}2J";
const NAME: &str = "anna\u{200b}@campus.example\u{a0}";

/// Nothing but lines of characters that have a shape.
fn assert_is_harmless(what: &str, text: &str) {
    let hostile = ['\u{202e}', '\u{2028}', '\u{200b}', '\u{a0}', '\u{feff}'];
    let harmful = |each: &char| (each.is_control() && *each != '\n') || hostile.contains(each);
    let found = text.chars().find(harmful);
    assert_eq!(found, None, "{what}:\n{text:?}");
    let forged = |line: &str| line.trim_start().starts_with("2026-11-27T09:00");
    assert!(!text.lines().any(forged), "{what}:\n{text}");
}

#[test]
fn hostile_text_of_the_network_reaches_terminal_log_and_page_escaped() {
    let daemon = Setup::new().start();
    let mut access_point = AccessPoint::of(&daemon)
        .saying(AttributeType::CALLING_STATION_ID, STATION.as_bytes())
        .saying(AttributeType::OPERATOR_NAME, OPERATOR.as_bytes());
    assert!(!access_point.log_on("anna", "wrong"));
    assert!(!access_point.log_on(NAME, "wrong"));
    daemon.wait_for_audit(2, |line| line["event"] == "attempt");
    let told = || Some(done(&daemon, &["explain", "anna"])).filter(|said| said.contains("pwned"));
    let said = crate::common::eventually(told).expect("the attempt");
    assert_is_harmless("explain", &said);
    assert!(said.contains("\\x1b]0;pwned\\x07\\x1b[2J"), "{said}");
    let json = done(&daemon, &["explain", "anna", "--json"]);
    assert_is_harmless("explain --json", &json);
    for file in fs::read_dir(daemon.path("data/audit")).unwrap() {
        let lines = fs::read_to_string(file.unwrap().path()).unwrap();
        assert_is_harmless("audit", &lines);
        let name = r#""outer_identity":"anna\\u{200b}@campus.example\\u{a0}""#;
        assert!(lines.contains(name), "{lines}");
    }
    for words in [&["explain", NAME][..], &["account", "unlock", NAME]] {
        assert_is_harmless("complaint", &text(&daemon.cli(words)));
    }
    assert_is_harmless("log", &daemon.log());
    assert_is_harmless("health", &daemon.health().1);
}

#[test]
fn hostile_text_of_an_ldif_file_reaches_the_terminal_escaped() {
    let setup = Setup::new();
    setup.write_config();
    // \u{202e}\u{1b}[2J\u{a0}mallory
    let name = "displayName:: 4oCuG1sySsKgbWFsbG9yeQ==";
    let person = super::person("mallory", "a-long-enough-password");
    let good = person.replace("objectClass", &format!("{name}\nobjectClass"));
    let bad = good.replace("employee", "\u{9b}2J\u{202e}") + &person;
    for ldif in [bad, good] {
        let path = setup.write("people.ldif", &ldif);
        let words = [
            "account",
            "import",
            "--hash-cleartext",
            path.to_str().unwrap(),
        ];
        let imported = text(&setup.cli(&words));
        assert_is_harmless("import", &imported);
        println!("{imported}");
    }
    for words in [
        &["account", "list"][..],
        &["account", "show", "mallory"],
        &["account", "show", "mallory", "--json"],
        &["explain", "mallory"],
    ] {
        let said = done(&setup, words);
        assert!(said.contains("mallory"), "{said}");
        assert_is_harmless(&words.join(" "), &said);
    }
}
