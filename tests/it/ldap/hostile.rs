//! User names that try the filter and the distinguished name, over every directory of the battery.

use std::any::Any;

use portvakt_testkit::supplicant::{Outcome, Profile, Supplicant};
use serde_json::Value;

use crate::common::{AccessPoint, Daemon, Setup, Slapd, eventually};
use crate::ldap::people::{PASSWORD, everybody};

/// User names with a meaning in a filter or a DN, or that look like `bo`.
const NAMES: &[&str] = &[
    "*",
    "b*",
    "bo*",
    "bo)(uid=*",
    ")(uid=*",
    "*)(objectClass=*",
    "bo)(|(uid=*",
    "bo)(&(uid=bo",
    "\\2a",
    "\\00",
    "bo\\00",
    "\0",
    "bo\0",
    "\\",
    "bo\\",
    "uid=bo,ou=people,dc=campus,dc=example",
    "bo,ou=people",
    "(uid=bo)",
    "&(uid=bo)",
    "#bo",
    "bo+cn=bo",
    "'; drop table --",
    // Letters that look like others: Cyrillic, Greek, full width, ligature, with a mark, joined by
    // what nobody sees, from right to left.
    "\u{ff42}\u{ff4f}",
    "b\u{43e}",
    "\u{432}o",
    "b\u{3bf}",
    "\u{ff22}\u{ff2f}",
    "b\u{ba}",
    "b\u{1d7f6}",
    "b\u{2092}",
    "\u{24d1}\u{24de}",
    "b\u{f6}",
    "bo\u{301}",
    "\u{202e}ob",
    "b\u{ad}o",
    "b\u{2060}o",
    "bo\u{180e}",
    "bo\u{200b}",
    "-",
];

/// A server with what is behind it.
type Site = (Daemon, Box<dyn Any>);

fn embedded() -> Site {
    (Setup::new().people(&everybody()).start(), Box::new(()))
}

fn slapd(lines: &str) -> Site {
    let slapd = Slapd::with(&everybody());
    let table = slapd.directory_table(lines);
    let daemon = Setup::new().people("").more(&table).start();
    let accepted = || daemon.radclient("bo", PASSWORD).is_accept().then_some(());
    assert!(eventually(accepted).is_some(), "{}", daemon.log());
    (daemon, Box::new(slapd))
}

fn sites() -> Vec<Site> {
    vec![
        embedded(),
        slapd("verify = \"hash\""),
        slapd("verify = \"bind\""),
        slapd("mirror = \"sync\""),
    ]
}

/// Bo is still let in, and nobody was refused for anything but who they are not.
fn found_nobody(daemon: &Daemon, asked: usize) {
    assert!(
        AccessPoint::of(daemon).log_on("bo", PASSWORD),
        "{}",
        daemon.log()
    );
    let is_refusal = |line: &Value| line["event"] == "attempt" && line["result"] != "accept";
    let lines = daemon.wait_for_audit(asked, is_refusal);
    for line in &lines {
        let reason = line["reason"].as_str().unwrap();
        assert!(
            ["unknown-user", "realm-malformed"].contains(&reason),
            "{line}"
        );
    }
}

/// P2: what means something to a filter means nothing in a name.
#[test]
fn names_that_try_the_filter_find_nobody_and_break_nothing() {
    for (daemon, _behind) in sites() {
        let mut access_point = AccessPoint::of(&daemon);
        let long = "b".repeat(250);
        for name in NAMES.iter().copied().chain([long.as_str()]) {
            assert!(!access_point.log_on(name, PASSWORD), "{name:?} was let in");
        }
        found_nobody(&daemon, NAMES.len() + 1);
    }
}

/// The same inside a tunnel, where a name may be longer than an attribute of RADIUS.
#[test]
fn names_in_a_tunnel_find_nobody_and_break_nothing() {
    let long = [
        "b".repeat(10_240),
        "*".repeat(10_240),
        "\u{f6}".repeat(5_120),
        "bo)(uid=*".repeat(1_138),
    ];
    for (daemon, _behind) in sites() {
        let all = NAMES.iter().copied().chain(long.iter().map(String::as_str));
        for name in all {
            let profile = Profile::pap(daemon.authority(), name, PASSWORD.as_bytes());
            let outcome = AccessPoint::of(&daemon).converse(&mut Supplicant::new(profile));
            assert_ne!(outcome, Some(Outcome::Success), "{name:.50}");
        }
        assert!(
            AccessPoint::of(&daemon).log_on("bo", PASSWORD),
            "{}",
            daemon.log()
        );
    }
}

/// A name of 10 kB is asked of no directory.
#[test]
fn name_that_is_too_long_is_not_even_asked_for() {
    let (daemon, _slapd) = slapd("");
    let asked = "portvakt_directory_seconds_count{directory=\"campus\",operation=\"search\"";
    let count = || {
        let page = daemon.metrics();
        let line = page.lines().find(|line| line.starts_with(asked)).unwrap();
        line.rsplit_once(' ').unwrap().1.to_owned()
    };
    let before = count();
    let name = "b".repeat(10_240);
    let profile = Profile::pap(daemon.authority(), &name, PASSWORD.as_bytes());
    let outcome = AccessPoint::of(&daemon).converse(&mut Supplicant::new(profile));
    assert_ne!(outcome, Some(Outcome::Success));
    assert_eq!(count(), before);
}
