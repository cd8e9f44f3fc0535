//! The operator's commands, against a running server and against its data folder alone.

mod changing;
mod explaining;
mod hostile;
mod importing;
mod looking;
mod resetting;
mod searching;
mod socket;

use crate::common::{AccessPoint, Daemon, Setup, text};
use serde_json::Value;

const ANNA: &str = "correct-horse-battery";
const KARI: &str = "granite-and-heather";

fn log_on(daemon: &Daemon, user: &str, password: &str) -> bool {
    AccessPoint::of(daemon).log_on(user, password)
}

fn lock(daemon: &Daemon, user: &str) {
    for guess in 0..6 {
        assert!(!log_on(daemon, user, &format!("wrong-{guess}")));
    }
}

/// Runs a command that must succeed; what it printed.
fn done(setup: &Setup, words: &[&str]) -> String {
    let output = setup.cli(words);
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must fail, not crash; what it complained.
fn failed(setup: &Setup, words: &[&str]) -> String {
    let output = setup.cli(words);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    String::from_utf8(output.stderr).unwrap()
}

/// The line that tells of one administrative act.
fn act(daemon: &Daemon, what: &str) -> Value {
    let lines = daemon.wait_for_audit(1, |line| line["event"] == "act" && line["what"] == what);
    lines.last().unwrap().clone()
}

fn me() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap();
    user.unwrap().name
}

fn line_of<'t>(text: &'t str, name: &str) -> &'t str {
    let line = text.lines().find(|line| line.starts_with(name));
    line.unwrap_or_else(|| panic!("no {name} in:\n{text}"))
}

fn person(name: &str, password: &str) -> String {
    format!(
        "dn: uid={name},dc=campus,dc=example\nobjectClass: inetOrgPerson\nuid: {name}\n\
         eduPersonPrimaryAffiliation: employee\nuserPassword: {password}\n\n"
    )
}
