use proptest::prelude::*;

use super::*;
use crate::fixtures::{at, joined, lasting, record};
use crate::{JoinedBy, SessionId, settle};

fn folded(records: &[Record]) -> Session {
    let (first, rest) = records.split_first().unwrap();
    let mut session = Session::begin(SessionId(1), first);
    for record in rest {
        session.fold(record);
    }
    session
}

fn rule() -> StaleAfter {
    StaleAfter {
        reporting: Duration::from_secs(30 * 60),
        silent: Duration::from_secs(24 * 60 * 60),
    }
}

#[test]
fn stop_without_start_tells_when_the_session_began() {
    let stop = lasting(record(Status::Stop(Some(1)), 1000), 600);
    let session = folded(&[stop]);
    assert_eq!(session.started(), at(400));
    let ended = session.ended();
    assert_eq!(ended, Some((at(1000), Ended::Stopped(Some(1)))));
}

#[test]
fn start_that_came_late_gives_way_to_the_session_time() {
    let late = record(Status::Start, 1200);
    let interim = lasting(record(Status::Interim, 1260), 1260);
    assert_eq!(folded(&[late.clone(), interim]).started(), at(0));
    let usual = lasting(record(Status::Interim, 1300), 101);
    assert_eq!(folded(&[late, usual]).started(), at(1200));
}

#[test]
fn counters_never_go_backwards_and_interim_after_stop_opens_nothing() {
    let usage = |record: Record, octets| Record {
        usage: Usage {
            input_octets: octets,
            ..record.usage
        },
        ..record
    };
    let mut session = folded(&[
        record(Status::Start, 0),
        usage(record(Status::Stop(None), 900), 7 << 32),
    ]);
    assert!(session.fold(&usage(record(Status::Interim, 600), 1 << 32)));
    assert_eq!(session.usage.input_octets, 7 << 32);
    session.fold(&record(Status::Interim, 950));
    assert!(!session.is_live());
}

#[test]
fn conclusion_gives_way_to_later_news_and_a_stop_stays() {
    let mut session = folded(&[record(Status::Start, 0)]);
    let off = Closed {
        at: at(100),
        by: Closing::NasShutDown,
    };
    assert!(session.close(off));
    assert!(!session.close(off));
    session.fold(&record(Status::Interim, 90));
    let ended = session.ended();
    assert_eq!(ended, Some((at(100), Ended::Closed(Closing::NasShutDown))));
    session.fold(&record(Status::Interim, 110));
    assert!(session.is_live());
    session.fold(&record(Status::Stop(Some(4)), 120));
    assert!(!session.close(off));
    assert_eq!(session.ended(), Some((at(120), Ended::Stopped(Some(4)))));
}

#[test]
fn session_that_is_silent_for_too_long_ended_with_its_last_news() {
    let silent = folded(&[record(Status::Start, 0)]);
    let mut reporting = silent.clone();
    reporting.fold(&record(Status::Interim, 600));
    let long_ago = at(-1_000_000);
    for (session, last, patience) in [(&silent, 0, 24 * 3600), (&reporting, 600, 1800)] {
        let at_second = |second| session.stale(rule(), long_ago, at(second));
        assert_eq!(at_second(last + patience), None);
        let stale = at_second(last + patience + 1).unwrap();
        assert_eq!((stale.at, stale.by), (at(last), Closing::Stale));
        // A server that has just begun to listen has heard of nobody.
        let since = at(last + patience);
        assert_eq!(session.stale(rule(), since, at(last + patience + 1)), None);
    }
    let mut closed = reporting;
    let stale = closed.stale(rule(), long_ago, at(99_999)).unwrap();
    closed.close(stale);
    assert!(!closed.is_live());
    closed.fold(&record(Status::Interim, 601));
    assert!(closed.is_live());
}

/// AC8.
#[test]
fn class_is_believed_before_a_later_guess() {
    let by_class = joined(record(Status::Start, 0), "anna", JoinedBy::Class, 0);
    let guessed = joined(record(Status::Interim, 600), "bo", JoinedBy::LogOn, 500);
    for records in [[by_class.clone(), guessed.clone()], [guessed, by_class]] {
        let session = folded(&records);
        assert_eq!(session.joined.unwrap().account.as_str(), "anna");
    }
}

/// AC8. Who copies a device's address and logs on first does not become its owner by the owner's log-on.
#[test]
fn later_log_on_under_the_same_device_address_takes_no_session_over() {
    let own = joined(record(Status::Start, 5), "bo", JoinedBy::LogOn, 0);
    let later = joined(record(Status::Interim, 600), "anna", JoinedBy::LogOn, 500);
    for records in [[own.clone(), later.clone()], [later, own]] {
        let session = folded(&records);
        assert_eq!(session.joined.unwrap().account.as_str(), "bo");
    }
}

/// AC8. An Accept of a re-authentication brings another Class.
#[test]
fn newer_class_is_believed() {
    let first = joined(record(Status::Start, 5), "anna", JoinedBy::Class, 0);
    let again = joined(record(Status::Interim, 600), "bo", JoinedBy::Class, 500);
    for records in [[first.clone(), again.clone()], [again, first]] {
        let session = folded(&records);
        assert_eq!(session.joined.unwrap().account.as_str(), "bo");
    }
}

/// The records of one session: Start, Interims and Stop, some lost, some with what others lack.
fn life() -> impl Strategy<Value = Vec<Record>> {
    let interim = (1_u32..7000, any::<[bool; 4]>(), 0_u8..4);
    let interims = prop::collection::vec(interim, 0..8);
    (interims, any::<[bool; 2]>()).prop_map(|(interims, [has_start, has_stop])| {
        let mut records = Vec::new();
        if has_start {
            records.push(record(Status::Start, 0));
        }
        for (second, [timed, named, framed, is_joined], number) in interims {
            let mut interim = record(Status::Interim, second.into());
            if timed {
                interim = lasting(interim, second);
            }
            if named {
                interim = crate::fixtures::user(interim, &format!("name-{number}"));
            }
            if framed {
                let net = format!("192.0.2.{number}/32").parse().unwrap();
                interim.addresses = Addresses::told([net], interim.event);
            }
            if is_joined {
                interim = joined(interim, "anna", JoinedBy::Class, number.into());
            }
            records.push(interim);
        }
        if has_stop || records.is_empty() {
            records.push(lasting(record(Status::Stop(Some(1)), 7200), 7200));
        }
        records
    })
}

fn settled(records: &[Record]) -> Vec<Session> {
    let mut known = Vec::new();
    for record in records {
        settle(&mut known, record, || SessionId(1));
    }
    known
}

proptest! {
    /// AC5: any order and any repetition of the records of one session are one session, and the same.
    #[test]
    fn order_and_repetition_make_no_difference(
        (records, again) in life().prop_flat_map(|records| {
            let number = records.len();
            let repeats = prop::collection::vec(0..number, 0..6);
            (Just(records), repeats)
        }).prop_flat_map(|(records, repeats)| {
            let mut again = records.clone();
            again.extend(repeats.into_iter().map(|place| records[place].clone()));
            (Just(records), Just(again).prop_shuffle())
        })
    ) {
        let expected = settled(&records);
        prop_assert_eq!(expected.len(), 1);
        prop_assert_eq!(settled(&again), expected);
    }
}
