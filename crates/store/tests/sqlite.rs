//! SQLite on a real disk: the battery, a disk that refuses, a kill, and databases of before.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics"
)]

mod battery;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::channel;

use battery::sessions::{record, record_session};
use battery::{
    Open, PATIENCE, attempt, battery, id, lock, now, record_attempt, recorded, restored, time,
    wait_until,
};
use portvakt_accounting::Status;
use portvakt_auth::account::{Account, Kind};
use portvakt_auth::lock::StoredLock;
use portvakt_store::{
    AccountStore as _, AccountingStore as _, AttemptStore as _, DataFolder, Durability,
    LockStore as _, Recorded, SqliteStore, Store as _, StoreError,
};

fn open(dir: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(DataFolder::take(dir)?, None)
}

fn run(case: fn(Open<'_>)) {
    let dir = tempfile::tempdir().unwrap();
    case(&|| Box::new(open(dir.path()).unwrap()));
}

battery!(run);

#[test]
fn locks_outlive_the_process_with_their_times_and_revision() {
    let dir = tempfile::tempdir().unwrap();
    let open = || open(dir.path()).unwrap();
    let store = open();
    let until = time(1800);
    let six = StoredLock {
        locked_until: Some(until),
        ..lock("anna", 6, 41)
    };
    assert_eq!(recorded(&store, six.clone()), Durability::OnDisk);
    store.close();
    let store = open();
    assert_eq!(store.restore_locks(now()).unwrap(), [six.record(now())]);
}

#[test]
fn later_change_holds_whatever_the_order_they_arrive_in() {
    let dir = tempfile::tempdir().unwrap();
    let open = || open(dir.path()).unwrap();
    let store = open();
    recorded(&store, lock("anna", 2, 8));
    assert_eq!(recorded(&store, lock("anna", 1, 7)), Durability::OnDisk);
    assert_eq!(restored(&store, "anna").unwrap().failures, 2);
}

#[test]
fn cleared_lock_yields_only_to_a_later_failure_and_is_gone_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let open = || open(dir.path()).unwrap();
    let store = open();
    recorded(&store, lock("anna", 0, 9));
    recorded(&store, lock("anna", 5, 8));
    assert_eq!(restored(&store, "anna").unwrap().failures, 0);
    store.close();
    let store = open();
    assert_eq!(restored(&store, "anna"), None);
}

/// Lets the database grow no further and writes until it says so.
fn fill(store: &SqliteStore) -> u64 {
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
fn full_disk_answers_from_memory_says_so_and_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
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
    let store = open(dir.path()).unwrap();
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
    assert_eq!(store.last_attempts(&id("s70000"), 1).unwrap().len(), 1);
}

/// Nothing of a record that is not on disk is in memory either, and its NAS may send it again.
#[test]
fn record_on_a_full_disk_is_not_stored_and_can_be_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    fill(&store);
    let start = || record("a", Status::Start, 0);
    assert_eq!(record_session(&store, start()), Recorded::NotStored);
    assert!(store.live().is_empty());
    store.limit_pages(100_000);
    wait_until("caught up", || store.health().is_ok());
    let stored = record_session(&store, start());
    assert!(matches!(stored, Recorded::OnDisk(changes) if changes.len() == 1));
    assert_eq!(store.live().len(), 1);
    store.close();
    assert_eq!(record_session(&store, start()), Recorded::NotStored);
}

#[test]
fn accounts_are_refused_while_the_disk_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    fill(&store);
    let accounts: Vec<_> = (0..100)
        .map(|number| Account::new(id(&format!("s{number}")), Kind::Guest).into())
        .collect();
    assert!(matches!(
        store.put_accounts(&accounts),
        Err(StoreError::Database(_))
    ));
    let mut found = 0;
    store.accounts(&mut |_| found += 1).unwrap();
    assert_eq!(found, 0);
}

#[test]
fn entry_after_the_end_is_never_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    store.close();
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
    let store = open(dir.path()).unwrap();
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
fn last_owner_may_be_dropped_by_a_callback() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(dir.path()).unwrap());
    let (sender, receiver) = channel();
    let clone = Arc::clone(&store);
    let done = move |_| {
        drop(clone);
        sender.send(()).unwrap();
    };
    store.record_lock(lock("anna", 1, 1), Some(Box::new(done)));
    drop(store);
    receiver.recv_timeout(PATIENCE).unwrap();
    wait_until("the folder is free", || open(dir.path()).is_ok());
}

#[test]
fn folder_is_taken_by_one_at_a_time_and_the_holder_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let error = open(dir.path()).err().unwrap();
    assert!(
        error
            .to_string()
            .contains(&format!("process {}", std::process::id())),
        "{error}"
    );
    store.close();
    open(dir.path()).unwrap();
}

#[test]
fn folder_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = open(&file).err().unwrap();
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
    let error = open(dir.path()).err().unwrap();
    assert!(error.to_string().contains("not a database"), "{error}");
}

#[test]
fn database_and_folder_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = open(&data).unwrap();
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
    let store = open(Path::new(&dir)).unwrap();
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
        let store = open(dir.path()).unwrap();
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
            "child_that_writes_until_it_is_killed",
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

/// A database of schema 2, as earlier versions made it.
#[test]
fn database_of_an_earlier_schema_opens_with_all_that_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let database = rusqlite::Connection::open(dir.path().join("portvakt.db")).unwrap();
    database
        .execute_batch(include_str!("schema-2.sql"))
        .unwrap();
    drop(database);
    let store = open(dir.path()).unwrap();
    let anna = restored(&store, "anna").unwrap();
    assert_eq!((anna.failures, anna.revision), (2, 8));
    assert_eq!(restored(&store, "bo"), None);
    let attempts = store.last_attempts(&id("anna"), 9).unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].detail.as_deref(), Some("More about it."));
    let mut accounts = Vec::new();
    store
        .accounts(&mut |account| accounts.push(account))
        .unwrap();
    let names: Vec<_> = accounts
        .iter()
        .map(|account| (&account.id, &account.aliases))
        .collect();
    assert_eq!(names, [(&id("anna"), &vec!["s100001".to_owned()])]);
}
