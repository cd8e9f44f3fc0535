//! The load harness against the real server, by its command line: every method, every answer checked,
//! and what is wrong told as wrong.

use std::fmt::Write as _;
use std::net::UdpSocket;
use std::process::{Command, Output};
use std::time::Duration;

use crate::common::{Daemon, Setup};
use portvakt_auth::mschap::NtHash;
use portvakt_testkit::supplicant::ClientCertificate;
use serde_json::Value;

const PEOPLE: usize = 12;
const DEVICE: &str = "user000000@campus.example";

/// Passwords that cost nothing to check: it is not the hash that is tried here.
fn people() -> String {
    (0..PEOPLE).fold(String::new(), |mut ldif, number| {
        let password = format!("password{number:06}");
        let nt_hash = NtHash::of_password(&password);
        let _ = write!(
            ldif,
            "dn: uid=user{number:06},dc=example\nuid: user{number:06}\n\
             eduPersonPrimaryAffiliation: employee\nuserPassword: {password}\n\
             sambaNTPassword: {}\n\n",
            *nt_hash.reveal()
        );
        ldif
    })
}

fn server() -> Daemon {
    let setup = Setup::new();
    let authority = setup.authority();
    let client = authority.issue_client(&ClientCertificate::of(DEVICE, 7));
    setup.write("client.pem", &client.chain_pem);
    setup.write("client.key", &client.key_pem);
    setup.write("client-ca.pem", &authority.certificate_pem());
    setup
        .set("eap", "methods", "[\"ttls\", \"peap\", \"tls\"]")
        .set("eap", "ttls-inner", "[\"pap\", \"mschapv2\"]")
        .set("eap", "client-ca", "\"client-ca.pem\"")
        .set("eap", "client-names", "[\"email\"]")
        .set("lockout", "attempts", "100")
        .set("radius", "reject-delay", "\"100ms\"")
        .set("accounts.attributes", "nt-hash", "\"sambaNTPassword\"")
        .client(
            "vpn",
            "127.0.0.2",
            "methods = [\"eap\", \"pap\", \"mschapv2\"]",
        )
        .people(&people())
        .start()
}

/// Runs it and reads its JSON; what it printed goes along.
fn load(daemon: &Daemon, more: &[&str]) -> (Output, Value) {
    let path = |name: &str| daemon.path(name).to_str().unwrap().to_owned();
    let (server, json, secret) = (
        daemon.address().to_string(),
        path("load.json"),
        path("secret"),
    );
    daemon.write("secret", crate::common::SECRET);
    let (ca, certificate, key) = (path("ca.pem"), path("client.pem"), path("client.key"));
    let people = PEOPLE.to_string();
    let mut words = vec!["load", &server, "--secret-file", &secret, "--json", &json];
    words.extend(["--name", "user{n}@campus.example", "--people", &people]);
    words.extend(["--ca", &ca, "--server-name", "radius.campus.example"]);
    words.extend(["--client-certificate", &certificate, "--client-key", &key]);
    words.extend(["--source", "127.0.0.2"]);
    if !more.contains(&"--rate") {
        words.extend(["--in-flight", "4", "--for", "60"]);
    }
    words.extend(more);
    let output = portvakt(&words);
    let text = std::fs::read_to_string(daemon.path("load.json"));
    let report = text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap());
    (output, report)
}

/// The program, which needs no configuration here.
fn portvakt(words: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_portvakt"));
    program.args(words).output().unwrap()
}

/// The last phase's only class.
fn class(report: &Value) -> &Value {
    &report["phases"].as_array().unwrap().last().unwrap()["classes"][0]
}

#[test]
fn every_method_logs_on_in_full_under_both_versions() {
    let daemon = server();
    for method in [
        "pap",
        "mschapv2",
        "status",
        "ttls-pap",
        "ttls-mschapv2",
        "peap-mschapv2",
        "eap-tls",
    ] {
        for version in ["1.2", "1.3"] {
            let words = ["--method", method, "--tls", version, "--count", "24"];
            let (output, report) = load(&daemon, &words);
            assert!(output.status.success(), "{method}: {output:?}");
            let class = class(&report);
            assert_eq!(
                (&class["accepted"], &class["resumed"]),
                (&24.into(), &0.into())
            );
            assert!(class["latency"]["p50_us"].as_u64().unwrap() > 0);
        }
    }
}

#[test]
fn devices_come_back_on_their_sessions() {
    let daemon = server();
    for method in ["ttls-pap", "peap-mschapv2", "eap-tls"] {
        for version in ["1.2", "1.3"] {
            let words = [
                "--method", method, "--tls", version, "--count", "24", "--resume",
            ];
            let (output, report) = load(&daemon, &words);
            assert!(output.status.success(), "{method}: {output:?}");
            assert_eq!(class(&report)["resumed"], 24, "{method} under {version}");
        }
    }
}

#[test]
fn wrong_passwords_are_right_when_they_are_refused() {
    let daemon = server();
    for method in ["pap", "mschapv2", "ttls-pap", "peap-mschapv2"] {
        let words = ["--method", method, "--count", "20", "--wrong", "50"];
        let (output, report) = load(&daemon, &words);
        assert!(output.status.success(), "{method}: {output:?}");
        let class = class(&report);
        assert_eq!(
            (&class["right"], &class["accepted"]),
            (&20.into(), &10.into())
        );
    }
}

/// A right password that is refused is the server's fault, or the operator's.
#[test]
fn a_refused_right_password_is_told_as_wrong() {
    let daemon = server();
    let words = ["--count", "5", "--password", "something else"];
    let (output, report) = load(&daemon, &words);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(class(&report)["wrong"]["refused"], 5);
    assert!(String::from_utf8_lossy(&output.stdout).contains("did NOT end"));
}

/// An answer that is not signed with the secret is none.
#[test]
fn answers_under_another_secret_are_thrown_away() {
    let daemon = server();
    let forger = UdpSocket::bind("127.0.0.1:0").unwrap();
    forger
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let address = forger.local_addr().unwrap().to_string();
    let forging = std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        for _ in 0..2 {
            let (_, peer) = forger.recv_from(&mut buffer).unwrap();
            let mut accept = [0; 20];
            (accept[0], accept[1], accept[3]) = (2, buffer[1], 20);
            forger.send_to(&accept, peer).unwrap();
        }
    });
    let secret = daemon.write("secret", crate::common::SECRET);
    let json = daemon.path("forged.json");
    let words = [
        "load",
        &address,
        "--secret-file",
        secret.to_str().unwrap(),
        "--count",
        "1",
    ];
    let more = [
        "--patience",
        "0.2",
        "--tries",
        "2",
        "--json",
        json.to_str().unwrap(),
    ];
    let output = portvakt(&[&words[..], &more[..]].concat());
    forging.join().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let class = class(&report);
    assert_eq!(class["wrong"]["no answer"], 1);
    assert_eq!(class["retransmissions"], 1);
    let discarded = class["discarded"].as_object().unwrap();
    assert_eq!(discarded.values().filter_map(Value::as_u64).sum::<u64>(), 2);
}

#[test]
fn every_scenario_runs_and_draws_its_page() {
    let daemon = server();
    let process = daemon.id().to_string();
    let html = daemon.path("load.html").to_str().unwrap().to_owned();
    for scenario in ["morning", "roam", "reboot", "stale", "guess"] {
        let words = [
            "--scenario",
            scenario,
            "--method",
            "ttls-pap",
            "--rate",
            "40",
            "--for",
            "1",
        ];
        let more = ["--guesses", "10", "--server-pid", &process, "--html", &html];
        let words = [&words[..], &more[..]].concat();
        let (output, report) = load(&daemon, &words);
        assert!(output.status.success(), "{scenario}: {output:?}");
        let last = report["phases"].as_array().unwrap().last().unwrap();
        assert!(
            last["server_process"]["cpu_us_per_log_on"].is_number(),
            "{scenario}"
        );
        let page = std::fs::read_to_string(&html).unwrap();
        assert!(page.contains("<svg") && !page.contains("http://localhost"));
    }
}

#[test]
fn what_is_missing_is_asked_for() {
    for (words, advice) in [
        (vec!["load"], "--secret-file"),
        (
            vec!["load", "--method", "ttls-pap", "--secret", "x"],
            "--ca",
        ),
        (vec!["load", "nowhere", "--secret", "x"], "HOST:PORT"),
        (vec!["load", "--method", "leap"], "ttls-mschapv2"),
    ] {
        let output = portvakt(&words);
        assert!(!output.status.success());
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(complaint.contains(advice), "{complaint}");
    }
}
