//! State that outlives the process: records, their revisions, and their times in UTC.

use super::*;
use crate::time::Now;
use jiff::Timestamp;

#[test]
fn revisions_grow_with_every_change_and_across_a_restart() {
    let bench = Bench::new();
    let mut last = 0;
    let mut grows = |change: Option<LockChange>| {
        let revision = change.unwrap().revision();
        assert!(revision > last);
        last = revision;
    };
    grows(bench.fail(at(0)).change);
    grows(bench.fail(at(0)).change);
    grows(bench.attempt(End::Accepted, at(0)).unwrap().change);
    grows(bench.fail(at(0)).change);
    grows(bench.table.unlock(&bench.id));
    grows(bench.fail(at(0)).change);
    grows(
        bench
            .table
            .forget_expired(|_| &bench.rules, at(60), |_| false)
            .pop(),
    );

    let restarted = Bench::new();
    let cleared = LockRecord {
        id: student(),
        failures: 0,
        last_failure: at(0),
        locked_until: None,
        revision: 1_000,
    };
    restarted.table.restore(cleared);
    assert!(restarted.table.is_empty());
    grows(restarted.fail(at(0)).change);
}

#[test]
fn restoring_takes_the_stricter_of_two_records() {
    let record = |failures, last_failure, locked_until| LockRecord {
        id: student(),
        failures,
        last_failure,
        locked_until,
        revision: 1,
    };
    let cases = [
        // Three here, five there, later there.
        (
            record(3, at(1), None),
            record(5, at(2), None),
            record(5, at(2), None),
        ),
        // A lock there.
        (
            record(3, at(1), None),
            record(6, at(0), Some(at(30))),
            record(6, at(1), Some(at(30))),
        ),
        // A lock there that had run out before the failures here.
        (
            record(3, at(40), None),
            record(6, at(0), Some(at(30))),
            record(3, at(40), None),
        ),
        (
            record(6, at(0), Some(at(30))),
            record(3, at(40), None),
            record(3, at(40), None),
        ),
        // Two locks.
        (
            record(6, at(0), Some(at(30))),
            record(6, at(9), Some(at(39))),
            record(6, at(9), Some(at(39))),
        ),
    ];
    for (first, second, expected) in cases {
        let table = LockTable::new(1);
        table.restore(first);
        table.restore(second);
        assert_eq!(table.lock_record(&student()), Some(expected));
    }
}

fn now(tick: Tick, utc: &str) -> Now {
    Now {
        tick,
        utc: utc.parse().unwrap(),
    }
}

/// Six failures, stored at noon, when the process was an hour old.
fn stored_lock() -> StoredLock {
    let bench = Bench::new();
    let change = bench.fail_times(6, at(60)).change.unwrap();
    change.stored(now(at(60), "2026-11-22T12:00:00Z"))
}

#[test]
fn lock_survives_a_restart_with_the_time_it_has_left() {
    let stored = stored_lock();
    assert_eq!(
        stored.locked_until,
        Some("2026-11-22T12:30:00Z".parse().unwrap())
    );
    let record = stored.record(now(at(0), "2026-11-22T12:10:00Z"));
    assert_eq!(
        (record.last_failure, record.locked_until),
        (at(-10), Some(at(20)))
    );
    let bench = Bench::new();
    bench.table.restore(record);
    let until = at(20);
    assert_eq!(bench.admit(at(19)).unwrap_err(), Denied::Locked { until });
    assert_eq!(bench.fail(at(20)).failures, 1);
}

#[test]
fn failures_survive_a_restart_with_their_age() {
    let bench = Bench::new();
    let change = bench.fail_times(5, at(60)).change.unwrap();
    let stored = change.stored(now(at(60), "2026-11-22T12:00:00Z"));
    for (utc, failures, locked) in [
        ("2026-11-22T12:29:59Z", 6, true),
        ("2026-11-22T12:30:00Z", 1, false),
    ] {
        let bench = Bench::new();
        bench.table.restore(stored.record(now(at(0), utc)));
        let settled = bench.fail(at(0));
        assert_eq!((settled.failures, settled.newly_locked), (failures, locked));
    }
}

#[test]
fn stored_lock_of_a_clock_that_was_ahead_lasts_no_longer_than_its_length() {
    let record = stored_lock().record(now(at(0), "2025-11-22T12:00:00Z"));
    assert_eq!(
        (record.last_failure, record.locked_until),
        (at(0), Some(at(30)))
    );
}

#[test]
fn stored_lock_with_an_absurd_length_is_cut() {
    let stored = StoredLock {
        locked_until: Some(Timestamp::MAX),
        ..stored_lock()
    };
    let record = stored.record(now(at(0), "2026-11-22T12:00:00Z"));
    assert_eq!(record.locked_until, Some(at(366 * 24 * 60)));
}

#[test]
fn stored_lock_that_ends_before_it_began_is_over() {
    let stored = StoredLock {
        locked_until: Some(Timestamp::MIN),
        ..stored_lock()
    };
    let record = stored.record(now(at(0), "2026-11-22T12:00:00Z"));
    assert!(record.locked_until.unwrap() < at(0));
}

#[test]
fn cleared_account_is_stored_as_a_record_of_nothing() {
    let change = LockChange::Cleared {
        id: student(),
        revision: 9,
    };
    let stored = change.stored(now(at(60), "2026-11-22T12:00:00Z"));
    assert!(stored.is_cleared());
    assert!(!stored_lock().is_cleared());
    let json = serde_json::to_string(&stored).unwrap();
    assert_eq!(serde_json::from_str::<StoredLock>(&json).unwrap(), stored);
}

/// The number in the documentation of the module.
#[test]
fn record_takes_eighty_octets() {
    assert_eq!(RECORD_OCTETS, 80);
}
