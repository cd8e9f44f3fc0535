//! Somebody guesses as fast as the hash pool can't take: real users don't notice, and what is too
//! much is refused by rule and counted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;
mod nas;

use std::process::Command;

use common::{Daemon, Setup};
use nas::people;
use serde_json::Value;

const PEOPLE: usize = 100;
const HASH: &str = "{ARGON2}$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
                    Cm6HzOPSM/KkLb1W1GrvJZ0BlBv0kBX5ZTFoGxzOMjM";

/// One thread hashes and 32 may wait. The last tenth of the people, those who are guessed at,
/// have hashes that take their time; so have names that are nobody's.
fn server() -> Daemon {
    let secret = |index| match index {
        0..90 => people::ssha(&people::password(index)),
        _ => HASH.to_owned(),
    };
    Setup::new()
        .people(&people::people_with(PEOPLE, secret))
        .set("passwords", "argon2-memory", "\"19MiB\"")
        .set("passwords", "argon2-iterations", "2")
        .set("passwords", "hash-threads", "1")
        .set("passwords", "hash-queue", "32")
        .start()
}

/// The report on the attack, after a warm-up in which all real users have logged on once.
fn attack(daemon: &Daemon) -> Value {
    let users: String = (0..PEOPLE)
        .map(|index| format!("{}:{}\n", people::name(index), people::password(index)))
        .collect();
    let users = daemon.write("users", &users);
    let secret = daemon.write("secret", common::SECRET);
    let json = daemon.path("load.json");
    let output = Command::new(env!("CARGO_BIN_EXE_portvakt"))
        .arg("load")
        .arg(daemon.address().to_string())
        .args(["--secret-file".as_ref(), secret.as_os_str()])
        .args(["--users".as_ref(), users.as_os_str()])
        .args(["--scenario", "guess", "--method", "pap"])
        .args(["--rate", "200", "--guesses", "1000", "--for", "2"])
        .args(["--json".as_ref(), json.as_os_str()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    report["phases"].as_array().unwrap().last().unwrap().clone()
}

fn refusals(daemon: &Daemon, reason: &str) -> f64 {
    daemon.metric(&format!("portvakt_refusals_total{{reason=\"{reason}\"}}"))
}

#[test]
fn guessing_loses_no_real_user_and_the_excess_is_refused_and_counted() {
    let daemon = server();
    let attack = attack(&daemon);
    let class = |index: usize| attack["classes"][index].clone();
    let (users, guesses, nobodies) = (class(0), class(1), class(2));
    assert_eq!(
        (&users["accepted"], &users["right"]),
        (&400.into(), &400.into())
    );
    for guesses in [&guesses, &nobodies] {
        assert_eq!(
            (&guesses["accepted"], &guesses["right"]),
            (&0.into(), &1000.into())
        );
    }
    // Each guess ended in exactly one of these, and the most of them in the second.
    let checked = refusals(&daemon, "wrong-credential") + refusals(&daemon, "unknown-user");
    let shed = refusals(&daemon, "overloaded");
    assert!(shed > 0.0);
    assert_eq!(checked + shed + refusals(&daemon, "locked-out"), 2000.0);
    // Not one real user was among them: all of their log-ons were right, and one more is.
    assert!(
        daemon
            .nas()
            .log_on(&people::name(7), &people::password(7))
            .is_accept()
    );
}
