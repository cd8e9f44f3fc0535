//! A disk that takes nothing more. A limit on the size of files stands for it: it needs no rights
//! and no mount, can be set on the running server, and be lifted again.

use std::process::Command;

use crate::common::{Daemon, Setup, eventually};

const RIGHT: &str = "correct-horse-battery";

/// Every write beyond the first octet of a file fails from now on.
fn fill_the_disk(daemon: &Daemon) {
    limit_files(daemon, "1");
}

fn make_room(daemon: &Daemon) {
    limit_files(daemon, "unlimited");
}

fn limit_files(daemon: &Daemon, soft: &str) {
    let id = daemon.id().to_string();
    let limit = format!("--fsize={soft}:unlimited");
    let status = Command::new("prlimit")
        .args(["--pid", &id, &limit])
        .status();
    assert!(status.unwrap().success(), "prlimit (util-linux) works");
}

fn guess(daemon: &Daemon, user: &str, times: usize) {
    let nas = daemon.nas();
    for guess in 0..times {
        assert!(nas.log_on(user, &format!("wrong-{guess}")).is_reject());
    }
}

/// The health page's word on `check`, once it is this one.
fn wait_for_health(daemon: &Daemon, check: &str, ok: bool) {
    let says = || {
        let (_, body) = daemon.health();
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let checks = body["checks"].as_array().unwrap();
        let found = checks.iter().find(|found| found["name"] == check);
        (found.unwrap()["ok"] == ok).then_some(())
    };
    assert!(eventually(says).is_some(), "{:?}", daemon.health());
}

#[test]
fn a_full_disk_neither_stops_answers_nor_opens_locks_and_is_caught_up_with() {
    let mut daemon = Setup::new().start();
    guess(&daemon, "kari", 2);
    fill_the_disk(&daemon);
    guess(&daemon, "anna", 6);
    guess(&daemon, "kari", 3);
    let nas = daemon.nas();
    assert!(nas.log_on("anna", RIGHT).is_reject(), "the lock holds");
    assert!(nas.log_on("gustav", "visiting-for-a-while").is_accept());
    wait_for_health(&daemon, "store", false);
    assert_eq!(daemon.health().0, 503);
    assert_eq!(daemon.metric("portvakt_store_healthy"), 0.0);
    assert!(daemon.metric("portvakt_store_waiting") > 0.0);
    wait_for_health(&daemon, "audit", false);

    make_room(&daemon);
    wait_for_health(&daemon, "store", true);
    wait_for_health(&daemon, "audit", true);
    // What `explain` shows takes its time, though there is room.
    let is_written = || (daemon.metric("portvakt_store_waiting") == 0.0).then_some(());
    assert!(eventually(is_written).is_some());
    // Without a word of goodbye: what is there now was written as soon as there was room.
    daemon.kill();
    daemon.restart();
    assert!(daemon.nas().log_on("anna", RIGHT).is_reject());
    assert_eq!(daemon.failures("anna"), 6);
    assert_eq!(daemon.failures("kari"), 5);
    let reasons = daemon.reasons(14);
    let checked = reasons
        .iter()
        .filter(|reason| *reason == "wrong-credential");
    assert_eq!(
        checked.count(),
        11,
        "no line of the audit log is missing: {reasons:?}"
    );
}

/// The operator is told that an act does not last yet.
#[test]
fn an_unlock_on_a_full_disk_says_that_it_may_not_last() {
    let daemon = Setup::new().start();
    guess(&daemon, "anna", 6);
    fill_the_disk(&daemon);
    let unlocked = daemon.cli(&["account", "unlock", "anna"]);
    let said = crate::common::text(&unlocked);
    assert!(said.contains("the disk refuses"), "{said}");
    assert!(daemon.nas().log_on("anna", RIGHT).is_accept());
    let suspended = daemon.cli(&["account", "suspend", "kari"]);
    assert!(
        !suspended.status.success(),
        "what can't be kept is not done"
    );
    assert!(
        daemon
            .nas()
            .log_on("kari", "granite-and-heather")
            .is_accept()
    );
}
