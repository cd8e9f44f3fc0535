//! The server in an operator's hands: checks, metrics, reload, shutdown, audit log.

mod listeners;
mod unit;

use std::time::Duration;

use crate::common::{AccessPoint, Daemon, Setup, text};
use portvakt_radius::Code;
use portvakt_testkit::supplicant::{Authority, Outcome, Profile, Supplicant};
use serde_json::Value;

const ANNA: &str = "correct-horse-battery";
const KARI: &str = "granite-and-heather";
/// For an answer that should not come.
const SHORT: Duration = Duration::from_millis(300);

fn device(authority: &Authority, user: &str, password: &str) -> Supplicant {
    let identity = format!("{user}@campus.example");
    Supplicant::new(Profile::pap(authority, &identity, password.as_bytes()))
}

fn anna(authority: &Authority) -> Supplicant {
    device(authority, "anna", ANNA)
}

fn log_on(daemon: &Daemon, user: &str, password: &str) -> bool {
    AccessPoint::of(daemon).log_on(user, password)
}

/// Whether somebody asks in vain: an answer would come at once.
fn is_unheard(daemon: &Daemon) -> bool {
    let mut vpn = AccessPoint::of(daemon);
    vpn.ask_for("anna", ANNA);
    vpn.receive_within(SHORT).is_none()
}

// -- check --------------------------------------------------------------------------------------

#[test]
fn check_reports_every_mistake_at_once_with_file_and_line() {
    let setup = Setup::new();
    let config = setup.write(
        "portvakt.toml",
        "realms = [\"campus\"]\n\
         [radius]\n\
         reject-dely = \"1s\"\n\
         duplicate-lifetime = \"1s\"\n\
         [[client]]\n\
         name = \"ap\"\n\
         net = \"10.0.0.0/33\"\n\
         secret-file = \"missing\"\n\
         [lockout]\n\
         attempts = 0\n",
    );
    let checked = setup.cli(&["check"]);
    assert_eq!(checked.status.code(), Some(2));
    let said = text(&checked);
    for (line, words) in [
        (1, "realms[1]"),
        (3, "did you mean \"reject-delay\"?"),
        (4, "radius.duplicate-lifetime"),
        (7, "client[1].net"),
        (8, "client[1].secret-file"),
        (10, "lockout.attempts"),
    ] {
        let place = format!("{}:{line}:", config.display());
        assert!(said.contains(&place), "{place} is not in:\n{said}");
        assert!(said.contains(words), "{words} is not in:\n{said}");
    }
}

#[test]
fn check_of_a_sound_configuration_says_what_the_server_would_do() {
    let setup = Setup::new();
    setup.write_config();
    let checked = setup.cli(&["check"]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked));
    let said = text(&checked);
    for words in [
        "campus.example",
        "client      test",
        "TLS 1.2 and 1.3",
        "no mistakes",
    ] {
        assert!(said.contains(words), "{words} is not in:\n{said}");
    }
    assert!(!said.contains(crate::common::SECRET), "{said}");
}

#[test]
fn check_finds_a_key_that_does_not_belong_to_the_certificate() {
    let setup = Setup::new();
    setup.write_config();
    setup.write("radius.key", &setup.authority().issue_server().key_pem);
    let checked = setup.cli(&["check"]);
    assert_eq!(checked.status.code(), Some(2), "{}", text(&checked));
}

#[test]
fn server_does_not_start_on_a_configuration_with_a_mistake() {
    let setup = Setup::new().set("lockout", "attempts", "0");
    setup.write_config();
    let served = setup.cli(&["serve"]);
    assert_eq!(served.status.code(), Some(2));
    assert!(
        text(&served).contains("lockout.attempts"),
        "{}",
        text(&served)
    );
}

#[test]
fn taken_port_is_one_sentence() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let setup = Setup::new().more(&format!("[[listen]]\naddress = \"{address}\"\n"));
    setup.write_config();
    let served = setup.cli(&["serve"]);
    assert_eq!(served.status.code(), Some(1));
    let said = String::from_utf8(served.stderr).unwrap();
    let complaints: Vec<_> = said
        .lines()
        .filter(|l| l.starts_with("portvakt: "))
        .collect();
    assert_eq!(complaints.len(), 1, "{said}");
    assert!(complaints[0].contains(&address.to_string()), "{said}");
}

// -- metrics and health -------------------------------------------------------------------------

#[test]
fn metrics_count_what_happened() {
    let daemon = Setup::new().start();
    assert!(log_on(&daemon, "anna", ANNA));
    assert!(!log_on(&daemon, "ola", "forgot-to-pay-again"));
    assert!(!log_on(&daemon, "nobody", "whatever"));
    for guess in 0..6 {
        assert!(!log_on(&daemon, "kari", &format!("wrong-{guess}")));
    }
    let mut device = anna(daemon.authority());
    assert_eq!(
        AccessPoint::of(&daemon).converse(&mut device),
        Some(Outcome::Success)
    );
    for (sample, value) in [
        ("requests_total{client=\"test\",result=\"accept\"}", 2.0),
        ("requests_total{client=\"test\",result=\"reject\"}", 8.0),
        ("requests_total{client=\"test\",result=\"drop\"}", 0.0),
        ("refusals_total{reason=\"wrong-credential\"}", 6.0),
        ("refusals_total{reason=\"not-active\"}", 1.0),
        ("refusals_total{reason=\"unknown-user\"}", 1.0),
        ("refusals_total{reason=\"other\"}", 0.0),
        ("authentication_seconds_count{method=\"pap\"}", 9.0),
        ("authentication_seconds_count{method=\"ttls/pap\"}", 1.0),
        ("handshakes_total{outcome=\"completed\"}", 1.0),
        ("handshakes_total{outcome=\"gave-up\"}", 0.0),
        ("locked_accounts", 1.0),
        ("conversations", 0.0),
        ("hash_queue_length", 0.0),
        ("store_healthy", 1.0),
        ("audit_dropped_total", 0.0),
    ] {
        assert_eq!(
            daemon.metric(&format!("portvakt_{sample}")),
            value,
            "{sample}"
        );
    }
    assert!(daemon.metric("portvakt_hash_wait_seconds_count") >= 8.0);
    assert!(daemon.metric("portvakt_requests_total{client=\"test\",result=\"challenge\"}") >= 4.0);
    assert!(daemon.metrics().contains("portvakt_certificate_days_left"));
}

/// R1, R2: dropped, never answered, and counted by reason.
#[test]
fn what_is_dropped_is_counted_by_reason() {
    let daemon = Setup::new().start();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&[1, 2, 0, 3], daemon.address()).unwrap();
    let sum = || -> f64 {
        let page = daemon.metrics();
        let drops = page
            .lines()
            .filter(|line| line.starts_with("portvakt_drops_total{"));
        drops
            .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    };
    let counted = crate::common::eventually(|| (sum() == 1.0).then_some(()));
    assert!(counted.is_some(), "{}", daemon.metrics());
    assert!(log_on(&daemon, "anna", ANNA));
}

#[test]
fn health_is_200_and_names_its_parts() {
    let daemon = Setup::new().start();
    let (status, body) = daemon.health();
    assert_eq!(status, 200, "{body}");
    let health: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(health["status"], "ok");
    let checks = health["checks"].as_array().unwrap();
    for name in ["store", "audit", "certificate"] {
        assert!(
            checks
                .iter()
                .any(|check| check["name"] == name && check["ok"] == true)
        );
    }
}

// -- reload -------------------------------------------------------------------------------------

#[test]
fn new_client_may_ask_after_a_reload() {
    let setup = Setup::new().without_clients();
    let mut daemon = setup.client("elsewhere", "192.0.2.1", "").start();
    assert!(is_unheard(&daemon));
    daemon.add_client("here", "127.0.0.1", "methods = [\"pap\"]");
    daemon.write_config();
    assert!(daemon.reload());
    assert!(log_on(&daemon, "anna", ANNA));
    assert_eq!(
        daemon.metric("portvakt_requests_total{client=\"here\",result=\"accept\"}"),
        1.0
    );
}

#[test]
fn new_lockout_rules_hold_after_a_reload() {
    let mut daemon = Setup::new().start();
    assert!(!log_on(&daemon, "anna", "wrong-1"));
    daemon.change("lockout", "attempts", "2");
    daemon.write_config();
    assert!(daemon.reload());
    assert!(!log_on(&daemon, "anna", "wrong-2"));
    assert!(!log_on(&daemon, "anna", ANNA));
    assert_eq!(daemon.attempt(3)["reason"], "locked-out");
}

#[test]
fn new_certificate_is_shown_after_a_reload_and_a_running_conversation_finishes_with_the_old() {
    let daemon = Setup::new().start();
    let mut running = anna(daemon.authority());
    let mut access_point = AccessPoint::of(&daemon);
    let first = access_point.step(&running.identity_response(1), None);
    let half = access_point.go_on(&mut running, first, 2);

    let other = Authority::new("Other");
    daemon.write_certificates(&other.issue_server());
    assert!(daemon.reload());

    let end = access_point.go_on(&mut running, half, usize::MAX);
    assert_eq!(end.code, Code::AccessAccept);
    assert_eq!(
        AccessPoint::of(&daemon).converse(&mut anna(&other)),
        Some(Outcome::Success)
    );
    let mut old_fashioned = anna(daemon.authority());
    let outcome = AccessPoint::of(&daemon).converse(&mut old_fashioned);
    assert_eq!(outcome, Some(Outcome::Failure));
}

#[test]
fn broken_configuration_is_refused_whole_and_the_old_one_goes_on() {
    let mut daemon = Setup::new().start();
    daemon.change("lockout", "attempts", "1");
    daemon.change("radius", "reject-dely", "\"1s\"");
    daemon.write_config();
    assert!(!daemon.reload());
    assert!(
        daemon.log().contains("radius.reject-dely"),
        "{}",
        daemon.log()
    );
    assert!(!log_on(&daemon, "anna", "wrong"));
    assert!(log_on(&daemon, "anna", ANNA));
}

#[test]
fn broken_certificate_is_refused_whole_and_the_old_one_goes_on() {
    let mut daemon = Setup::new().start();
    daemon.change("lockout", "attempts", "1");
    daemon.write_config();
    daemon.write(
        "radius.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    assert!(!daemon.reload());
    assert!(!log_on(&daemon, "anna", "wrong"));
    let mut device = anna(daemon.authority());
    assert_eq!(
        AccessPoint::of(&daemon).converse(&mut device),
        Some(Outcome::Success)
    );
}

#[test]
fn what_needs_a_restart_is_named_at_each_reload() {
    const NAMED: &str = "these take effect after a restart: radius.workers";
    let mut daemon = Setup::new().start();
    daemon.change("radius", "workers", "3");
    daemon.write_config();
    for times in 1..=2 {
        assert!(daemon.reload());
        let named = crate::common::eventually(|| {
            (daemon.log().matches(NAMED).count() == times).then_some(())
        });
        assert!(named.is_some(), "{times}. reload:\n{}", daemon.log());
    }
}

#[test]
fn reload_is_audited_whether_it_is_taken_or_refused() {
    let mut daemon = Setup::new().start();
    assert!(daemon.reload());
    daemon.change("lockout", "attempts", "0");
    daemon.write_config();
    assert!(!daemon.reload());
    let acts = daemon.wait_for_audit(2, |line| line["what"] == "reload");
    let results: Vec<_> = acts.iter().map(|act| &act["result"]).collect();
    assert_eq!(results, ["done", "refused: mistakes in it: 1"]);
    assert!(
        daemon.log().contains("lockout.attempts"),
        "{}",
        daemon.log()
    );
}

// -- shutdown -----------------------------------------------------------------------------------

#[test]
fn end_by_sigterm_is_clean() {
    let mut daemon = Setup::new().start();
    assert!(log_on(&daemon, "anna", ANNA));
    assert_eq!(daemon.terminate().code(), Some(0));
    assert_eq!(daemon.attempt(1)["result"], "accept");
    daemon.restart();
    assert!(log_on(&daemon, "anna", ANNA));
}

/// The control socket was deleted from the data folder.
#[test]
fn end_by_sigterm_is_clean_where_the_control_socket_is_gone() {
    let mut daemon = Setup::new().start();
    std::fs::remove_file(daemon.path("data").join("control.sock")).unwrap();
    assert_eq!(daemon.terminate().code(), Some(0));
}

/// R6: a refusal that waits for its time still leaves.
#[test]
fn attempt_under_way_gets_its_answer_before_the_end() {
    let mut daemon = Setup::new().set("radius", "reject-delay", "\"2s\"").start();
    let mut vpn = AccessPoint::of(&daemon);
    vpn.ask_for("anna", "wrong");
    daemon.attempt(1);
    daemon.ask_to_end();
    let answer = vpn.receive().expect("an answer");
    assert_eq!(answer.code, Code::AccessReject);
    assert_eq!(daemon.wait().code(), Some(0));
}

// -- the audit log ------------------------------------------------------------------------------

/// E10: an event of its own, with the stage, and nothing is counted.
#[test]
fn conversation_that_stops_halfway_is_told_as_given_up() {
    let setup = Setup::new().set("lockout", "attempts", "1");
    let daemon = setup
        .set("radius", "conversation-timeout", "\"5s\"")
        .start();
    for (steps, stage) in [(0, "method-negotiation"), (2, "server-certificate")] {
        let mut device = anna(daemon.authority());
        let mut access_point = AccessPoint::of(&daemon);
        let first = access_point.step(&device.identity_response(1), None);
        let last = access_point.go_on(&mut device, first, steps);
        assert_eq!(last.code, Code::AccessChallenge, "{stage}");
    }
    let lines = daemon.wait_for_audit(2, |line| line["result"] == "gave-up");
    let mut stages: Vec<_> = lines
        .iter()
        .map(|line| line["stage"].as_str().unwrap())
        .collect();
    stages.sort_unstable();
    assert_eq!(stages, ["method-negotiation", "server-certificate"]);
    assert!(lines.iter().all(|line| line["reason"] == "gave-up"));
    assert_eq!(
        daemon.metric("portvakt_handshakes_total{outcome=\"gave-up\"}"),
        2.0
    );
    assert!(log_on(&daemon, "anna", ANNA));
}

/// A server that ends tells of those who had not finished.
#[test]
fn conversation_that_the_end_cuts_short_is_in_the_audit_log() {
    let mut daemon = Setup::new().start();
    let device = anna(daemon.authority());
    AccessPoint::of(&daemon).step(&device.identity_response(1), None);
    daemon.terminate();
    assert_eq!(daemon.attempt(1)["result"], "gave-up");
}

/// I3.
#[test]
fn audit_line_says_all_that_a_federation_asks_for() {
    let daemon = Setup::new().start();
    let mut device = device(daemon.authority(), "kari", KARI);
    assert_eq!(
        AccessPoint::of(&daemon).converse(&mut device),
        Some(Outcome::Success)
    );
    let line = daemon.attempt(1);
    for (field, value) in [
        ("result", "accept"),
        ("outer_identity", "anonymous@campus.example"),
        ("inner_identity", "kari@campus.example"),
        ("account", "kari"),
        ("calling_station_id", "02-00-00-00-00-09"),
        ("client", "test"),
        ("client_address", "127.0.0.1"),
        ("nas_identifier", "ap-17"),
        ("operator_name", "1campus.example"),
        ("service", "eduroam"),
        ("method", "ttls/pap"),
        ("tls_version", "1.3"),
    ] {
        assert_eq!(line[field], value, "{field}");
    }
    let time = |field: &str| {
        line[field]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    assert!(time("request_time") <= time("response_time"));
    assert!(line["request_time"].as_str().unwrap().ends_with('Z'));
    assert!(line["duration_ms"].is_number());
    assert!(!line.to_string().contains(KARI));
}
