//! Packets lost, repeated and altered between device and server.

use portvakt_testkit::supplicant::ClientCertificate;
use serde_json::Value;

use super::certificates::certified;
use super::{PASSWORD, USER, profile, server};
use crate::common::relay::{Relay, Upstream};
use crate::common::{AccessPoint, Daemon, EapolTest, Run, run_with};

/// Access-Accept.
const ACCEPT: u8 = 2;
/// One way to log on by each method that makes keys in a handshake of its own.
const METHODS: [&str; 3] = ["ttls/pap", "peap/eap-mschapv2", "tls"];

/// A server, and the user's device for one of the methods.
fn device(method: &str) -> (Daemon, EapolTest) {
    let certificate = ClientCertificate::of("kari@campus.example", 7);
    let setup = server("[\"tls\", \"ttls\", \"peap\"]");
    let (daemon, by_certificate) = certified(setup, &certificate, &[]);
    let profile = match method {
        "ttls/pap" => profile(USER, PASSWORD, "TTLS", "auth=PAP"),
        "peap/eap-mschapv2" => profile(USER, PASSWORD, "PEAP", "auth=MSCHAPV2"),
        _ => by_certificate,
    };
    (daemon, profile)
}

/// Changes of an account while its device is logged on.
type Act = Box<dyn FnOnce() + Send>;

/// A command of the operator's.
fn command(daemon: &Daemon, words: &[&str], input: &'static str) -> Act {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portvakt"));
    command.args(words).arg("--config").arg(daemon.config());
    Box::new(move || {
        let output = run_with(&mut command, input);
        assert!(output.status.success(), "{}", crate::common::text(&output));
    })
}

/// Logs on, then `act`, then logs on once more on the session, if that still opens anything. How it
/// went, and the line of the second log-on.
fn comes_back(method: &str, act: fn(&Daemon) -> Act, is_tls13: bool) -> (Run, Value) {
    let (daemon, profile) = device(method);
    let (server, mut act) = (Upstream::of(daemon.address()), Some(act(&daemon)));
    let relay = Relay::start(move |request| {
        let answer = server.ask(request, 1)?;
        if let Some(act) = act.take_if(|_| answer[0] == ACCEPT) {
            act();
        }
        Some(answer)
    });
    let profile = match is_tls13 {
        true => profile.tls13(),
        false => profile.tls12(),
    };
    let run = profile.argument("-r1").run_at(&daemon, relay.address());
    let lines = daemon.wait_for_audit(2, |line| {
        line["event"] == "attempt" && line["method"] != "pap"
    });
    (run, lines[1].clone())
}

fn assert_refused(act: fn(&Daemon) -> Act, reason: &str) {
    for method in METHODS {
        for is_tls13 in [false, true] {
            let (run, line) = comes_back(method, act, is_tls13);
            assert!(run.is_reject(), "{method}:\n{}", run.output);
            assert_eq!(run.received("Access-Accept"), 1, "{method}");
            assert_eq!(line["reason"], reason, "{line}");
        }
    }
}

/// E7, I2.
#[test]
fn peer_device_of_an_account_suspended_since_does_not_come_back() {
    let suspend = |daemon: &Daemon| command(daemon, &["account", "suspend", USER], "");
    assert_refused(suspend, "suspended");
}

/// E7.
#[test]
fn peer_device_of_an_account_locked_since_does_not_come_back() {
    let lock = |daemon: &Daemon| -> Act {
        let mut access_point = AccessPoint::of(daemon);
        Box::new(move || {
            for _ in 0..6 {
                assert!(!access_point.log_on(USER, "a guess"));
            }
        })
    };
    assert_refused(lock, "locked-out");
}

/// E7. A device with a certificate has no password that could be wrong: it signs again.
#[test]
fn peer_device_comes_back_on_no_session_of_an_earlier_password() {
    let change = |daemon: &Daemon| {
        let words = ["account", "set-password", USER];
        command(daemon, &words, "another-one-altogether\n")
    };
    for method in METHODS {
        for is_tls13 in [false, true] {
            let (run, line) = comes_back(method, change, is_tls13);
            assert!(!super::resumed(&run), "{method}:\n{}", run.output);
            match method {
                "tls" => assert!(run.is_accept(), "{}", run.output),
                "ttls/pap" => assert_eq!(line["reason"], "previous-password", "{line}"),
                _ => assert!(run.is_reject(), "{}", run.output),
            }
        }
    }
}

/// R4, E1: the second of two copies counts nothing, and what is lost is sent again.
#[test]
fn peer_doubled_and_lost_datagrams_change_nothing() {
    for (method, lost) in METHODS.into_iter().zip([Some(2), None, Some(4)]) {
        let (daemon, profile) = device(method);
        let (server, mut number) = (Upstream::of(daemon.address()), 0);
        let relay = Relay::start(move |request| {
            number += 1;
            let answer = server.ask(request, 2);
            answer.filter(|_| Some(number) != lost)
        });
        let run = profile.run_at(&daemon, relay.address());
        assert!(run.is_accept(), "{method}:\n{}", run.output);
        let attempts = daemon.wait_for_audit(1, |line| line["event"] == "attempt");
        assert_eq!(attempts.len(), 1, "{method}: {attempts:#?}");
        assert!(
            daemon.metric("portvakt_requests_total{client=\"test\",result=\"duplicate\"}") > 0.0
        );
    }
}
