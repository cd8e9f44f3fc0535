//! The store on a real disk: what it promises, what it does when the disk refuses, and after a kill.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portvakt::store::{
    ATTEMPTS_PER_ACCOUNT, AttemptRef, AttemptRow, Durability, Outcome, Store, StoreError,
};
use portvakt_auth::account::{Account, Kind};
use portvakt_auth::lock::{LockRecord, StoredLock};
use portvakt_auth::name::AccountId;
use portvakt_auth::refusal::Refusal;
use portvakt_auth::time::{Now, Tick};

const PATIENCE: Duration = Duration::from_secs(120);

fn id(name: &str) -> AccountId {
    AccountId::new(name).unwrap()
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn now() -> Now {
    Now {
        tick: Tick::START,
        utc: time(0),
    }
}

fn lock(name: &str, failures: u8, revision: u64) -> StoredLock {
    let last_failure = time(0);
    StoredLock {
        id: id(name),
        failures,
        last_failure,
        locked_until: None,
        revision,
    }
}

fn attempt(name: &str, second: i64) -> AttemptRow {
    AttemptRow {
        time: time(second),
        account: id(name),
        outcome: Outcome::Refused(Refusal::WrongCredential),
        client: "ap-library".to_owned(),
        service: "eduroam".to_owned(),
        method: "ttls/pap".to_owned(),
        calling_station: Some("02-00-00-00-00-01".to_owned()),
        operator_name: None,
        outer_identity: Some("anonymous@campus.example".to_owned()),
        detail: Some("More about it.".to_owned()),
    }
}

fn record_attempt(store: &Store, row: &AttemptRow) {
    store.record_attempt(&AttemptRef {
        time: row.time,
        account: &row.account,
        outcome: row.outcome,
        client: &row.client,
        service: &row.service,
        method: &row.method,
        calling_station: row.calling_station.as_deref(),
        operator_name: row.operator_name.as_deref(),
        outer_identity: row.outer_identity.as_deref(),
        detail: row.detail.as_deref(),
    });
}

/// Records a lock and returns where to wait for the answer.
fn record(store: &Store, lock: StoredLock) -> Receiver<Durability> {
    let (sender, receiver) = channel();
    let done = move |durability| sender.send(durability).unwrap();
    store.record_lock(lock, Some(Box::new(done)));
    receiver
}

fn recorded(store: &Store, lock: StoredLock) -> Durability {
    let answer = record(store, lock).recv_timeout(PATIENCE);
    answer.expect("an answer")
}

fn restored(store: &Store, name: &str) -> Option<LockRecord> {
    let locks = store.restore_locks(now()).unwrap();
    locks.into_iter().find(|record| record.id == id(name))
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Lets the database grow no further and writes until it says so.
fn fill(store: &Store) -> u64 {
    store.limit_pages(1);
    for revision in 1..10_000 {
        let name = format!("filler{revision}");
        if recorded(store, lock(&name, 1, revision)) == Durability::MemoryOnly {
            return revision;
        }
    }
    panic!("the disk never got full");
}

#[test]
fn locks_outlive_the_process_with_their_times_and_revision() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let until = time(1800);
    let six = StoredLock {
        locked_until: Some(until),
        ..lock("anna", 6, 41)
    };
    assert_eq!(recorded(&store, six.clone()), Durability::OnDisk);
    store.close();
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.restore_locks(now()).unwrap(), [six.record(now())]);
}

#[test]
fn later_change_holds_whatever_the_order_they_arrive_in() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    recorded(&store, lock("anna", 2, 8));
    assert_eq!(recorded(&store, lock("anna", 1, 7)), Durability::OnDisk);
    assert_eq!(restored(&store, "anna").unwrap().failures, 2);
}

#[test]
fn cleared_lock_yields_only_to_a_later_failure_and_is_gone_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    recorded(&store, lock("anna", 0, 9));
    recorded(&store, lock("anna", 5, 8));
    assert_eq!(restored(&store, "anna").unwrap().failures, 0);
    store.close();
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(restored(&store, "anna"), None);
}

#[test]
fn attempts_come_back_newest_first_and_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let accepted = AttemptRow {
        outcome: Outcome::Accepted,
        ..attempt("anna", 3)
    };
    for row in [
        attempt("anna", 1),
        accepted.clone(),
        attempt("bo", 9),
        attempt("anna", 2),
    ] {
        record_attempt(&store, &row);
    }
    let expected = [accepted, attempt("anna", 2), attempt("anna", 1)];
    assert_eq!(store.last_attempts(&id("anna"), 10).unwrap(), expected);
    assert_eq!(store.last_attempts(&id("anna"), 1).unwrap(), expected[..1]);
    assert!(store.last_attempts(&id("nobody"), 10).unwrap().is_empty());
}

#[test]
fn attempts_per_account_are_bounded_to_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let bound = i64::from(ATTEMPTS_PER_ACCOUNT);
    for second in 0..3 * bound {
        record_attempt(&store, &attempt("anna", second));
        if second % 40 == 0 {
            // What is buffered is written before it is read.
            store.last_attempts(&id("anna"), 1).unwrap();
        }
    }
    let kept = store.last_attempts(&id("anna"), usize::MAX).unwrap();
    assert_eq!(kept.len(), ATTEMPTS_PER_ACCOUNT as usize);
    assert_eq!(kept.last().unwrap().time, time(2 * bound));
}

#[test]
fn old_attempts_are_pruned() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    for number in 0..5_000 {
        let row = attempt(&format!("s{number}"), number % 2 * 100);
        record_attempt(&store, &row);
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

#[test]
fn accounts_are_written_all_or_none_and_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
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
    Store::open(dir.path())
        .unwrap()
        .accounts(|account| found.push(account))
        .unwrap();
    found.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(found, [anna, bo]);
}

#[test]
fn full_disk_answers_from_memory_says_so_and_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert!(store.health().is_ok());
    let refused = fill(&store);
    let filler = id(&format!("filler{refused}"));

    let health = store.health();
    assert!(!health.is_ok() && health.failing_since.is_some());
    assert!(health.last_error.unwrap().contains("full"));
    assert!(store.is_dirty(&filler) && !store.is_dirty(&id("anna")));
    assert_eq!(
        recorded(&store, lock("anna", 1, 20_000)),
        Durability::MemoryOnly
    );
    assert_eq!(
        recorded(&store, lock("anna", 2, 20_001)),
        Durability::MemoryOnly
    );
    assert!(store.is_dirty(&id("anna")));
    assert_eq!(store.health().locks_waiting, 2);
    assert_eq!(restored(&store, "anna"), None);

    store.limit_pages(100_000);
    wait_until("caught up", || store.health().is_ok());
    assert!(!store.is_dirty(&id("anna")) && !store.is_dirty(&filler));
    assert_eq!(restored(&store, "anna").unwrap().failures, 2);
    assert_eq!(
        recorded(&store, lock("anna", 3, 20_002)),
        Durability::OnDisk
    );
}

/// The newest 50,000 are kept, in the buffer or behind it, however long the disk refuses.
#[test]
fn attempts_beyond_the_bound_are_dropped_and_counted_while_the_disk_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    fill(&store);
    for (first, end) in [(0, 40_000), (40_000, 70_000), (70_000, 100_000)] {
        for number in first..end {
            record_attempt(&store, &attempt(&format!("s{number}"), 0));
        }
        store.last_attempts(&id("s0"), 1).unwrap();
    }
    let health = store.health();
    assert_eq!(
        (health.attempts_dropped, health.entries_waiting),
        (50_000, 50_000)
    );
    store.limit_pages(100_000);
    wait_until("caught up", || store.health().entries_waiting == 0);
    assert!(store.last_attempts(&id("s0"), 1).unwrap().is_empty());
    assert_eq!(store.last_attempts(&id("s99999"), 1).unwrap().len(), 1);
}

#[test]
fn accounts_are_refused_while_the_disk_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    fill(&store);
    let accounts: Vec<_> = (0..100)
        .map(|number| Account::new(id(&format!("s{number}")), Kind::Guest).into())
        .collect();
    assert!(matches!(
        store.put_accounts(&accounts),
        Err(StoreError::Database(_))
    ));
    let mut found = 0;
    store.accounts(|_| found += 1).unwrap();
    assert_eq!(found, 0);
}

#[test]
fn what_waits_is_written_before_the_store_closes() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    for number in 0..3_000 {
        store.record_lock(lock(&format!("s{number}"), 1, number + 1), None);
    }
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.restore_locks(now()).unwrap().len(), 3_000);
}

#[test]
fn entry_after_the_end_is_never_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.clone().close();
    let (sender, told) = channel::<Durability>();
    let done = move |durability| sender.send(durability).unwrap();
    store.record_lock(lock("anna", 1, 1), Some(Box::new(done)));
    // Nobody is left who could tell it.
    assert!(told.recv().is_err());
    assert!(matches!(store.put_accounts(&[]), Err(StoreError::Closed)));
}

/// As with a disk that hangs: the server goes on, and nothing is forgotten.
#[test]
fn full_queue_answers_from_memory_and_the_locks_are_written_later() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let (release, held) = channel::<()>();
    let hang = move |_| held.recv().unwrap();
    store.record_lock(lock("hang", 1, 1), Some(Box::new(hang)));
    let (sender, answers) = channel();
    for number in 0..20_000 {
        let sender = sender.clone();
        let done = move |durability| sender.send(durability).unwrap();
        let lock = lock(&format!("s{number}"), 1, number + 1);
        store.record_lock(lock, Some(Box::new(done)));
    }
    let in_memory = answers
        .try_iter()
        .inspect(|&answer| assert_eq!(answer, Durability::MemoryOnly));
    let in_memory = in_memory.count();
    assert!(in_memory > 2_000, "{in_memory}");
    assert!(store.is_dirty(&id("s19999")));

    release.send(()).unwrap();
    wait_until("written", || store.health().locks_waiting == 0);
    assert_eq!(store.restore_locks(now()).unwrap().len(), 20_001);
}

#[test]
fn panicking_callback_does_not_stop_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let panicking = Box::new(|_| panic!("by intention"));
    store.record_lock(lock("anna", 1, 1), Some(panicking));
    assert_eq!(recorded(&store, lock("anna", 2, 2)), Durability::OnDisk);
}

#[test]
fn last_clone_may_be_dropped_by_a_callback() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let (sender, receiver) = channel();
    let clone = store.clone();
    let done = move |_| {
        drop(clone);
        sender.send(()).unwrap();
    };
    store.record_lock(lock("anna", 1, 1), Some(Box::new(done)));
    drop(store);
    receiver.recv_timeout(PATIENCE).unwrap();
    wait_until("the folder is free", || Store::open(dir.path()).is_ok());
}

#[test]
fn folder_is_taken_by_one_at_a_time_and_the_holder_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let error = Store::open(dir.path()).err().unwrap();
    assert!(
        error
            .to_string()
            .contains(&format!("process {}", std::process::id())),
        "{error}"
    );
    store.close();
    Store::open(dir.path()).unwrap();
}

#[test]
fn folder_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Store::open(&file).err().unwrap();
    assert!(matches!(error, StoreError::Folder { .. }));
    assert!(error.to_string().contains(file.to_str().unwrap()));
}

#[test]
fn database_that_is_none_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("portvakt.db"),
        "not a database, whatever it is".repeat(99),
    )
    .unwrap();
    let error = Store::open(dir.path()).err().unwrap();
    assert!(error.to_string().contains("not a database"), "{error}");
}

#[test]
fn database_and_folder_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = Store::open(&data).unwrap();
    recorded(&store, lock("anna", 1, 1));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in [
        "portvakt.db",
        "portvakt.db-wal",
        "portvakt.db-shm",
        "lock",
        "sealing.key",
    ] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
}

/// Run by [`nothing_reported_durable_is_lost_by_a_kill`] in a process of its own; else does nothing.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Ok(dir) = std::env::var("PORTVAKT_STORE_CHILD") else {
        return;
    };
    let prefix = format!("p{}-", std::process::id());
    let store = Store::open(Path::new(&dir)).unwrap();
    for number in 1.. {
        let name = format!("{prefix}{number}");
        let lock = lock(&name, 1, number);
        let done = move |durability| {
            assert_eq!(durability, Durability::OnDisk);
            let mut stdout = std::io::stdout().lock();
            writeln!(stdout, "\ndone {name}").unwrap();
        };
        // A few in flight, so that commits hold several and the kill falls between their steps.
        if number % 8 == 0 {
            let (sender, receiver) = channel();
            let done = move |durability| {
                done(durability);
                sender.send(()).unwrap();
            };
            store.record_lock(lock, Some(Box::new(done)));
            receiver.recv().unwrap();
        } else {
            store.record_lock(lock, Some(Box::new(done)));
        }
    }
}

#[test]
fn nothing_reported_durable_is_lost_by_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let reported = write_and_kill(dir.path(), 50 + 400 * round);
        let store = Store::open(dir.path()).unwrap();
        let locks: std::collections::HashSet<_> = store
            .restore_locks(now())
            .unwrap()
            .into_iter()
            .map(|record| record.id)
            .collect();
        for name in reported {
            assert!(
                locks.contains(&id(&name)),
                "{name} was reported and is gone"
            );
        }
    }
}

/// Starts a writer, kills it after `enough` reports, and returns all that it reported.
fn write_and_kill(dir: &Path, enough: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "store::child_that_writes_until_it_is_killed",
            "--nocapture",
        ])
        .env("PORTVAKT_STORE_CHILD", dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reports = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("done ").map(str::to_owned));
    let mut reported: Vec<_> = reports.by_ref().take(enough).collect();
    child.kill().unwrap();
    reported.extend(reports);
    child.wait().unwrap();
    assert!(reported.len() >= enough, "the writer ended by itself");
    reported
}
