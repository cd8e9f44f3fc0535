//! Outcomes that a database decides about.

use super::*;

fn handed_over(bench: &Bench, shown: Shown, granted: bool) -> HandedOver {
    let mut admission = bench.admit(at(0)).unwrap();
    admission.compare(|| (), |()| Some(shown));
    admission.hand_over(granted, at(0))
}

fn asked(bench: &Bench, shown: Shown) -> Settlement {
    let granted = matches!(shown, Shown::Right | Shown::Remembered);
    match handed_over(bench, shown, granted) {
        HandedOver::Asked(settlement) => settlement,
        HandedOver::Settled(settled) => panic!("settled: {settled:?}"),
    }
}

fn question(bench: &Bench, shown: Shown, granted: bool) -> Option<Question> {
    match handed_over(bench, shown, granted) {
        HandedOver::Asked(settlement) => Some(settlement.question()),
        HandedOver::Settled(_) => None,
    }
}

fn record(failures: u8, revision: u64) -> LockRecord {
    LockRecord {
        id: student(),
        failures,
        last_failure: at(0),
        locked_until: (failures >= 6).then(|| at(30)),
        revision,
    }
}

fn done(failures: u8, revision: u64) -> Taken {
    Taken {
        ruling: Ruling::Done,
        record: Some(record(failures, revision)),
    }
}

fn stopped(revision: u64) -> Taken {
    Taken {
        ruling: Ruling::Stopped,
        record: Some(record(6, revision)),
    }
}

fn failures(bench: &Bench) -> u8 {
    let record = bench.table.lock_record(&bench.id);
    record.map_or(0, |record| record.failures)
}

#[test]
fn database_is_asked_about_what_was_learned_and_nothing_else() {
    let bench = Bench::new();
    for (shown, granted, expected) in [
        (Shown::Wrong, false, Some(Question::Count)),
        (Shown::Comparing, false, Some(Question::Count)),
        (Shown::Right, true, Some(Question::Clear)),
        (Shown::Right, false, Some(Question::Look)),
        (Shown::Remembered, true, None),
        (Shown::Remembered, false, None),
        (Shown::Previous, false, None),
        (Shown::Nothing, false, None),
    ] {
        let bench = Bench::new();
        assert_eq!(question(&bench, shown, granted), expected, "{shown:?}");
    }
    bench.table.adopt(&record(3, 1));
    let cleared = question(&bench, Shown::Remembered, true);
    assert_eq!(cleared, Some(Question::Clear));
}

#[test]
fn seventh_guess_is_refused_while_six_wait_for_the_database() {
    let bench = Bench::new();
    let waiting: Vec<_> = (0..6).map(|_| asked(&bench, Shown::Wrong)).collect();
    assert!(matches!(bench.admit(at(0)), Err(Denied::Locked { .. })));
    // Nobody else had failed, and the database has forgotten them since.
    for (settlement, revision) in waiting.into_iter().zip(1..) {
        let _ = settlement.adopt(&done(1, revision), at(0));
    }
    assert!(bench.admit(at(0)).is_ok());
}

#[test]
fn guess_behind_one_that_is_being_compared_waits() {
    let bench = Bench::new();
    let _compared = bench.admit(at(0)).unwrap();
    let _waiting: Vec<_> = (0..5).map(|_| asked(&bench, Shown::Wrong)).collect();
    assert_eq!(bench.admit(at(0)).unwrap_err(), Denied::Busy);
}

#[test]
fn state_of_the_database_holds_and_an_older_one_does_not() {
    let bench = Bench::new();
    let settled = asked(&bench, Shown::Wrong).adopt(&done(4, 7), at(0));
    assert_eq!((settled.failures, settled.newly_locked), (4, false));
    bench.table.adopt(&record(1, 6));
    assert_eq!(failures(&bench), 4);
    bench.table.adopt(&record(1, 8));
    assert_eq!(failures(&bench), 1);
    let settled = asked(&bench, Shown::Right).adopt(&done(0, 9), at(0));
    assert_eq!(settled.locked_until, None);
    assert!(bench.table.is_empty());
}

#[test]
fn sixth_failure_by_the_database_locks_here_too() {
    let bench = Bench::new();
    let settled = asked(&bench, Shown::Wrong).adopt(&done(6, 1), at(0));
    assert!(settled.newly_locked && !settled.is_stopped);
    assert_eq!(bench.table.locked_until(&bench.id, at(0)), Some(at(30)));
}

#[test]
fn outcome_under_a_lock_that_was_there_before_is_stopped() {
    for shown in [Shown::Wrong, Shown::Right] {
        let bench = Bench::new();
        let settled = asked(&bench, shown).adopt(&stopped(1), at(0));
        assert!(settled.is_stopped && !settled.newly_locked);
        assert_eq!(settled.locked_until, Some(at(30)));
        assert!(matches!(bench.admit(at(0)), Err(Denied::Locked { .. })));
    }
    let bench = Bench::new();
    let mut compared = bench.admit(at(0)).unwrap();
    compared.compare(|| (), |()| Some(Shown::Right));
    bench.table.adopt(&record(6, 1));
    match compared.hand_over(true, at(0)) {
        HandedOver::Settled(settled) => assert!(settled.is_stopped),
        HandedOver::Asked(settlement) => panic!("{settlement:?}"),
    }
}

#[test]
fn settlement_that_is_lost_counts_and_makes_no_repetition_free() {
    let bench = Bench::new();
    let repeated = Guess {
        arrived: at(0),
        refusal_leaves: at(1),
        ..guess(0)
    };
    let attempt = || {
        let mut admission = bench.admit(at(0)).unwrap().with(repeated);
        admission.compare(|| (), |()| Some(Shown::Wrong));
        admission.hand_over(false, at(0))
    };
    drop(attempt());
    assert_eq!(failures(&bench), 1);
    let HandedOver::Asked(settlement) = attempt() else {
        panic!("what was not told is no repetition");
    };
    let _ = settlement.adopt(&done(1, 1), at(0));
    assert!(matches!(attempt(), HandedOver::Settled(settled) if !settled.is_stopped));
}

#[test]
fn memory_that_decided_alone_is_never_weakened_before_the_merge() {
    let bench = Bench::new();
    bench.table.adopt(&record(2, 5));
    for number in 3..=4 {
        let decided = asked(&bench, Shown::Wrong).decide(at(0));
        let Some(LockChange::Put(put)) = decided.change() else {
            panic!("nothing was counted");
        };
        assert_eq!((put.failures, put.revision), (number, 5));
        assert_eq!(decided.durable(at(0)).failures, number);
    }
    bench.table.adopt(&record(1, 6));
    assert_eq!(failures(&bench), 4);
    bench.table.adopt_merged(&record(3, 7));
    assert_eq!(failures(&bench), 3);
    bench.table.adopt(&record(1, 8));
    assert_eq!(failures(&bench), 1);
    bench.table.forget_merged(&bench.id);
    assert!(bench.table.is_empty());
}

#[test]
fn sixth_failure_alone_locks_and_is_told_as_a_failure() {
    let bench = Bench::new();
    bench.table.adopt(&record(5, 5));
    let settled = asked(&bench, Shown::Wrong).decide(at(0)).durable(at(0));
    assert!(settled.newly_locked && !settled.is_stopped);
    assert!(matches!(bench.admit(at(0)), Err(Denied::Locked { .. })));
}
