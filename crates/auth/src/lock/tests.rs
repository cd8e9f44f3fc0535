//! The table on a virtual clock, and against a naive model.

use super::*;
use crate::account::{Account, Kind};
use crate::name::AccountId;
use crate::rules::{Lockout, SameWrongPassword};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

mod admission;
mod model;
mod settlement;
mod stored;

const MINUTE: i64 = 60_000;

fn at(minutes: i64) -> Tick {
    Tick::from_millis(minutes * MINUTE)
}

fn student() -> AccountId {
    AccountId::new("s123456").unwrap()
}

fn once() -> Lockout {
    Lockout {
        same_wrong_password: SameWrongPassword::Once,
        ..Lockout::default()
    }
}

fn account(name: &str) -> Account {
    Account::new(AccountId::new(name).unwrap(), Kind::Student)
}

/// A guess that arrives after every refusal has left, so that each repetition counts.
fn guess(tag: u64) -> Guess {
    Guess {
        tag,
        source: 0,
        arrived: Tick::from_millis(i64::MAX),
        refusal_leaves: Tick::from_millis(i64::MIN),
    }
}

/// An attempt at an account that no table knows of yet.
pub(crate) fn admitted(account: &Account) -> Admission {
    let table = LockTable::new(1);
    let admitted = table.admit(account, guess(0), &Lockout::default(), Tick::START);
    admitted.unwrap()
}

/// How an attempt ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Accepted,
    Failed { tag: u64 },
    NotCounted,
}

/// Settles an attempt as one whose comparison showed what `end` says.
fn settle(mut admission: Admission, end: End, now: Tick) -> Settled {
    let (shown, granted) = match end {
        End::Accepted => (Shown::Right, true),
        End::Failed { tag } => {
            admission = admission.with(guess(tag));
            (Shown::Wrong, false)
        }
        End::NotCounted => (Shown::Previous, false),
    };
    admission.compare(|| (), |()| Some(shown));
    admission.settle(granted, now)
}

/// A table with the default rules and one account.
struct Bench {
    table: LockTable,
    rules: Lockout,
    account: Account,
    id: AccountId,
}

impl Bench {
    fn new() -> Bench {
        Bench {
            table: LockTable::new(10),
            rules: Lockout::default(),
            account: account("s123456"),
            id: student(),
        }
    }

    fn admit(&self, now: Tick) -> Result<Admission, Denied> {
        self.table.admit(&self.account, guess(0), &self.rules, now)
    }

    fn settle(&self, admission: Admission, end: End, now: Tick) -> Settled {
        settle(admission, end, now)
    }

    /// One whole attempt.
    fn attempt(&self, end: End, now: Tick) -> Result<Settled, Denied> {
        let admission = self.admit(now)?;
        Ok(self.settle(admission, end, now))
    }

    fn fail(&self, now: Tick) -> Settled {
        self.attempt(End::Failed { tag: 0 }, now).unwrap()
    }

    fn fail_times(&self, times: usize, now: Tick) -> Settled {
        (1..times).for_each(|_| drop(self.fail(now)));
        self.fail(now)
    }
}

#[test]
fn sixth_failure_locks_for_thirty_minutes() {
    let bench = Bench::new();
    for failures in 1..=5 {
        let settled = bench.fail(at(0));
        assert_eq!((settled.failures, settled.newly_locked), (failures, false));
        assert_eq!(bench.table.locked_until(&bench.id, at(0)), None);
    }
    let settled = bench.fail(at(1));
    assert_eq!((settled.failures, settled.newly_locked), (6, true));
    assert_eq!(bench.table.locked_until(&bench.id, at(1)), Some(at(31)));
    assert_eq!(bench.table.locked(at(1)), 1);
    assert_eq!(
        bench.admit(at(30)).unwrap_err(),
        Denied::Locked { until: at(31) }
    );
}

#[test]
fn lock_runs_out_to_the_millisecond_and_the_count_begins_at_zero() {
    let bench = Bench::new();
    let _ = bench.fail_times(6, at(0));
    let last = Tick::from_millis(30 * MINUTE - 1);
    let until = at(30);
    assert_eq!(bench.admit(last).unwrap_err(), Denied::Locked { until });
    assert_eq!(bench.table.locked_until(&bench.id, at(30)), None);
    assert_eq!(bench.table.locked(at(30)), 0);
    let settled = bench.fail(at(30));
    assert_eq!((settled.failures, settled.newly_locked), (1, false));
}

#[test]
fn attempts_while_locked_neither_count_nor_prolong() {
    let bench = Bench::new();
    let _ = bench.fail_times(6, at(0));
    let before = bench.table.lock_record(&bench.id);
    for minute in 0..30 {
        assert_eq!(
            bench.admit(at(minute)).unwrap_err(),
            Denied::Locked { until: at(30) }
        );
    }
    assert_eq!(bench.table.lock_record(&bench.id), before);
}

#[test]
fn five_wrong_and_one_right_resets() {
    let bench = Bench::new();
    let _ = bench.fail_times(5, at(0));
    let settled = bench.attempt(End::Accepted, at(1)).unwrap();
    assert!(matches!(settled.change, Some(LockChange::Cleared { .. })));
    assert_eq!(settled.failures, 0);
    assert!(bench.table.is_empty());
    assert!(!bench.fail_times(5, at(2)).newly_locked);
}

#[test]
fn success_without_failures_changes_nothing() {
    let bench = Bench::new();
    let settled = bench.attempt(End::Accepted, at(0)).unwrap();
    assert_eq!(settled.change, None);
    assert!(bench.table.is_empty());
}

#[test]
fn success_after_a_lock_ran_out_clears_what_is_stored_of_it() {
    let bench = Bench::new();
    let _ = bench.fail_times(6, at(0));
    let settled = bench.attempt(End::Accepted, at(40)).unwrap();
    assert!(matches!(settled.change, Some(LockChange::Cleared { .. })));
}

#[test]
fn refusal_for_status_leaves_the_count_as_it_is() {
    let bench = Bench::new();
    let _ = bench.fail_times(5, at(0));
    let settled = bench.attempt(End::NotCounted, at(1)).unwrap();
    assert_eq!((settled.change, settled.failures), (None, 5));
    assert!(bench.fail(at(2)).newly_locked);
}

#[test]
fn failures_are_forgotten_half_an_hour_after_the_last() {
    let bench = Bench::new();
    for minute in [0, 29, 58, 87] {
        let _ = bench.fail(at(minute));
    }
    assert_eq!(bench.table.lock_record(&bench.id).unwrap().failures, 4);
    assert_eq!(bench.fail(at(117)).failures, 1);
    assert_eq!(bench.fail(at(146)).failures, 2);
}

#[test]
fn only_as_many_are_reserved_as_are_left() {
    let bench = Bench::new();
    let _ = bench.fail_times(4, at(0));
    let first = bench.admit(at(1)).unwrap();
    let second = bench.admit(at(1)).unwrap();
    assert_eq!(bench.admit(at(1)).unwrap_err(), Denied::Busy);
    let _ = bench.settle(first, End::NotCounted, at(1));
    let third = bench.admit(at(1)).unwrap();
    assert!(
        !bench
            .settle(second, End::Failed { tag: 1 }, at(1))
            .newly_locked
    );
    assert!(
        bench
            .settle(third, End::Failed { tag: 2 }, at(1))
            .newly_locked
    );
}

#[test]
fn dropped_admission_gives_its_attempt_back() {
    let bench = Bench::new();
    let all: Vec<_> = (0..6).map(|_| bench.admit(at(0)).unwrap()).collect();
    assert_eq!(bench.admit(at(0)).unwrap_err(), Denied::Busy);
    assert_eq!(bench.table.len(), 1);
    drop(all);
    assert!(bench.table.is_empty());
    assert_eq!(bench.fail(at(0)).failures, 1);
}

#[test]
fn unlock_opens_at_once_and_counts_from_zero() {
    let bench = Bench::new();
    assert_eq!(bench.table.unlock(&bench.id), None);
    let _ = bench.fail_times(6, at(0));
    let change = bench.table.unlock(&bench.id).unwrap();
    assert_eq!(change.account(), &bench.id);
    assert!(bench.table.is_empty());
    assert_eq!(bench.fail(at(1)).failures, 1);
}

#[test]
fn unlock_leaves_attempts_being_checked_alone() {
    let bench = Bench::new();
    let _ = bench.fail_times(5, at(0));
    let admission = bench.admit(at(0)).unwrap();
    bench.table.unlock(&bench.id).unwrap();
    let others: Vec<_> = (0..5).map(|_| bench.admit(at(0)).unwrap()).collect();
    assert_eq!(bench.admit(at(0)).unwrap_err(), Denied::Busy);
    assert_eq!(
        bench
            .settle(admission, End::Failed { tag: 0 }, at(0))
            .failures,
        1
    );
    drop(others);
}

#[test]
fn lock_set_while_a_credential_was_checked_stands() {
    let bench = Bench::new();
    let admission = bench.admit(at(0)).unwrap();
    let other = Bench::new();
    let _ = other.fail_times(6, at(0));
    bench
        .table
        .restore(other.table.lock_record(&bench.id).unwrap());
    let settled = bench.settle(admission, End::Accepted, at(1));
    assert_eq!((settled.change, settled.locked_until), (None, Some(at(30))));
}

#[test]
fn lowered_number_of_attempts_locks_at_the_next_failure() {
    let mut bench = Bench::new();
    let _ = bench.fail_times(4, at(0));
    bench.rules.attempts = 3;
    // Nobody to wait behind: as good as locked.
    assert!(matches!(bench.admit(at(0)), Err(Denied::Locked { .. })));
    bench.rules.attempts = 5;
    assert!(bench.fail(at(0)).newly_locked);
}

#[test]
fn zero_attempts_are_taken_as_one() {
    let mut bench = Bench::new();
    bench.rules.attempts = 0;
    assert!(bench.fail(at(0)).newly_locked);
}

#[test]
fn same_wrong_password_counts_each_time_by_default() {
    let bench = Bench::new();
    assert!(bench.fail_times(6, at(0)).newly_locked);
}

#[test]
fn same_wrong_password_counts_once_where_configured() {
    let bench = Bench {
        rules: once(),
        ..Bench::new()
    };
    for minute in 0..100 {
        let settled = bench
            .attempt(End::Failed { tag: 7 }, at(minute / 10))
            .unwrap();
        assert_eq!(settled.failures, 1);
        assert_eq!(settled.change.is_some(), minute == 0);
    }
    for tag in [8, 7, 9, 8, 10, 11] {
        let settled = bench.attempt(End::Failed { tag }, at(10)).unwrap();
        assert!(!settled.newly_locked);
    }
    assert!(
        bench
            .attempt(End::Failed { tag: 12 }, at(10))
            .unwrap()
            .newly_locked
    );
}

#[test]
fn reset_forgets_which_wrong_passwords_were_counted() {
    let bench = Bench {
        rules: once(),
        ..Bench::new()
    };
    assert_eq!(bench.fail(at(0)).failures, 1);
    assert_eq!(bench.fail(at(31)).failures, 1);
    let _ = bench.attempt(End::Accepted, at(32)).unwrap();
    assert!(bench.fail(at(33)).change.is_some());
}

#[test]
fn six_of_a_thousand_concurrent_guesses_are_checked() {
    let bench = Bench::new();
    let (checked, locks) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let barrier = Barrier::new(50);
    let try_one = |tag| {
        let Ok(admission) = bench.admit(at(0)) else {
            return;
        };
        checked.fetch_add(1, Ordering::Relaxed);
        std::thread::yield_now();
        let settled = bench.settle(admission, End::Failed { tag }, at(0));
        locks.fetch_add(usize::from(settled.newly_locked), Ordering::Relaxed);
    };
    std::thread::scope(|scope| {
        for thread in 0..50 {
            let (barrier, try_one) = (&barrier, &try_one);
            scope.spawn(move || {
                barrier.wait();
                (0..20).for_each(|number| try_one(thread * 20 + number));
            });
        }
    });
    assert_eq!(checked.into_inner(), 6);
    assert_eq!(locks.into_inner(), 1);
    assert_eq!(bench.table.lock_record(&bench.id).unwrap().failures, 6);
}

#[test]
fn concurrent_work_on_many_accounts_leaves_no_record_behind() {
    let table = LockTable::new(100);
    let rules = Lockout::default();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (table, rules) = (&table, &rules);
            scope.spawn(move || {
                for number in 0..500 {
                    let account = account(&format!("s{}", (number + thread) % 7));
                    if let Ok(admission) = table.admit(&account, guess(0), rules, at(0)) {
                        let end = match number % 3 {
                            0 => End::NotCounted,
                            _ => End::Accepted,
                        };
                        let _ = settle(admission, end, at(0));
                    }
                }
            });
        }
    });
    assert!(table.is_empty());
    assert_eq!(table.locked(at(0)), 0);
}

#[test]
fn full_table_admits_no_new_account_and_drops_none() {
    let table = LockTable::new(1);
    let (rules, known) = (Lockout::default(), account("s123456"));
    let admission = table.admit(&known, guess(0), &rules, at(0)).unwrap();
    let _ = settle(admission, End::Failed { tag: 0 }, at(0));
    let other = account("other");
    let admit = |account| table.admit(account, guess(0), &rules, at(0));
    assert_eq!(admit(&other).unwrap_err(), Denied::Full);
    assert!(admit(&known).is_ok());
    assert_eq!(table.lock_record(&known.id).unwrap().failures, 1);
    table.set_capacity(2);
    assert!(admit(&other).is_ok());
}

#[test]
fn full_table_admits_an_account_whose_password_is_remembered() {
    let (table, rules, kari) = (LockTable::new(0), Lockout::default(), account("kari"));
    assert_eq!(
        table.admit(&kari, guess(0), &rules, at(0)).unwrap_err(),
        Denied::Full
    );
    for failures in 1..=6 {
        let admission = table.admit_beyond_capacity(&kari, guess(0), &rules, at(0));
        let settled = settle(admission.unwrap(), End::Failed { tag: 0 }, at(0));
        assert_eq!(settled.failures, failures);
    }
    let denied = table.admit_beyond_capacity(&kari, guess(0), &rules, at(0));
    assert!(matches!(denied, Err(Denied::Locked { .. })));
}

#[test]
fn restored_records_are_never_refused_for_room() {
    let table = LockTable::new(0);
    let bench = Bench::new();
    let _ = bench.fail_times(6, at(0));
    table.restore(bench.table.lock_record(&bench.id).unwrap());
    assert_eq!(table.locked_until(&bench.id, at(1)), Some(at(30)));
    assert_eq!(table.len(), 1);
}

#[test]
fn forgetting_keeps_what_counts_and_what_the_caller_keeps() {
    let bench = Bench::new();
    let _ = bench.fail(at(0));
    let forget = |now, keep: bool| bench.table.forget_expired(|_| &bench.rules, now, |_| keep);
    assert_eq!(forget(at(29), false), []);
    assert_eq!(forget(at(30), true), []);
    let checking = bench.admit(at(30)).unwrap();
    assert_eq!(forget(at(30), false), []);
    drop(checking);
    let forgotten = forget(at(30), false);
    assert_eq!(
        forgotten
            .iter()
            .map(LockChange::account)
            .collect::<Vec<_>>(),
        [&bench.id]
    );
    assert!(bench.table.is_empty());
}

#[test]
fn forgetting_leaves_locks_alone_until_they_run_out() {
    let mut bench = Bench::new();
    bench.rules.duration = Duration::from_secs(2 * 60 * 60);
    let _ = bench.fail_times(6, at(0));
    assert_eq!(
        bench
            .table
            .forget_expired(|_| &bench.rules, at(119), |_| false),
        []
    );
    assert_eq!(
        bench
            .table
            .forget_expired(|_| &bench.rules, at(120), |_| false)
            .len(),
        1
    );
}
