//! Files of the student registry, on the command line of a running server and without one.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::common::{Setup, text};
use radius::core::code::Code;
use serde_json::Value;

const ANNA: &str = "correct-horse-battery";

/// Runs a command that must succeed; what it printed.
fn done(setup: &Setup, words: &[&str], input: &str) -> String {
    let output = setup.cli_with(words, input);
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn import(setup: &Setup, file: &str) -> String {
    done(setup, &["registry", "import", "-"], file)
}

fn flag(active: &str) -> String {
    format!("username;active\nanna;{active}\n")
}

/// AC1: a status that the registry reports holds at the next log-on, also of a remembered password.
#[test]
fn status_of_a_running_server_follows_an_import() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let code = || nas.log_on("anna@campus.example", ANNA).code();
    assert_eq!(code(), Code::AccessAccept);
    let told = import(&daemon, &flag("no"));
    assert!(told.contains("1 locked"), "{told}");
    assert_eq!(code(), Code::AccessReject);
    assert_eq!(daemon.explain("anna")["refusal"], "not-active");
    import(&daemon, &flag("yes"));
    assert_eq!(code(), Code::AccessAccept);
    assert_eq!(daemon.metric("portvakt_registry_persons"), 1.0);
    let shown = done(&daemon, &["registry", "show", "anna"], "");
    assert!(shown.contains("let in by the rules on students"), "{shown}");
}

#[test]
fn import_without_a_server_holds_when_one_starts() {
    let mut setup = Setup::new();
    setup.prepare();
    import(&setup, &flag("no"));
    let listed = done(&setup, &["registry", "list", "--json"], "");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let number = listed[0]["import"].to_string();
    let daemon = setup.start();
    let nas = daemon.nas();
    let code = || nas.log_on("anna", ANNA).code();
    assert_eq!(code(), Code::AccessReject);
    done(
        &daemon,
        &["registry", "undo", &number, "--why", "wrong file"],
        "",
    );
    assert_eq!(code(), Code::AccessAccept);
}

#[test]
fn mistakes_are_told_with_line_value_and_advice_and_nothing_is_used() {
    let daemon = Setup::new().start();
    let file = "username;active;ended-on\nanna;no;\nkari;perhaps;2026-02-30\n";
    let output = daemon.cli_with(&["registry", "import", "-"], file);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    for expected in [
        "nothing of the file is in force",
        "line 3, active: \"perhaps\" is not one of the words",
        "line 3, ended-on: \"2026-02-30\" is no date of the calendar",
    ] {
        assert!(told.contains(expected), "{told}");
    }
    assert_eq!(daemon.nas().log_on("anna", ANNA).code(), Code::AccessAccept);
    let cut = daemon.cli_with(&["registry", "import", "--full", "-"], &flag("no"));
    assert_eq!(cut.status.code(), Some(1));
    assert!(
        String::from_utf8(cut.stderr)
            .unwrap()
            .contains("may have been cut")
    );
}

/// A script must notice that a file waits: the exit code says so.
#[test]
fn file_beyond_the_guard_ends_as_failed_and_waits_with_its_digest() {
    let setup = Setup::new().set("registry.guard", "locks", "{ count = 0 }");
    let daemon = setup.start();
    let output = daemon.cli_with(&["registry", "import", "-"], &flag("no"));
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).unwrap();
    let digest = told.lines().last().unwrap().split(' ').next_back().unwrap();
    assert_eq!(digest.len(), 64, "{told}");
    assert_eq!(daemon.nas().log_on("anna", ANNA).code(), Code::AccessAccept);
    let once = daemon.cli(&["registry", "approve", digest]);
    assert_eq!(once.status.code(), Some(1), "{}", text(&once));
    assert_eq!(daemon.nas().log_on("anna", ANNA).code(), Code::AccessAccept);
}

#[test]
fn exemption_lets_a_student_in_until_it_is_ended() {
    let daemon = Setup::new().start();
    import(&daemon, &flag("no"));
    let code = || daemon.nas().log_on("anna", ANNA).code();
    assert_eq!(code(), Code::AccessReject);
    let tomorrow = jiff::Zoned::now().date().tomorrow().unwrap().to_string();
    let why = ["--why", "receipt seen"];
    let exempt = ["account", "exempt", "anna", "--until", &tomorrow];
    done(&daemon, &[&exempt[..], &why].concat(), "");
    assert_eq!(code(), Code::AccessAccept);
    done(&daemon, &["account", "exempt", "anna", "--end"], "");
    assert_eq!(code(), Code::AccessReject);
    let other = daemon.cli(&["account", "exempt", "kari", "--until", &tomorrow]);
    assert_eq!(other.status.code(), Some(1));
    let preview = done(&daemon, &["terms", "preview"], "");
    assert!(preview.contains("0 of 6 students"), "{preview}");
}

/// Log-ons go on while a hundred thousand rows come in. Prints how long both took.
#[test]
fn long_hundred_thousand_rows_come_in_while_people_log_on() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    assert_eq!(
        nas.log_on("kari", "granite-and-heather").code(),
        Code::AccessAccept
    );
    let mut file = String::from("username;name;active;term;fee;registered-at;mobile\n");
    for each in 0..100_000 {
        writeln!(
            file,
            "s{each:06};Student {each};yes;2026-autumn;paid;2026-08-20;+4791234567"
        )
        .unwrap();
    }
    let is_done = AtomicBool::new(false);
    let mut took = std::thread::scope(|scope| {
        let importing = scope.spawn(|| {
            let start = Instant::now();
            let told = import(&daemon, &file);
            is_done.store(true, Ordering::Release);
            println!(
                "imported in {:?}: {}",
                start.elapsed(),
                told.lines().next().unwrap()
            );
        });
        let mut took = Vec::new();
        while !is_done.load(Ordering::Acquire) {
            let start = Instant::now();
            let reply = nas.log_on("kari", "granite-and-heather");
            assert_eq!(reply.code(), Code::AccessAccept);
            took.push(start.elapsed());
        }
        importing.join().unwrap();
        took
    });
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 100];
    println!(
        "{} log-ons meanwhile: median {:?}, p99 {:?}, longest {:?}",
        took.len(),
        at(50),
        at(99),
        took.last().unwrap_or(&Duration::ZERO)
    );
    assert_eq!(daemon.metric("portvakt_registry_persons"), 100_000.0);
}
