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

use std::path::Path;
use std::sync::Mutex;

use battery::sessions::{record, record_session};
use battery::{Open, battery, id, lock, now, recorded, restored, wait_until};
use cluster::Cluster;
use portvakt_accounting::{Newest, Status};
use portvakt_store::{
    AccountingStore as _, DataFolder, Durability, LockStore as _, PostgresError, PostgresSettings,
    PostgresStore, Recorded, Store as _, StoreError,
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
fn second_server_on_one_database_does_not_start() {
    let (dir, url) = (tempfile::tempdir().unwrap(), database());
    let store = open(dir.path(), &url).unwrap();
    assert!(matches!(refusal(&url), PostgresError::InUse { .. }));
    drop(store);
    open(dir.path(), &url).unwrap();
}

/// No lock is lost while the database is away, and no session is told as stored.
#[test]
fn lost_database_answers_from_memory_says_so_and_catches_up() {
    let mut cluster = Cluster::start("--fsync=on");
    let (dir, url) = (tempfile::tempdir().unwrap(), cluster.database());
    let store = open(dir.path(), &url).unwrap();
    assert_eq!(recorded(&store, lock("anna", 1, 1)), Durability::OnDisk);
    cluster.crash();
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
    let tables = cluster.sql(name, "SELECT count(*) FROM portvakt_schema");
    assert_eq!(tables, "2");
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
