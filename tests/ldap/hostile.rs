//! User names that try the filter and the distinguished name.

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
