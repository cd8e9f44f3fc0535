//! User names that try the filter and the distinguished name.

use portvakt_testkit::supplicant::{Outcome, Profile, Supplicant};

use crate::common::{AccessPoint, Setup, Slapd};
use crate::people::{PASSWORD, everybody};

/// P2: what means something to a filter means nothing in a name.
#[test]
fn names_that_try_the_filter_find_nobody_and_break_nothing() {
    let slapd = Slapd::with(&everybody());
    let names = [
        "*",
        "b*",
        "bo*",
        "bo)(uid=*",
        "*)(objectClass=*",
        "bo)(|(uid=*",
        "\\2a",
        "\\00",
        "bo\\00",
        "uid=bo,ou=people,dc=campus,dc=example",
        "bo,ou=people",
        "(uid=bo)",
        "&(uid=bo)",
        "\u{ff42}\u{ff4f}",
        "b\u{043e}",
        "bo\u{200b}",
        "bo\u{0301}",
        "ｂｏ",
        "'; drop table --",
        // Letters that look like others: Cyrillic, Greek, full width, ligature, with a mark, joined
        // by what nobody sees, from right to left.
        "\u{432}o",
        "b\u{3bf}",
        "\u{ff22}\u{ff2f}",
        "b\u{ba}",
        "b\u{1d7f6}",
        "b\u{2092}",
        "\u{24d1}\u{24de}",
        "b\u{f6}",
        "\u{202e}ob",
        "b\u{ad}o",
        "b\u{2060}o",
        "bo\u{180e}",
        "-",
    ];
    for verify in ["hash", "bind"] {
        let table = slapd.directory_table(&format!("verify = {verify:?}"));
        let daemon = Setup::new().people("").more(&table).start();
        let mut access_point = AccessPoint::of(&daemon);
        for name in names {
            assert!(!access_point.log_on(name, PASSWORD), "{name:?} was let in");
        }
        let long = "b".repeat(250);
        assert!(!access_point.log_on(&long, PASSWORD));
        assert!(access_point.log_on("bo", PASSWORD), "{}", daemon.log());
        let lines = daemon.wait_for_audit(names.len() + 2, |line| line["event"] == "attempt");
        let reasons: Vec<_> = lines
            .iter()
            .filter_map(|line| line["reason"].as_str())
            .collect();
        assert!(
            reasons
                .iter()
                .all(|reason| ["unknown-user", "realm-malformed"].contains(reason)),
            "{reasons:?}"
        );
    }
}

/// A name of 10 kB, as only a tunnel can carry one, is asked of no directory.
#[test]
fn name_of_ten_kilobytes_finds_nobody_and_breaks_nothing() {
    let slapd = Slapd::with(&everybody());
    let table = slapd.directory_table("");
    let daemon = Setup::new().people("").more(&table).start();
    for name in [
        "b".repeat(10_240),
        "*".repeat(10_240),
        "\u{f6}".repeat(5_120),
    ] {
        let profile = Profile::pap(daemon.authority(), &name, PASSWORD.as_bytes());
        let outcome = AccessPoint::of(&daemon).converse(&mut Supplicant::new(profile));
        assert_ne!(outcome, Some(Outcome::Success));
    }
    assert!(
        AccessPoint::of(&daemon).log_on("bo", PASSWORD),
        "{}",
        daemon.log()
    );
    let asked = "portvakt_directory_seconds_count{directory=\"campus\",operation=\"search\"";
    let page = daemon.metrics();
    let count = page.lines().find(|line| line.starts_with(asked)).unwrap();
    assert!(count.ends_with(" 1"), "{count}");
}
