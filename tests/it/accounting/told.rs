//! Output of `portvakt sessions` and `explain` for an operator.

use super::nas::setup;
use super::{START, STOP, status};
use crate::common::{SECRET, eventually, text};
use crate::nas::Nas;

const STATION: &str = "02-00-00-AA-BB-CC";

/// SL2, SL3, AC8: an abuse report has an address and a time; one command gives person, device, place.
#[test]
fn address_and_time_lead_to_person_device_and_place() {
    let mut daemon = setup().start();
    let nas = daemon.nas();
    let log_on = nas.pap("anna", "correct-horse-battery");
    let accept = nas.ask(&log_on.with(31, STATION.as_bytes()));
    let class = accept.value(25).expect("a Class").to_vec();
    let accounting = daemon.accounting_nas();
    let of_session = |status| {
        let record = accounting.record(status, "5A17");
        let record = record.user("anonymous@campus.example").device(STATION);
        let place = "02-00-00-00-00-99:eduroam";
        record.place("ap-library-3", place).class(&class)
    };
    accounting.tell(&of_session(START));
    // DHCP comes later.
    accounting.tell(&of_session(status::INTERIM).address([192, 0, 2, 7]));
    for words in [
        &["--ip", "192.0.2.7", "--at", "0s"][..],
        &["anna"],
        &["anna", "--live"],
        &["--mac", "0200.00aa.bbcc"],
        &["--ip", "192.0.2.7", "--mac", "02:00:00:aa:bb:cc", "anna"],
    ] {
        let sessions = daemon.sessions(words);
        assert_eq!(sessions.len(), 1, "{words:?}");
        let session = &sessions[0];
        for (field, value) in [
            ("account", "anna"),
            ("joined_by", "class"),
            ("device", STATION),
            ("nas", "ap-library-3"),
            ("called_station", "02-00-00-00-00-99:eduroam"),
            ("user_name", "anonymous@campus.example"),
            ("session_id", "5A17"),
            ("client", "test"),
        ] {
            assert_eq!(session[field], value, "{session}");
        }
    }
    for words in [
        &["--ip", "192.0.2.8"][..],
        &["--ip", "192.0.2.7", "--at", "2020-01-01"],
        &["kari"],
        &["nobody-at-all"],
    ] {
        assert!(daemon.sessions(words).is_empty(), "{words:?}");
    }
    let explained = text(&daemon.cli(&["explain", "anna"]));
    let online = format!("{STATION} at ap-library-3");
    assert!(explained.contains(&online), "{explained}");
    accounting.tell(&of_session(STOP).session_time(60).input_octets(4096));
    assert!(daemon.sessions(&["anna", "--live"]).is_empty());
    // With the server or without it.
    daemon.terminate();
    let told = text(&daemon.cli(&["sessions", "--ip", "192.0.2.7"]));
    for words in ["anna", STATION, "ap-library-3", "192.0.2.7", "4.0 KiB in"] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn audit_log_has_a_line_for_beginning_and_end() {
    let daemon = setup().start();
    let nas = daemon.accounting_nas();
    for status in [START, status::INTERIM, STOP] {
        let record = nas.record(status, "1").user("anna").device(STATION);
        nas.tell(&record.address([192, 0, 2, 7]).input_octets(17));
    }
    let lines = daemon.wait_for_audit(2, |line| line["event"] == "session");
    let [begin, end] = &*lines else {
        panic!("{lines:?}");
    };
    assert_eq!(
        (&begin["what"], &end["what"]),
        (&"begin".into(), &"end".into())
    );
    assert_eq!(end["ended_by"], "stopped");
    assert_eq!(end["input_octets"], 17);
    assert_eq!(end["addresses"][0], "192.0.2.7/32");
    for line in &lines {
        assert_eq!(line["session_id"], "1");
        assert_eq!(line["calling_station_id"], STATION);
        assert_eq!(line["client"], "test");
    }
}

#[test]
fn accounting_is_counted_by_status_and_what_became_of_it() {
    let daemon = setup().start();
    let nas = daemon.accounting_nas();
    // A Start that is sent again without a time of its own is news of its session.
    let now = u32::try_from(jiff::Timestamp::now().as_second()).unwrap();
    for _ in 0..2 {
        nas.tell(&nas.record(START, "1").stamp(now));
    }
    nas.tell(&nas.other(status::ON));
    nas.tell(&nas.record(START, "2"));
    let counted = |status: &str, result: &str| {
        daemon.metric(&format!(
            "portvakt_accounting_requests_total{{result=\"{result}\",status=\"{status}\"}}"
        ))
    };
    assert_eq!(counted("start", "stored"), 2.0);
    assert_eq!(counted("start", "repeated"), 1.0);
    assert_eq!(counted("on", "stored"), 1.0);
    assert_eq!(daemon.metric("portvakt_live_sessions"), 1.0);
    let stored = "portvakt_accounting_store_seconds_count";
    assert_eq!(daemon.metric(stored), 4.0);
}

/// AC4: forged, of another secret, of a stranger, at the wrong port: silence, and nothing is kept.
#[test]
fn records_that_are_not_authentic_meet_silence() {
    let daemon = setup().start();
    let nas = daemon.accounting_nas();
    let record = nas.record(START, "1").user("anna");
    let mut forged = record.octets(SECRET.as_bytes());
    forged[25] ^= 1;
    nas.expect_silence(&forged);
    nas.expect_silence(&record.octets(b"another secret altogether"));
    nas.expect_silence(&nas.nas().pap("anna", "correct-horse-battery").octets());
    let right = record.octets(SECRET.as_bytes());
    daemon.nas().expect_silence(&right);
    let stranger = Nas::at("127.0.0.1", daemon.accounting_address(), SECRET);
    stranger.send(&right[..19]);
    let dropped = || {
        let counts = ["authenticator-wrong", "wrong-port", "datagram-below-header"];
        let counts = counts.map(|reason| daemon.drops(reason));
        (counts == [2.0, 2.0, 1.0]).then_some(())
    };
    eventually(dropped).expect("all are counted");
    assert!(daemon.sessions(&[]).is_empty());
}

/// RFC 5997 §3: at the port of accounting the answer is an Accounting-Response.
#[test]
fn status_server_is_answered_at_the_port_of_accounting() {
    let daemon = setup().start();
    let nas = daemon.accounting_nas();
    let status = nas.nas().request(crate::nas::Code::StatusServer).octets();
    nas.nas().send(&status);
    let reply = nas.nas().receive(crate::nas::PATIENCE).expect("an answer");
    super::nas::check(&reply, &status, SECRET.as_bytes());
}
