//! An attempt counts what its comparisons showed, however it ends; and a request that a NAS repeats
//! is no new guess.

use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

/// An attempt whose comparison showed this.
fn compared(bench: &Bench, shown: Shown) -> Admission {
    let mut admission = bench.admit(at(0)).unwrap();
    admission.compare(|| (), |()| Some(shown));
    admission
}

#[test]
fn dropped_attempt_counts_once_its_credential_was_seen_to_be_wrong() {
    for (shown, failures) in [
        (Shown::Nothing, 0),
        (Shown::Right, 0),
        (Shown::Previous, 0),
        (Shown::Wrong, 1),
        (Shown::Comparing, 1),
    ] {
        let bench = Bench::new();
        drop(compared(&bench, shown));
        let counted = bench.table.lock_record(&bench.id);
        let counted = counted.map_or(0, |record| record.failures);
        assert_eq!(counted, failures, "{shown:?}");
    }
}

#[test]
fn failures_of_dropped_attempts_are_handed_on_to_be_kept() {
    let bench = Bench::new();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeper = Arc::clone(&kept);
    (bench.table).on_unsettled(move |attempt| {
        let settled = attempt.settle(false, at(0));
        keeper.lock().unwrap().push(settled.change.unwrap());
    });
    (0..6).for_each(|_| drop(compared(&bench, Shown::Wrong)));
    assert!(bench.table.locked_until(&bench.id, at(1)).is_some());
    let kept = kept.lock().unwrap();
    assert_eq!(kept.len(), 6);
    let record = bench.table.lock_record(&bench.id).unwrap();
    assert_eq!(kept.last(), Some(&LockChange::Put(record)));
}

#[test]
fn panic_in_a_comparison_counts_as_a_failure() {
    let bench = Bench::new();
    let mut admission = bench.admit(at(0)).unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        admission.compare(|| panic!("while hashing"), |()| None);
    }));
    assert!(panicked.is_err());
    drop(admission);
    assert_eq!(bench.table.lock_record(&bench.id).unwrap().failures, 1);
}

#[test]
fn later_comparison_of_an_attempt_overrules_an_earlier_one() {
    for (then, failures) in [(Shown::Right, 0), (Shown::Previous, 0), (Shown::Wrong, 1)] {
        let bench = Bench::new();
        let mut admission = compared(&bench, Shown::Wrong);
        admission.compare(|| (), |()| Some(then));
        assert_eq!(
            admission.settle(false, at(0)).failures,
            failures,
            "{then:?}"
        );
    }
}

#[test]
fn comparison_that_could_not_be_made_leaves_what_was_known() {
    let bench = Bench::new();
    let mut admission = compared(&bench, Shown::Wrong);
    admission.compare(|| (), |()| None);
    assert_eq!(admission.settle(false, at(0)).failures, 1);
}

#[test]
fn grant_without_a_right_credential_resets_nothing() {
    let bench = Bench::new();
    let _ = bench.fail_times(3, at(0));
    for shown in [Shown::Nothing, Shown::Previous] {
        assert_eq!(compared(&bench, shown).settle(true, at(0)).failures, 3);
    }
    assert_eq!(
        compared(&bench, Shown::Wrong).settle(true, at(0)).failures,
        4
    );
}

#[test]
fn bind_is_a_failure_until_its_answer_is_noted_as_something_else() {
    for (before, answer, failures) in [
        (Shown::Nothing, Some(BindAnswer::Right), 0),
        (Shown::Nothing, Some(BindAnswer::Wrong), 1),
        (Shown::Nothing, Some(BindAnswer::Unknown), 0),
        (Shown::Nothing, None, 1),
        (Shown::Wrong, Some(BindAnswer::Right), 0),
        // The remembered proof said wrong, and nobody said otherwise.
        (Shown::Wrong, Some(BindAnswer::Unknown), 1),
    ] {
        let bench = Bench::new();
        let mut admission = compared(&bench, before);
        let (_leave, known) = admission.begin_bind();
        if let Some(answer) = answer {
            admission.note_bind(known, answer);
        }
        let settled = admission.settle(false, at(0));
        assert_eq!(settled.failures, failures, "{before:?} {answer:?}");
    }
}

#[test]
fn accounts_that_are_not_counted_are_admitted_always_and_never_recorded() {
    let table = LockTable::new(0);
    let mut test = account("test");
    test.kind = Kind::Test;
    for _ in 0..100 {
        let admission = table.admit(&test, guess(0), &Lockout::default(), at(0));
        let settled = settle(admission.unwrap(), End::Failed { tag: 0 }, at(0));
        assert_eq!(settled.failures, 0);
    }
    assert!(table.is_empty());
}

/// A wrong password that arrives this many milliseconds after the first, from a client.
fn sent(tag: u64, source: u64, millis: i64) -> Guess {
    let arrived = Tick::from_millis(millis);
    Guess {
        tag,
        source,
        arrived,
        refusal_leaves: arrived.plus(Duration::from_secs(1)),
    }
}

fn failures_after(guesses: &[Guess]) -> u8 {
    let bench = Bench::new();
    for guess in guesses {
        let admission = bench.admit(guess.arrived).unwrap().with(*guess);
        let mut admission = admission;
        admission.compare(|| (), |()| Some(Shown::Wrong));
        let _ = admission.settle(false, guess.arrived);
    }
    bench.table.lock_record(&bench.id).unwrap().failures
}

#[test]
fn wrong_password_that_a_client_repeats_before_its_refusal_left_counts_once() {
    assert_eq!(failures_after(&[sent(7, 1, 0), sent(7, 1, 999)]), 1);
    // The refusal of the repetition is held back as well.
    assert_eq!(
        failures_after(&[sent(7, 1, 0), sent(7, 1, 900), sent(7, 1, 1800)]),
        1
    );
    assert_eq!(failures_after(&[sent(7, 1, 0), sent(7, 1, 1000)]), 2);
}

#[test]
fn another_wrong_password_or_another_client_counts_at_once() {
    assert_eq!(failures_after(&[sent(7, 1, 0), sent(8, 1, 1)]), 2);
    assert_eq!(failures_after(&[sent(7, 1, 0), sent(7, 2, 1)]), 2);
}

#[test]
fn two_passwords_repeated_in_turn_count_once_each() {
    let turns: Vec<_> = (0..40)
        .map(|turn| sent(7 + turn % 2, 1, 20 * turn as i64))
        .collect();
    assert_eq!(failures_after(&turns), 2);
}

#[test]
fn repetition_of_an_attempt_that_waited_longer_than_the_delay_counts_once() {
    let bench = Bench::new();
    let waiting: Vec<_> = [sent(7, 1, 0), sent(7, 1, 2_500)]
        .map(|guess| bench.admit(guess.arrived).unwrap().with(guess))
        .into();
    for mut admission in waiting {
        admission.compare(|| (), |()| Some(Shown::Wrong));
        let _ = admission.settle(false, Tick::from_millis(5_000));
    }
    assert_eq!(bench.table.lock_record(&bench.id).unwrap().failures, 1);
}
