//! A lecture hall arrives and moves about: nobody is lost, and the server does not grow.

use crate::common::{Daemon, Setup};
use crate::nas::people;
use serde_json::Value;

const PEOPLE: usize = 300;
/// Growth allowed to the server's memory while users only roam: buffers, a page of the database.
const GROWTH: u64 = 32 * 1024 * 1024;

/// The report of a morning.
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
    let users = daemon.write("users", &users);
    let ca = daemon.path("ca.pem");
    daemon.load(&[
        "--users",
        users.to_str().unwrap(),
        "--ca",
        ca.to_str().unwrap(),
        "--server-name",
        "radius.campus.example",
        "--server-pid",
        &daemon.id().to_string(),
        "--scenario",
        "morning",
        "--method",
        "ttls-pap",
        "--rate",
        "60",
        "--for",
        seconds,
    ])
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
    for phase in [arrival, roaming] {
        assert_eq!(phase["classes"][0]["wrong"], serde_json::json!({}));
    }
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
