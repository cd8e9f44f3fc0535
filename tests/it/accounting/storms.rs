//! A NAS that repeats itself, restarts, or has lost the time.

use super::nas::setup;
use super::{START, STOP, status};

/// AC5: the same records a thousand times, under new identifiers and with a clock that jumps, are one
/// session.
#[test]
fn storm_of_duplicates_and_jumping_clocks_leave_one_session() {
    let daemon = setup().start();
    let nas = daemon.accounting_nas();
    let stamps = [0, 1, u32::MAX, 4_000_000_000, 946_684_800];
    for round in 0..200_u32 {
        let stamp = stamps[round as usize % stamps.len()];
        let status = [status::INTERIM, STOP, START, STOP, START][round as usize % 5];
        let record = nas
            .record(status, "1")
            .user("anna")
            .device("02-00-00-00-00-01");
        let record = record.stamp(stamp).address([192, 0, 2, 7]);
        nas.tell(&record.session_time(round / 5).input_octets(round * 1000));
    }
    let sessions = daemon.sessions(&[]);
    assert_eq!(sessions.len(), 1, "{sessions:#?}");
    assert_eq!(sessions[0]["input_octets"], 199_000);
    assert_eq!(sessions[0]["ended_by"], "stopped");
    let began: jiff::Timestamp = sessions[0]["began"].as_str().unwrap().parse().unwrap();
    let age = jiff::Timestamp::now().duration_since(began);
    assert!(age.abs() < jiff::SignedDuration::from_mins(10), "{age:?}");
}

/// R4: the same datagram gets the same answer, and is worked on once.
#[test]
fn retransmission_gets_the_same_answer() {
    let daemon = setup().start();
    let nas = daemon.accounting_nas();
    let octets = nas.record(START, "1").octets(nas.nas().secret());
    let answers = [(); 3].map(|()| {
        nas.nas().send(&octets);
        nas.nas().receive(crate::nas::PATIENCE).expect("an answer")
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let repeated = "portvakt_requests_total{client=\"test\",result=\"duplicate\"}";
    assert_eq!(daemon.metric(repeated), 2.0);
}

/// AC7.
#[test]
fn restart_of_a_nas_ends_its_sessions_and_no_others() {
    let daemon = setup().start();
    let nas = daemon.accounting_nas();
    for place in ["ap-1", "ap-2"] {
        for session in ["1", "2"] {
            nas.tell(&nas.record(START, session).place(place, "x"));
        }
    }
    nas.tell(&nas.other(status::OFF).place("ap-1", "x"));
    let live = daemon.sessions(&["--live"]);
    assert_eq!(live.len(), 2);
    assert!(live.iter().all(|session| session["nas"] == "ap-2"));
    nas.tell(&nas.other(status::ON).place("ap-2", "x"));
    assert!(daemon.sessions(&["--live"]).is_empty());
    let ended = daemon.sessions(&[]);
    let by = |why| {
        ended
            .iter()
            .filter(|session| session["ended_by"] == why)
            .count()
    };
    assert_eq!((by("nas-shut-down"), by("nas-started")), (2, 2));
}
