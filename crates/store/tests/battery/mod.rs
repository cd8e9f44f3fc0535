//! Facts that hold for every engine: the cases get a function that opens one and the same store.

pub(crate) mod registry;
pub(crate) mod resets;
pub(crate) mod sessions;
pub(crate) mod taking;
pub(crate) mod tls_sessions;

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portvakt_auth::account::{Account, Kind};
use portvakt_auth::lock::{LockRecord, StoredLock};
use portvakt_auth::name::AccountId;
use portvakt_auth::time::{Now, Tick};
use portvakt_auth::{Refusal, Symptom};
use portvakt_store::{
    ATTEMPTS_PER_ACCOUNT, AttemptOutcome, AttemptRef, AttemptRow, Durability, Store,
    UnattributedAttempt,
};

/// Opens the store of a case, again after it was closed.
pub(crate) type Open<'a> = &'a dyn Fn() -> Box<dyn Store>;

/// Makes each case a test of the engine; `$run` calls a case with its [`Open`].
macro_rules! battery {
    ($run:path) => {
        battery!(@taking $run: six_failures_lock_and_the_lock_outlives_the_process
            failures_below_the_lock_outlive_the_process
            right_log_on_forgets_failures_for_good
            unlock_ends_a_lock_for_good
            attempt_that_is_lost_counts
            nothing_is_told_by_a_store_that_is_closed);
        battery!(@cases $run: attempts_come_back_newest_first_and_whole
            attempts_per_account_are_bounded_to_the_newest
            old_attempts_are_pruned
            unattributed_attempts_are_found_by_name_and_by_device
            old_unattributed_attempts_are_pruned
            accounts_are_written_all_or_none_and_come_back
            what_waits_is_written_before_the_store_closes
            panicking_callback_does_not_stop_the_writer);
        battery!(@registry $run: import_is_in_force_whole_once_it_is_applied_and_outlives_the_process
            of_two_imports_judged_upon_one_version_one_comes_into_force
            import_is_undone_and_what_came_after_it_stays
            held_import_counts_different_operators_alone
            settled_imports_are_folded_and_what_was_given_up_is_removed
            exemptions_come_back_and_one_replaces_another
            news_order_and_the_day_are_told_by_imports_in_force
            hundred_thousand_rows_are_stored_while_locks_are);
        battery!(@sessions $run: session_outlives_the_process_with_all_that_is_known
            session_that_is_over_is_not_live_and_repetition_changes_nothing
            records_of_one_commit_make_one_session
            name_used_anew_ends_the_session_before
            restart_of_a_nas_ends_its_sessions_alone
            restart_of_a_large_nas_ends_all_its_sessions
            silent_session_ends_and_later_news_open_it_again
            sessions_beyond_the_memory_are_kept_on_disk
            sessions_are_found_by_account_device_address_and_time
            old_sessions_are_purged_and_live_ones_stay);
        battery!(@tls_sessions $run: tls_session_outlives_the_process
            tls_sessions_of_a_device_and_of_an_account_are_bounded
            tls_sessions_end_one_by_one_and_with_their_account
            old_tls_sessions_are_purged
            ticket_keys_are_made_once_and_kept
            search_after_the_end_is_dropped);
        battery!(@resets $run: opening_is_written_in_the_place_of_its_revision_alone
            of_two_openings_at_once_one_is_written_with_its_message
            messages_come_back_newest_first_and_move_forward_alone
            numbers_and_the_switch_of_messages_outlive_the_process
            old_messages_and_openings_are_purged);
    };
    (@taking $run:path: $($case:ident)*) => {
        $(#[test] fn $case() { $run(crate::battery::taking::$case); })*
    };
    (@sessions $run:path: $($case:ident)*) => {
        $(#[test] fn $case() { $run(crate::battery::sessions::$case); })*
    };
    (@tls_sessions $run:path: $($case:ident)*) => {
        $(#[test] fn $case() { $run(crate::battery::tls_sessions::$case); })*
    };
    (@registry $run:path: $($case:ident)*) => {
        $(#[test] fn $case() { $run(crate::battery::registry::$case); })*
    };
    (@resets $run:path: $($case:ident)*) => {
        $(#[test] fn $case() { $run(crate::battery::resets::$case); })*
    };
    (@cases $run:path: $($case:ident)*) => {
        $(#[test] fn $case() { $run(crate::battery::$case); })*
    };
}
pub(crate) use battery;

pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn id(name: &str) -> AccountId {
    AccountId::new(name).unwrap()
}

pub(crate) fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

pub(crate) fn now() -> Now {
    Now {
        tick: Tick::START,
        utc: time(0),
    }
}

pub(crate) fn lock(name: &str, failures: u8, revision: u64) -> StoredLock {
    let last_failure = time(0);
    StoredLock {
        id: id(name),
        failures,
        last_failure,
        locked_until: None,
        revision,
    }
}

pub(crate) fn attempt(name: &str, second: i64) -> AttemptRow {
    AttemptRow {
        time: time(second),
        account: id(name),
        outcome: AttemptOutcome::Refused(Refusal::WrongCredential),
        symptom: Some(Symptom::PasswordNotUtf8),
        client: "ap-library".to_owned(),
        service: "eduroam".to_owned(),
        method: "ttls/pap".to_owned(),
        calling_station: Some("02-00-00-00-00-01".to_owned()),
        nas_identifier: Some("ap-17".to_owned()),
        operator_name: None,
        outer_identity: Some("anonymous@campus.example".to_owned()),
        detail: Some("More about it.".to_owned()),
        node: None,
    }
}

pub(crate) fn record_attempt(store: &dyn Store, row: &AttemptRow) {
    store.record_attempt(&AttemptRef {
        time: row.time,
        account: &row.account,
        outcome: row.outcome,
        symptom: row.symptom,
        client: &row.client,
        service: &row.service,
        method: &row.method,
        calling_station: row.calling_station.as_deref(),
        nas_identifier: row.nas_identifier.as_deref(),
        operator_name: row.operator_name.as_deref(),
        outer_identity: row.outer_identity.as_deref(),
        detail: row.detail.as_deref(),
    });
}

/// Records a lock and returns where to wait for the answer.
pub(crate) fn record(store: &dyn Store, lock: StoredLock) -> Receiver<Durability> {
    let (sender, receiver) = channel();
    let done = move |durability| sender.send(durability).unwrap();
    store.record_lock(lock, Some(Box::new(done)));
    receiver
}

pub(crate) fn recorded(store: &dyn Store, lock: StoredLock) -> Durability {
    let answer = record(store, lock).recv_timeout(PATIENCE);
    answer.expect("an answer")
}

pub(crate) fn restored(store: &dyn Store, name: &str) -> Option<LockRecord> {
    let locks = store.restore_locks(now()).unwrap();
    locks.into_iter().find(|record| record.id == id(name))
}

pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn attempts_come_back_newest_first_and_whole(open: Open<'_>) {
    let store = open();
    let accepted = AttemptRow {
        outcome: AttemptOutcome::Accepted,
        ..attempt("anna", 3)
    };
    for row in [
        attempt("anna", 1),
        accepted.clone(),
        attempt("bo", 9),
        attempt("anna", 2),
    ] {
        record_attempt(&*store, &row);
    }
    let expected = [accepted, attempt("anna", 2), attempt("anna", 1)];
    assert_eq!(store.last_attempts(&id("anna"), 10).unwrap(), expected);
    assert_eq!(store.last_attempts(&id("anna"), 1).unwrap(), expected[..1]);
    assert!(store.last_attempts(&id("nobody"), 10).unwrap().is_empty());
}

pub(crate) fn attempts_per_account_are_bounded_to_the_newest(open: Open<'_>) {
    let store = open();
    let bound = i64::from(ATTEMPTS_PER_ACCOUNT);
    for second in 0..3 * bound {
        record_attempt(&*store, &attempt("anna", second));
        if second % 40 == 0 {
            // What is buffered is written before it is read.
            store.last_attempts(&id("anna"), 1).unwrap();
        }
    }
    let kept = store.last_attempts(&id("anna"), usize::MAX).unwrap();
    assert_eq!(kept.len(), ATTEMPTS_PER_ACCOUNT as usize);
    assert_eq!(kept.last().unwrap().time, time(2 * bound));
}

pub(crate) fn old_attempts_are_pruned(open: Open<'_>) {
    let store = open();
    for number in 0..5_000 {
        let row = attempt(&format!("s{number}"), number % 2 * 100);
        record_attempt(&*store, &row);
    }
    assert_eq!(store.last_attempts(&id("s0"), 1).unwrap().len(), 1);
    store.prune_attempts(time(50));
    let of = |number: i64| {
        store
            .last_attempts(&id(&format!("s{number}")), 1)
            .unwrap()
            .len()
    };
    wait_until("pruned", || of(4_998) == 0);
    assert_eq!((of(0), of(1), of(4_999)), (0, 1, 1));
}

fn unattributed(name: Option<&str>, device: Option<&str>, second: i64) -> UnattributedAttempt {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    UnattributedAttempt {
        time: time(second),
        name_key: owned(name),
        device_key: owned(device),
        name: "Krai@campus.example".to_owned(),
        outcome: AttemptOutcome::Refused(Refusal::UnknownUser),
        symptom: Some(Symptom::NameSpace),
        client: "ap-library".to_owned(),
        service: "eduroam".to_owned(),
        method: "ttls/pap".to_owned(),
        calling_station: owned(device),
        nas_identifier: Some("ap-17".to_owned()),
        operator_name: Some("1library.example".to_owned()),
        detail: Some("More about it.".to_owned()),
    }
}

pub(crate) fn unattributed_attempts_are_found_by_name_and_by_device(open: Open<'_>) {
    let store = open();
    let (both, other) = (Some("krai"), Some("020000000001"));
    let rows = [
        unattributed(both, other, 1),
        unattributed(both, None, 2),
        unattributed(None, other, 3),
        unattributed(Some("ola"), Some("020000000002"), 4),
    ];
    for row in &rows {
        store.record_unattributed(row.clone());
    }
    drop(store);
    let store = open();
    let devices = ["020000000001".to_owned()];
    let found = store.unattributed_attempts(both, &devices, 10).unwrap();
    assert_eq!(found, [rows[2].clone(), rows[1].clone(), rows[0].clone()]);
    let found = store.unattributed_attempts(both, &[], 1).unwrap();
    assert_eq!(found, [rows[1].clone()]);
    let found = store.unattributed_attempts(None, &[], 10).unwrap();
    assert_eq!(found, []);
}

pub(crate) fn old_unattributed_attempts_are_pruned(open: Open<'_>) {
    let store = open();
    for number in 0..5_000 {
        let name = format!("s{number}");
        store.record_unattributed(unattributed(Some(&name), None, number % 2 * 100));
    }
    let of = |name: &str| {
        let found = store.unattributed_attempts(Some(name), &[], 10);
        found.unwrap().len()
    };
    assert_eq!(of("s0"), 1);
    store.prune_attempts(time(50));
    wait_until("pruned", || of("s4998") == 0);
    assert_eq!((of("s0"), of("s1"), of("s4999")), (0, 1, 1));
}

pub(crate) fn accounts_are_written_all_or_none_and_come_back(open: Open<'_>) {
    let store = open();
    let anna = Account::new(id("anna"), Kind::Student);
    let bo = Account {
        vlan: Some("staff".to_owned()),
        ..Account::new(id("bo"), Kind::Employee)
    };
    store
        .put_accounts(&[anna.clone().into(), bo.clone().into()])
        .unwrap();
    let anna = Account {
        mail: Some("anna@campus.example".to_owned()),
        ..anna
    };
    store.put_accounts(&[anna.clone().into()]).unwrap();
    store.close();
    let mut found = Vec::new();
    open().accounts(&mut |account| found.push(account)).unwrap();
    found.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(found, [anna, bo]);
}

pub(crate) fn what_waits_is_written_before_the_store_closes(open: Open<'_>) {
    let store = open();
    for number in 0..3_000 {
        store.record_lock(lock(&format!("s{number}"), 1, number + 1), None);
    }
    drop(store);
    let store = open();
    assert_eq!(store.restore_locks(now()).unwrap().len(), 3_000);
}

pub(crate) fn panicking_callback_does_not_stop_the_writer(open: Open<'_>) {
    let store = open();
    let panicking = Box::new(|_| panic!("by intention"));
    store.record_lock(lock("anna", 1, 1), Some(panicking));
    assert_eq!(recorded(&*store, lock("anna", 2, 2)), Durability::OnDisk);
}
