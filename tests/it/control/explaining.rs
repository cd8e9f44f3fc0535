//! Why somebody can or can't come in.

use serde_json::Value;

use super::{KARI, done, failed, lock, log_on};
use crate::common::{AccessPoint, Daemon, Setup};

/// The output of `explain` once it has the attempt: an answer does not wait for its row.
fn explained(daemon: &Daemon, user: &str, attempt: &str) -> String {
    let told = || Some(done(daemon, &["explain", user])).filter(|said| said.contains(attempt));
    crate::common::eventually(told).unwrap_or_else(|| panic!("never told of {attempt}"))
}

#[test]
fn explain_tells_reason_last_attempts_and_next_step() {
    let daemon = Setup::new().start();
    assert!(!log_on(&daemon, "ola", "forgot-to-pay-again"));
    assert!(!log_on(&daemon, "ola", "wrong"));
    let said = explained(&daemon, "ola@campus.example", "wrong-credential");
    for words in [
        "ola (Ola Nordmann) is refused by eduroam: not-active",
        "next step  Pay the semester fee",
        "1 of 6 failed log-ons",
        "wrong-credential",
        "02-00-00-00-00-09",
    ] {
        assert!(said.contains(words), "{words:?} is not in:\n{said}");
    }
    let newest = said.find("wrong-credential");
    assert!(newest < said.rfind("not-active"), "{said}");
}

#[test]
fn explain_of_a_locked_account_says_until_when() {
    let daemon = Setup::new().start();
    lock(&daemon, "anna");
    let said = done(&daemon, &["explain", "anna"]);
    assert!(said.contains("is refused by eduroam: locked-out"), "{said}");
    assert!(said.contains("after failed log-ons, until 2"), "{said}");
    let json = done(&daemon, &["explain", "anna", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["refusal"], "locked-out");
    assert_eq!(json["lock"]["of"], 6);
    assert!(json["lock"]["locked_until"].is_string());
}

#[test]
fn explain_of_an_open_account_says_that_it_is_open() {
    let daemon = Setup::new().start();
    assert!(log_on(&daemon, "kari", KARI));
    let said = explained(&daemon, "kari", "accept");
    assert!(said.contains("may come in by eduroam"), "{said}");
}

#[test]
fn explain_without_a_server_still_knows_the_last_attempts() {
    let mut daemon = Setup::new().start();
    assert!(!log_on(&daemon, "ola", "forgot-to-pay-again"));
    daemon.terminate();
    let said = done(&daemon, &["explain", "ola"]);
    assert!(said.contains("last attempts, newest first"), "{said}");
}

#[test]
fn explain_looks_at_the_service_it_is_asked_about() {
    let daemon = Setup::new().more("[service.vpn]\nvlan = \"7\"\n").start();
    let said = done(&daemon, &["explain", "backup-node"]);
    assert!(said.contains("service-not-allowed"), "{said}");
    let said = done(&daemon, &["explain", "backup-node", "--service", "vpn"]);
    assert!(said.contains("may come in by vpn"), "{said}");
}

#[test]
fn explain_of_a_service_that_no_client_has_names_those_there_are() {
    let daemon = Setup::new().start();
    let complaint = failed(&daemon, &["explain", "anna", "--service", "vnp"]);
    assert!(
        complaint.contains("no client has the service vnp; there are: eduroam"),
        "{complaint}"
    );
}

/// A guest of the network, at a concentrator that is for students alone.
#[test]
fn explain_judges_the_services_of_the_clients_and_the_one_tried_last_first() {
    let daemon = Setup::new()
        .without_clients()
        .client("wireless", "127.0.0.1", "methods = [\"pap\"]")
        .client("vpn", "127.0.0.2", "methods = [\"pap\"]\nservice = \"vpn\"")
        .more("[service.vpn]\nkinds = [\"student\"]\n")
        .start();
    let said = done(&daemon, &["explain", "kari"]);
    assert!(said.contains("may come in by eduroam"), "{said}");
    assert!(
        said.contains("is refused by vpn: service-not-allowed"),
        "{said}"
    );
    let refused = AccessPoint::at("127.0.0.2", &daemon).log_on("kari", KARI);
    assert!(!refused);
    explained(&daemon, "kari", "service-not-allowed  vpn");
    let json = done(&daemon, &["explain", "kari", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["service"], &json["refusal"]),
        (&"vpn".into(), &"service-not-allowed".into())
    );
    assert_eq!(json["services"][1]["service"], "eduroam");
    assert_eq!(json["services"][1]["refusal"], Value::Null);
}

#[test]
fn explain_where_there_is_no_eduroam_speaks_of_what_there_is() {
    let setup = Setup::new().without_clients();
    let more = "methods = [\"pap\"]\nservice = \"vpn\"";
    let daemon = setup.client("vpn", "127.0.0.1", more).start();
    let said = done(&daemon, &["explain", "anna"]);
    assert!(said.contains("may come in by vpn, with"), "{said}");
    assert!(!said.contains("eduroam"), "{said}");
    let json: Value = serde_json::from_str(&done(&daemon, &["explain", "anna", "--json"])).unwrap();
    assert_eq!(json["service"], "vpn");
}

/// `2026-11-27 23:28:40 CET`, and nothing of another form.
fn assert_times_are_for_people(said: &str) {
    let pattern = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let is_time = |words: &[&str]| {
            let [day, time, zone] = words else {
                return false;
            };
            day.len() == 10 && time.len() == 8 && zone.starts_with("CE")
        };
        words.windows(3).any(is_time)
    };
    let mut times = 0;
    for line in said.lines().filter(|line| line.contains("20")) {
        let has_year = line
            .split(|c: char| !c.is_ascii_digit())
            .any(|n| n.starts_with("20") && n.len() == 4);
        if has_year {
            times += 1;
            assert!(pattern(line), "{line}");
        }
    }
    assert!(times > 0, "{said}");
    assert!(!said.contains('Z'), "{said}");
}

#[test]
fn times_for_people_are_in_the_configured_zone_and_of_one_precision() {
    let daemon = Setup::new().start();
    lock(&daemon, "anna");
    let said = explained(&daemon, "anna", "locked-out");
    assert_times_are_for_people(&said);
    done(
        &daemon,
        &["account", "suspend", "kari", "--why", "a report"],
    );
    assert_times_are_for_people(&done(&daemon, &["account", "show", "kari"]));
    assert_times_are_for_people(&done(&daemon, &["account", "list", "--only", "locked"]));
    assert_times_are_for_people(&done(&daemon, &["attempts", "anna"]));
    let json: Value = serde_json::from_str(&done(&daemon, &["explain", "anna", "--json"])).unwrap();
    for time in [&json["lock"]["locked_until"], &json["attempts"][0]["time"]] {
        assert_eq!(
            time.as_str().unwrap().len(),
            "2026-11-27T22:28:40.632Z".len()
        );
    }
}
