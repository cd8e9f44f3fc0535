use super::*;
use crate::Ended;
use crate::fixtures::{at, device, lasting, record, user};

/// The sessions that the records make, in the order in which they began to be known.
fn sessions(records: &[Record]) -> Vec<Session> {
    let (mut known, mut next) = (Vec::new(), 0);
    for record in records {
        settle(&mut known, record, || {
            next += 1;
            SessionId(next)
        });
    }
    known
}

fn starts_and_ends(records: &[Record]) -> Vec<(i64, Option<i64>)> {
    let second = |time: Timestamp| time.as_second() - at(0).as_second();
    let sessions = sessions(records);
    let ends = sessions.iter().map(|session| {
        let end = session.ended().map(|(end, _)| second(end));
        (second(session.started()), end)
    });
    ends.collect()
}

#[test]
fn name_used_anew_after_a_restart_is_another_session() {
    let start = record(Status::Start, 0);
    let interim = record(Status::Interim, 600);
    for again in [
        record(Status::Start, 7200),
        user(record(Status::Start, 601), "bo@campus.example"),
        device(record(Status::Start, 601), "02-00-00-00-00-99"),
        device(record(Status::Interim, 601), "02-00-00-00-00-99"),
    ] {
        let known = sessions(&[start.clone(), interim.clone(), again]);
        let [old, new] = &*known else {
            panic!("{known:?}");
        };
        let (_, ended) = old.ended().unwrap();
        assert_eq!(ended, Ended::Closed(Closing::Replaced));
        assert!(new.is_live());
    }
}

/// Without a MAC address, as of a VPN, Acct-Session-Time tells that a Start was lost; with one, that the
/// NAS counts anew.
#[test]
fn session_time_that_begins_anew_is_another_session_where_no_device_is_known() {
    let records = |station| {
        [
            record(Status::Start, 0),
            record(Status::Interim, 600),
            lasting(record(Status::Interim, 7200), 60),
        ]
        .map(|record| device(record, station))
    };
    assert_eq!(sessions(&records("10.77.0.100")).len(), 2);
    assert_eq!(sessions(&records("02-00-00-00-00-01")).len(), 1);
}

#[test]
fn late_record_of_the_session_before_leaves_the_new_one_alone() {
    let start = record(Status::Start, 0);
    let again = record(Status::Start, 7200);
    let late_stop = lasting(record(Status::Stop(Some(11)), 3600), 3600);
    let records = [start, again.clone(), late_stop.clone()];
    assert_eq!(starts_and_ends(&records), [(0, Some(3600)), (7200, None)]);
    // Nothing is known of the session before: it becomes one of its own.
    let records = [again, late_stop];
    assert_eq!(starts_and_ends(&records), [(7200, None), (0, Some(3600))]);
}

#[test]
fn start_that_is_sent_again_is_the_same_session() {
    let stamped = |second, stamp| Record {
        stamp: Some(stamp),
        ..record(Status::Start, second)
    };
    let stop = record(Status::Stop(None), 2);
    // Named otherwise by an Interim-Update meanwhile.
    let interim = user(record(Status::Interim, 20), "anna");
    for records in [
        [record(Status::Start, 0), record(Status::Start, 200)].to_vec(),
        [stamped(0, 7), stamped(1000, 7)].to_vec(),
        [
            record(Status::Start, 0),
            stop.clone(),
            record(Status::Start, 9),
        ]
        .to_vec(),
        [stop, record(Status::Start, 9)].to_vec(),
        [record(Status::Start, 0), interim, record(Status::Start, 0)].to_vec(),
    ] {
        assert_eq!(sessions(&records).len(), 1, "{records:?}");
    }
}

#[test]
fn name_used_anew_soon_after_the_nas_said_that_it_restarted_is_another_session() {
    let mut known = sessions(&[record(Status::Start, 0)]);
    known[0].close(Closed {
        at: at(50),
        by: Closing::NasStarted,
    });
    let again = record(Status::Start, 55);
    let settled = settle(&mut known, &again, || SessionId(2));
    assert!(settled.began);
    assert_eq!(known.len(), 2);
    // A copy of the first Start belongs to the first.
    let settled = settle(&mut known, &record(Status::Start, 0), || SessionId(3));
    assert_eq!((settled.session, settled.changed), (0, false));
}
