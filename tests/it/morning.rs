//! A lecture hall arrives and moves about: nobody is lost, and the server does not grow.

use std::process::Command;

use crate::common::{Daemon, Setup};
use crate::nas::people;
use serde_json::Value;

const PEOPLE: usize = 300;
/// What the server may grow by while people only move about: buffers, a page of the database.
const GROWTH: u64 = 32 * 1024 * 1024;

/// The report; the harness fails where a single log-on did.
fn morning(daemon: &Daemon, seconds: &str) -> Value {
    let users: String = (0..PEOPLE)
        .map(|index| {
            format!(
                "{}@campus.example:{}\n",
                people::name(index),
                people::password(index)
            )
        })
        .collect();
    let [users, secret] = [("users", users.as_str()), ("secret", crate::common::SECRET)]
        .map(|(name, text)| daemon.write(name, text));
    let (ca, json) = (daemon.path("ca.pem"), daemon.path("load.json"));
    let output = Command::new(env!("CARGO_BIN_EXE_portvakt"))
        .arg("load")
        .arg(daemon.address().to_string())
        .args(["--secret-file".as_ref(), secret.as_os_str()])
        .args(["--users".as_ref(), users.as_os_str()])
        .args(["--ca".as_ref(), ca.as_os_str()])
        .args(["--json".as_ref(), json.as_os_str()])
        .args(["--server-name", "radius.campus.example"])
        .args(["--server-pid", &daemon.id().to_string()])
        .args(["--scenario", "morning", "--method", "ttls-pap"])
        .args(["--rate", "60", "--for", seconds])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap()
}

/// Twenty seconds in the full run; ten minutes by `benches/morning.rs`.
#[test]
fn long_morning_loses_nobody_and_memory_stays_flat() {
    let is_long = std::env::var_os("PORTVAKT_LONG").is_some();
    let daemon = Setup::new().people(&people::people(PEOPLE)).start();
    let report = morning(&daemon, if is_long { "20" } else { "3" });
    let [arrival, roaming] = &report["phases"].as_array().unwrap()[..] else {
        panic!("a morning has two phases: {report}");
    };
    let arrived = &arrival["classes"][0];
    assert_eq!(arrived["accepted"].as_u64(), Some(PEOPLE as u64));
    assert!(
        roaming["classes"][0]["resumed"].as_u64() > Some(100),
        "{roaming}"
    );
    let server = &roaming["server_process"];
    let resident = |when: &str| server[when].as_u64().unwrap();
    let (before, after) = (resident("resident_before"), resident("resident_after"));
    assert!(after < before + GROWTH, "{before} octets, then {after}");
}
