//! Facts about sessions that hold for every engine.

use std::net::IpAddr;
use std::sync::mpsc::channel;
use std::time::Duration;

use portvakt_accounting::{
    Addresses, Closed, Closing, Ended, Facts, Joined, JoinedBy, MacAddress, NasKey, Newest, Record,
    Session, SessionKey, StaleAfter, Status, Usage,
};
use portvakt_store::{Recorded, SessionChange, SessionQuery, SessionStep, SessionsOf, Store};

use super::{Open, PATIENCE, id, time, wait_until};

pub(crate) fn record(name: &str, status: Status, second: i64) -> Record {
    let event = time(second);
    let text = |text: &str| Newest::told(Some(Box::from(text)), event);
    Record {
        key: SessionKey {
            nas: NasKey {
                client: "ap".into(),
                nas: "ap-library-3".into(),
            },
            session: name.into(),
        },
        status,
        event,
        stamp: Some(7),
        has_session_time: false,
        facts: Facts {
            source: Newest::told(Some("192.0.2.1:40000".parse().unwrap()), event),
            nas_address: Newest::told(Some("2001:db8::1".parse().unwrap()), event),
            nas_identifier: text("ap-library-3"),
            nas_port: Newest::told(Some(u32::MAX), event),
            nas_port_id: text("wlan0"),
            user_name: text("anonymous@campus.example"),
            calling_station: text("02:00:00:aa:bb:cc"),
            called_station: text("02-00-00-00-00-99:eduroam"),
            multi_session: text("00FF"),
            audit_session: text("0A0000010000"),
            chargeable_user: text("c0ffee"),
            service: text("eduroam"),
        },
        addresses: Addresses::default(),
        usage: Usage::default(),
        joined: None,
    }
}

pub(crate) fn framed(record: Record, nets: &[&str]) -> Record {
    let nets = nets.iter().map(|net| net.parse().unwrap());
    Record {
        addresses: Addresses::told(nets, record.event),
        ..record
    }
}

pub(crate) fn of_account(record: Record, account: &str) -> Record {
    let joined = Joined {
        by: JoinedBy::Class,
        logged_on: time(-5),
        account: id(account),
    };
    Record {
        joined: Some(joined),
        ..record
    }
}

/// Waits for a job on sessions.
fn answer(work: impl FnOnce(portvakt_store::SessionDone)) -> Recorded {
    let (sender, receiver) = channel();
    work(Box::new(move |recorded| sender.send(recorded).unwrap()));
    receiver.recv_timeout(PATIENCE).expect("an answer")
}

pub(crate) fn record_session(store: &dyn Store, record: Record) -> Recorded {
    answer(|done| store.record_session(record, done))
}

/// The steps of the sessions that it changes.
fn steps(recorded: Recorded) -> Vec<SessionStep> {
    let Recorded::OnDisk(changes) = recorded else {
        panic!("not stored");
    };
    changes.into_iter().map(|change| change.step).collect()
}

pub(crate) fn all(store: &dyn Store) -> Vec<Session> {
    find(store, SessionsOf::Everybody)
}

fn find(store: &dyn Store, of: SessionsOf) -> Vec<Session> {
    let query = SessionQuery {
        of,
        at: None,
        live: false,
        limit: 1000,
    };
    store.find_sessions(&query).unwrap()
}

pub(crate) fn session_outlives_the_process_with_all_that_is_known(open: Open<'_>) {
    let store = open();
    let interim = Record {
        usage: Usage {
            session_time_s: 600,
            input_octets: u64::MAX,
            output_octets: 7 << 32,
            input_packets: 3,
            output_packets: 4,
        },
        has_session_time: true,
        ..framed(
            record("a", Status::Interim, 600),
            &["192.0.2.7/32", "2001:db8:1::/64"],
        )
    };
    let start = of_account(record("a", Status::Start, 0), "anna");
    assert_eq!(steps(record_session(&*store, start)), [SessionStep::Began]);
    assert_eq!(
        steps(record_session(&*store, interim.clone())),
        [SessionStep::WentOn]
    );
    let again = record("a", Status::Interim, 1200);
    record_session(&*store, framed(again, &["2001:db8:1::/64"]));
    let [before] = &*all(&*store) else { panic!() };
    let live = store.live().of_account(&id("anna"));
    assert_eq!((live.len(), store.live().len()), (1, 1));
    assert_eq!(live[0].usage, before.usage);
    store.close();
    let store = open();
    assert!(store.live().is_empty());
    assert_eq!(store.restore_sessions().unwrap(), 0);
    assert_eq!(all(&*store), std::slice::from_ref(before));
    let live = store.live().of_account(&id("anna"));
    assert_eq!(live.len(), 1);
    assert_eq!(*live[0], *before);
    assert_eq!(before.facts.nas_port.get(), Some(&u32::MAX));
    let held: Vec<_> = before
        .addresses
        .all()
        .iter()
        .map(|held| held.last)
        .collect();
    assert_eq!(held, [time(600), time(1200)]);
}

pub(crate) fn session_that_is_over_is_not_live_and_repetition_changes_nothing(open: Open<'_>) {
    let store = open();
    let stop = record("a", Status::Stop(Some(1)), 900);
    record_session(&*store, record("a", Status::Start, 0));
    assert_eq!(
        steps(record_session(&*store, stop.clone())),
        [SessionStep::Ended]
    );
    assert!(store.live().is_empty());
    let repeats = [stop, record("a", Status::Start, 0)];
    let repeat = |store: &dyn Store| {
        for again in &repeats {
            let recorded = record_session(store, again.clone());
            assert_eq!(recorded, Recorded::OnDisk(vec![]));
        }
        assert_eq!(all(store).len(), 1);
    };
    repeat(&*store);
    store.close();
    repeat(&*open());
}

pub(crate) fn records_of_one_commit_make_one_session(open: Open<'_>) {
    let store = open();
    let (sender, receiver) = channel();
    let mut sent = 0;
    for round in 0..20 {
        for name in ["a", "b"] {
            for record in [
                record(name, Status::Stop(None), 900),
                record(name, Status::Interim, 60 * round),
                record(name, Status::Start, 0),
            ] {
                let sender = sender.clone();
                let done = move |recorded| sender.send(recorded).unwrap();
                store.record_session(record, Box::new(done));
                sent += 1;
            }
        }
    }
    for _ in 0..sent {
        let recorded = receiver.recv_timeout(PATIENCE).unwrap();
        assert!(matches!(recorded, Recorded::OnDisk(_)));
    }
    let sessions = all(&*store);
    assert_eq!(sessions.len(), 2);
    for session in sessions {
        assert_eq!(session.started(), time(0));
        assert_eq!(session.ended(), Some((time(900), Ended::Stopped(None))));
        assert!(session.reports);
    }
}

pub(crate) fn name_used_anew_ends_the_session_before(open: Open<'_>) {
    let store = open();
    record_session(&*store, record("a", Status::Start, 0));
    let anew = Record {
        stamp: Some(8),
        ..record("a", Status::Start, 9000)
    };
    let anew = record_session(&*store, anew);
    assert_eq!(steps(anew), [SessionStep::Ended, SessionStep::Began]);
    // Its Stop comes late, and finds it behind the live one.
    let stop = record("a", Status::Stop(None), 5000);
    assert_eq!(steps(record_session(&*store, stop)), [SessionStep::WentOn]);
    let sessions = all(&*store);
    let [new, old] = &*sessions else {
        panic!("{sessions:?}")
    };
    assert!(new.is_live() && store.live().len() == 1);
    assert_eq!(old.ended(), Some((time(5000), Ended::Stopped(None))));
}

pub(crate) fn restart_of_a_nas_ends_its_sessions_alone(open: Open<'_>) {
    let store = open();
    let mut elsewhere = record("a", Status::Start, 0);
    elsewhere.key.nas.nas = "ap-canteen".into();
    let nas = record("a", Status::Start, 0).key.nas;
    let before = ["a", "b"].map(|name| record(name, Status::Start, 0));
    let after = record("c", Status::Start, 101);
    for record in before.into_iter().chain([elsewhere, after]) {
        record_session(&*store, record);
    }
    let started = Closed {
        at: time(100),
        by: Closing::NasStarted,
    };
    let closed = answer(|done| store.close_sessions_of_nas(nas.clone(), started, done));
    assert_eq!(steps(closed), [SessionStep::Ended; 2]);
    assert_eq!(store.live().len(), 2);
    let again = answer(|done| store.close_sessions_of_nas(nas, started, done));
    assert_eq!(again, Recorded::OnDisk(vec![]));
    let ended = all(&*store)
        .into_iter()
        .filter_map(|session| session.ended());
    let expected = (time(100), Ended::Closed(Closing::NasStarted));
    assert_eq!(ended.collect::<Vec<_>>(), [expected; 2]);
}

/// More than one commit looks at.
pub(crate) fn restart_of_a_large_nas_ends_all_its_sessions(open: Open<'_>) {
    const SESSIONS: usize = 2500;
    let store = open();
    let nas = record("", Status::Start, 0).key.nas;
    let (sender, receiver) = channel();
    for number in 0..SESSIONS {
        let sender = sender.clone();
        // Some are of later: they live on, and hold up none of the others.
        let second = if number % 100 == 0 { 101 } else { 0 };
        let start = record(&number.to_string(), Status::Start, second);
        let done = move |recorded| sender.send(recorded).unwrap();
        store.record_session(start, Box::new(done));
    }
    for _ in 0..SESSIONS {
        let recorded = receiver.recv_timeout(PATIENCE).unwrap();
        assert!(matches!(recorded, Recorded::OnDisk(_)));
    }
    let started = Closed {
        at: time(100),
        by: Closing::NasStarted,
    };
    let closed = answer(|done| store.close_sessions_of_nas(nas.clone(), started, done));
    assert_eq!(steps(closed), [SessionStep::Ended; SESSIONS - 25]);
    assert_eq!(store.live().len(), 25);
    let again = answer(|done| store.close_sessions_of_nas(nas, started, done));
    assert_eq!(again, Recorded::OnDisk(vec![]));
}

pub(crate) fn silent_session_ends_and_later_news_open_it_again(open: Open<'_>) {
    let store = open();
    let rule = StaleAfter {
        reporting: Duration::from_secs(1800),
        silent: Duration::from_secs(86_400),
    };
    for name in ["a", "b"] {
        record_session(&*store, record(name, Status::Start, 0));
    }
    record_session(&*store, record("a", Status::Interim, 600));
    let close =
        |second| answer(|done| store.close_stale_sessions(rule, time(-9), time(second), done));
    assert_eq!(close(2400), Recorded::OnDisk(vec![]));
    let Recorded::OnDisk(changes) = close(2401) else {
        panic!()
    };
    let [SessionChange { session, step }] = &*changes else {
        panic!()
    };
    assert_eq!(*step, SessionStep::Ended);
    assert_eq!(
        session.ended(),
        Some((time(600), Ended::Closed(Closing::Stale)))
    );
    assert_eq!(store.live().len(), 1);
    let news = record_session(&*store, record("a", Status::Interim, 3000));
    assert_eq!(steps(news), [SessionStep::Began]);
    assert_eq!((all(&*store).len(), store.live().len()), (2, 2));
}

pub(crate) fn sessions_beyond_the_memory_are_kept_on_disk(open: Open<'_>) {
    let store = open();
    store.live().set_capacity(1);
    for name in ["a", "b", "c"] {
        record_session(&*store, record(name, Status::Start, 0));
    }
    assert_eq!((store.live().len(), all(&*store).len()), (1, 3));
    assert_eq!(store.health().sessions_beyond_memory, 2);
    let interim = record_session(&*store, record("c", Status::Interim, 600));
    assert_eq!(steps(interim), [SessionStep::WentOn]);
    let rule = StaleAfter {
        reporting: Duration::from_secs(1800),
        silent: Duration::from_secs(3600),
    };
    let closed = answer(|done| store.close_stale_sessions(rule, time(-9), time(2500), done));
    assert_eq!(steps(closed), [SessionStep::Ended]);
    let stop = record_session(&*store, record("b", Status::Stop(None), 700));
    assert_eq!(steps(stop), [SessionStep::Ended]);
    let live = all(&*store).into_iter().filter(Session::is_live).count();
    assert_eq!(live, 1);
}

pub(crate) fn sessions_are_found_by_account_device_address_and_time(open: Open<'_>) {
    let store = open();
    let nets = ["192.0.2.7/32", "2001:db8:1::/64", "2001:db8:2::9/128"];
    record_session(
        &*store,
        framed(of_account(record("a", Status::Start, 0), "anna"), &nets),
    );
    record_session(&*store, record("a", Status::Stop(None), 1000));
    let mut later = framed(record("b", Status::Start, 2000), &["192.0.2.7/32"]);
    let station = Newest::told(Some("02-00-00-00-00-02".into()), later.event);
    later.facts.calling_station = station;
    record_session(&*store, later);
    let found = |of: SessionsOf, at: Option<i64>, live| {
        let at = at.map(time);
        let limit = 10;
        let query = SessionQuery {
            of,
            at,
            live,
            limit,
        };
        let sessions = store.find_sessions(&query).unwrap().into_iter();
        let names = sessions.map(|session| session.key.session.to_string());
        names.collect::<Vec<_>>().join(" ")
    };
    let device = |text| SessionsOf::Device(MacAddress::parse(text).unwrap());
    let address = |text: &str| SessionsOf::Address(text.parse::<IpAddr>().unwrap());
    for (of, at, live, names) in [
        (SessionsOf::Everybody, None, false, "b a"),
        (SessionsOf::Everybody, None, true, "b"),
        (SessionsOf::Everybody, Some(500), false, "a"),
        (SessionsOf::Account(id("anna")), None, false, "a"),
        (SessionsOf::Account(id("anna")), Some(1001), false, ""),
        (SessionsOf::Account(id("bo")), None, false, ""),
        (device("020000aabbcc"), None, false, "a"),
        (device("0200.0000.0002"), None, false, "b"),
        (address("192.0.2.7"), None, false, "b a"),
        (address("::ffff:192.0.2.7"), Some(500), false, "a"),
        (address("192.0.2.7"), Some(1500), false, ""),
        (address("192.0.2.8"), None, false, ""),
        (address("2001:db8:1::abcd"), None, false, "a"),
        (address("2001:db8:2::9"), None, false, "a"),
        (address("2001:db8:2::a"), None, false, ""),
    ] {
        assert_eq!(found(of.clone(), at, live), names, "{of:?} {at:?}");
    }
}

pub(crate) fn old_sessions_are_purged_and_live_ones_stay(open: Open<'_>) {
    let store = open();
    for number in 0..1500 {
        let name = format!("s{number}");
        let start = framed(record(&name, Status::Start, 0), &["192.0.2.7/32"]);
        store.record_session(start, Box::new(drop));
        let stop = record(&name, Status::Stop(None), 100 + number % 2 * 100);
        store.record_session(stop, Box::new(drop));
    }
    record_session(&*store, record("live", Status::Start, 0));
    store.purge_sessions(time(150));
    wait_until("purged", || all_of_address(&*store) == 750);
    assert_eq!(store.live().len(), 1);
    let live = SessionQuery {
        of: SessionsOf::Everybody,
        at: None,
        live: true,
        limit: 10,
    };
    assert_eq!(store.find_sessions(&live).unwrap().len(), 1);
}

fn all_of_address(store: &dyn Store) -> usize {
    let query = SessionQuery {
        of: SessionsOf::Address("192.0.2.7".parse().unwrap()),
        at: None,
        live: false,
        limit: 10_000,
    };
    store.find_sessions(&query).unwrap().len()
}
