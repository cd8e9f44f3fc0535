//! The program by its command line: advice about missing options, and exit codes.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::net::UdpSocket;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

fn portvakt_load(options: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_portvakt-load"));
    program.env_remove("PORTVAKT_LOAD_SECRET");
    program.args(options).output().unwrap()
}

#[test]
fn missing_options_are_named() {
    for (options, advice) in [
        (vec![], "--secret-file"),
        (vec!["--method", "ttls-pap", "--secret", "x"], "--ca"),
        (
            vec![
                "--method",
                "eap-tls",
                "--secret",
                "x",
                "--ca",
                "x",
                "--server-name",
                "x",
            ],
            "--client-certificate",
        ),
        (vec!["--method", "leap"], "ttls-mschapv2"),
    ] {
        let output = portvakt_load(&options);
        assert_eq!(output.status.code(), Some(2));
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(complaint.contains(advice), "{complaint}");
    }
}

#[test]
fn server_without_a_port_is_refused() {
    let output = portvakt_load(&["nowhere", "--secret", "x"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("HOST:PORT"));
}

/// Sends two Access-Accepts whose authenticators are all zero.
fn forge(forger: &UdpSocket) {
    let mut buffer = [0; 4096];
    for _ in 0..2 {
        let (_, peer) = forger.recv_from(&mut buffer).unwrap();
        let mut accept = [0; 20];
        (accept[0], accept[1], accept[3]) = (2, buffer[1], 20);
        forger.send_to(&accept, peer).unwrap();
    }
}

#[test]
fn answers_under_another_secret_are_discarded_and_the_run_fails() {
    let forger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let patience = Some(Duration::from_secs(20));
    forger.set_read_timeout(patience).unwrap();
    let address = forger.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("forged.json");
    let forging = std::thread::spawn(move || forge(&forger));
    let options = [
        [&address, "--secret=sixteen octets or more"],
        ["--count=1", "--tries=2"],
        ["--patience=0.2", "--json"],
    ];
    let output = portvakt_load(&[options.as_flattened(), &[json.to_str().unwrap()]].concat());
    forging.join().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("did NOT end"));
    let report: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let class = &report["phases"][0]["classes"][0];
    assert_eq!(class["wrong"]["no answer"], 1);
    assert_eq!(class["retransmissions"], 1);
    let discarded = class["discarded"].as_object().unwrap();
    assert_eq!(discarded.values().filter_map(Value::as_u64).sum::<u64>(), 2);
}
