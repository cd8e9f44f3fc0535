//! The load generator against the real server: every method, every answer checked, wrong answers
//! reported.

use std::fmt::Write as _;

use crate::common::{Daemon, Setup};
use portvakt_auth::mschap::NtHash;
use portvakt_testkit::supplicant::ClientCertificate;
use serde_json::{Value, json};

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

/// Logs on everybody with these options; four at a time, where no rate is among them.
fn load(daemon: &Daemon, more: &[&str]) -> Value {
    let path = |name: &str| daemon.path(name).to_str().unwrap().to_owned();
    let (ca, certificate, key) = (path("ca.pem"), path("client.pem"), path("client.key"));
    let people = PEOPLE.to_string();
    let mut options = vec!["--name", "user{n}@campus.example", "--people", &people];
    options.extend(["--ca", &ca, "--server-name", "radius.campus.example"]);
    options.extend(["--client-certificate", &certificate, "--client-key", &key]);
    options.extend(["--source", "127.0.0.2"]);
    if !more.contains(&"--rate") {
        options.extend(["--in-flight", "4", "--for", "60"]);
    }
    options.extend(more);
    daemon.load(&options)
}

/// Whether every log-on of the report ended as it should.
fn is_sound(report: &Value) -> bool {
    let phases = report["phases"].as_array().unwrap().iter();
    let mut classes = phases.flat_map(|phase| phase["classes"].as_array().unwrap());
    classes.all(|class| class["wrong"] == json!({}))
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
            let report = load(&daemon, &words);
            assert!(is_sound(&report), "{method}: {report}");
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
            let report = load(&daemon, &words);
            assert!(is_sound(&report), "{method}: {report}");
            assert_eq!(class(&report)["resumed"], 24, "{method} under {version}");
        }
    }
}

#[test]
fn wrong_passwords_are_right_when_they_are_refused() {
    let daemon = server();
    for method in ["pap", "mschapv2", "ttls-pap", "peap-mschapv2"] {
        let words = ["--method", method, "--count", "20", "--wrong", "50"];
        let report = load(&daemon, &words);
        assert!(is_sound(&report), "{method}: {report}");
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
    let report = load(&daemon, &words);
    assert_eq!(class(&report)["wrong"]["refused"], 5);
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
        let report = load(&daemon, &words);
        assert!(is_sound(&report), "{scenario}: {report}");
        let last = report["phases"].as_array().unwrap().last().unwrap();
        assert!(
            last["server_process"]["cpu_us_per_log_on"].is_number(),
            "{scenario}"
        );
        let page = std::fs::read_to_string(&html).unwrap();
        assert!(page.contains("<svg") && !page.contains("http://localhost"));
    }
}
