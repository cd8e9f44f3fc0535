//! PostgreSQL: the battery on a real server, and what differs from a disk of one's own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics"
)]

mod battery;
mod cluster;
mod nodes;

use std::path::Path;
use std::sync::Mutex;

use battery::sessions::{all, framed, of_account, record, record_session};
use battery::{
    Open, attempt, battery, id, lock, now, record_attempt, recorded, restored, wait_until,
};
use cluster::Cluster;
use portvakt_accounting::{Newest, Status};
use portvakt_store::{
    AccountingStore as _, AttemptStore as _, CopyTo, DataFolder, Durability, LockStore as _,
    PostgresError, PostgresSettings, PostgresStore, Recorded, SqliteStore, Store as _, StoreError,
    copy,
};

fn open(dir: &Path, url: &str) -> Result<PostgresStore, StoreError> {
    let settings = PostgresSettings::parse(url).unwrap();
    PostgresStore::connect(DataFolder::take(dir)?, None, settings)
}

/// The server that the cases share; each has a database of its own.
static SHARED: Mutex<Option<Cluster>> = Mutex::new(None);

/// The URL of a new database on the shared server.
fn database() -> String {
    let mut shared = SHARED.lock().unwrap();
    let shared = shared.get_or_insert_with(|| Cluster::start("--fsync=on"));
    shared.database()
}

/// Runs SQL in a database of the shared server.
fn shared_sql(url: &str, sql: &str) -> String {
    let shared = SHARED.lock().unwrap();
    shared.as_ref().unwrap().sql(name(url), sql)
}

/// Runs `case` beside a session in a database of the shared server.
fn with_session(url: &str, case: impl FnOnce(&mut cluster::SqlSession)) {
    let mut session = {
        let shared = SHARED.lock().unwrap();
        shared.as_ref().unwrap().session(name(url))
    };
    case(&mut session);
}

fn name(url: &str) -> &str {
    url.rsplit_once('/').unwrap().1
}

fn run(case: fn(Open<'_>)) {
    let (dir, url) = (tempfile::tempdir().unwrap(), database());
    case(&|| Box::new(open(dir.path(), &url).unwrap()));
}

battery!(run);

fn refusal(url: &str) -> PostgresError {
    let dir = tempfile::tempdir().unwrap();
    match open(dir.path(), url) {
        Err(StoreError::Postgres(error)) => error,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it opened"),
    }
}

#[test]
fn servers_share_a_database_and_a_copy_has_it_alone() {
    let (dir, other, url) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        database(),
    );
    let first = open(dir.path(), &url).unwrap();
    let second = open(other.path(), &url).unwrap();
    let refused = || {
        let folder = tempfile::tempdir().unwrap();
        let folder = DataFolder::take(folder.path()).unwrap();
        let settings = PostgresSettings::parse(&url).unwrap();
        copy(
            &folder,
            None,
            settings,
            CopyTo::Postgres,
            false,
            &mut |_| (),
        )
    };
    let is_in_use =
        |error: &StoreError| matches!(error, StoreError::Postgres(PostgresError::InUse { .. }));
    assert!(is_in_use(&refused().unwrap_err()));
    drop((first, second));
    refused().unwrap();
}

/// Two servers with the same journal would take one another's entries for merged.
#[test]
fn server_with_a_copied_data_folder_does_not_start() {
    let (dir, copied, url) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        database(),
    );
    drop(open(dir.path(), &url).unwrap());
    let journal = "journal.db";
    std::fs::copy(dir.path().join(journal), copied.path().join(journal)).unwrap();
    let _first = open(dir.path(), &url).unwrap();
    assert!(matches!(
        open(copied.path(), &url).err(),
        Some(StoreError::Postgres(PostgresError::SameJournal { .. }))
    ));
}

/// No lock is lost while the database is away, and no session is told as stored.
#[test]
fn lost_database_answers_from_memory_says_so_and_catches_up() {
    let mut cluster = Cluster::start("--fsync=on");
    let (dir, url) = (tempfile::tempdir().unwrap(), cluster.database());
    let store = open(dir.path(), &url).unwrap();
    assert_eq!(recorded(&store, lock("anna", 1, 1)), Durability::OnDisk);
    cluster.crash();
    wait_until("told without any work", || !store.health().is_ok());
    assert_eq!(recorded(&store, lock("anna", 2, 2)), Durability::MemoryOnly);
    assert_eq!(recorded(&store, lock("anna", 3, 3)), Durability::MemoryOnly);
    let start = record("a", Status::Start, 0);
    assert_eq!(record_session(&store, start.clone()), Recorded::NotStored);
    assert!(store.live().is_empty());
    let health = store.health();
    assert!(!health.is_ok() && health.locks_waiting == 1);
    assert!(store.is_dirty(&id("anna")));
    assert!(store.restore_locks(now()).is_err());

    cluster.restart();
    wait_until("caught up", || store.health().is_ok());
    wait_until("readable", || store.restore_locks(now()).is_ok());
    assert_eq!(restored(&store, "anna").unwrap().failures, 3);
    assert_eq!(recorded(&store, lock("anna", 4, 4)), Durability::OnDisk);
    assert!(matches!(record_session(&store, start), Recorded::OnDisk(_)));
}

#[test]
fn database_that_is_not_fit_is_refused_with_its_reason() {
    let cluster = Cluster::start("--fsync=off");
    let url = cluster.database();
    let error = refusal(&url);
    assert!(
        matches!(
            error,
            PostgresError::Setting {
                setting: "fsync",
                ..
            }
        ),
        "{error}"
    );
    let error = refusal(&cluster.url("portvakt", "missing"));
    assert!(matches!(error, PostgresError::NoDatabase { .. }), "{error}");
    let error = refusal(&cluster.url("nobody", "postgres"));
    assert!(matches!(error, PostgresError::LogOn { .. }), "{error}");
    drop(cluster);
    let error = refusal(&url);
    assert!(
        matches!(error, PostgresError::Unreachable { .. }),
        "{error}"
    );
}

#[test]
fn user_without_rights_and_newer_schema_are_refused() {
    let cluster = Cluster::start("--fsync=on");
    let url = cluster.database();
    let name = url.rsplit('/').next().unwrap();
    cluster.sql(
        name,
        "CREATE ROLE guest LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    );
    let error = refused_store(&cluster.url("guest", name));
    assert!(error.to_string().contains("permission denied"), "{error}");

    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), &url).unwrap());
    cluster.sql(name, "INSERT INTO portvakt_schema (version) VALUES (99)");
    let error = refused_store(&url);
    assert!(
        matches!(error, StoreError::NewerSchema { found: 99, .. }),
        "{error}"
    );
    let newest = cluster.sql(name, "SELECT max(version) FROM portvakt_schema");
    assert_eq!(newest, "99");
}

fn refused_store(url: &str) -> StoreError {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), url).err().unwrap()
}

/// A NUL, which PostgreSQL stores in no text, must not stop the locks of the same commit.
#[test]
fn nul_in_a_text_of_a_nas_is_stored_as_a_replacement() {
    let (dir, url) = (tempfile::tempdir().unwrap(), database());
    let store = open(dir.path(), &url).unwrap();
    let mut start = record("a\0b", Status::Start, 0);
    start.facts.user_name = Newest::told(Some("an\0na".into()), start.event);
    assert!(matches!(
        record_session(&store, start.clone()),
        Recorded::OnDisk(_)
    ));
    assert!(matches!(record_session(&store, start), Recorded::OnDisk(_)));
    assert_eq!(recorded(&store, lock("anna", 1, 1)), Durability::OnDisk);
    assert!(store.health().is_ok());
    store.close();
    assert_eq!(store.live().len(), 1);
}

#[test]
fn copy_there_and_back_keeps_every_row() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let settings = PostgresSettings::parse(&database()).unwrap();
    let take = |dir: &tempfile::TempDir| DataFolder::take(dir.path()).unwrap();
    let store = SqliteStore::open(take(&dir), None).unwrap();
    let start = framed(
        record("a", Status::Start, 0),
        &["192.0.2.7/32", "2001:db8:1::/64"],
    );
    record_session(&store, of_account(start, "anna"));
    for number in 0..5_000 {
        store.record_lock(lock(&format!("s{number}"), 3, number + 1), None);
    }
    record_attempt(&store, &attempt("anna", 1));
    record_attempt(&store, &attempt("anna", 2));
    let (sessions, attempts) = (all(&store), store.last_attempts(&id("anna"), 9).unwrap());
    assert_eq!((sessions.len(), attempts.len()), (1, 2));
    drop(store);

    let mut steps = 0;
    let mut to = |dir: &tempfile::TempDir, to, replace| {
        let settings = settings.clone();
        copy(&take(dir), None, settings, to, replace, &mut |_| steps += 1)
    };
    to(&dir, CopyTo::Postgres, false).unwrap();
    let refused = to(&dir, CopyTo::Postgres, false).unwrap_err();
    assert!(matches!(
        refused,
        StoreError::NotEmpty {
            table: "locks",
            rows: 5_000
        }
    ));
    to(&dir, CopyTo::Postgres, true).unwrap();
    to(&other, CopyTo::Sqlite, false).unwrap();
    assert!(steps > 5);
    let copied = SqliteStore::open(take(&other), None).unwrap();
    assert_eq!(all(&copied), sessions);
    assert_eq!(copied.last_attempts(&id("anna"), 9).unwrap(), attempts);
    assert_eq!(copied.restore_locks(now()).unwrap().len(), 5_000);
    assert_eq!(restored(&copied, "s4999").unwrap().revision, 5_000);
}
