//! Servers have names, which the database knows.

use portvakt_auth::Now;
use portvakt_store::{
    AttemptStore as _, ChangeStore as _, DataFolder, PostgresError, PostgresSettings,
    PostgresStore, Store as _, StoreError, inspect,
};

use crate::battery::{attempt, id, now, record_attempt, wait_until};
use crate::database;

fn named(dir: &std::path::Path, url: &str, name: &str) -> Result<PostgresStore, StoreError> {
    let settings = PostgresSettings::parse(url).unwrap().with_node(name);
    PostgresStore::connect(DataFolder::take(dir)?, None, settings)
}

#[test]
fn second_server_of_a_name_does_not_start_while_the_first_runs() {
    let url = database();
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = named(one.path(), &url, "radius-1").unwrap();
    let third = tempfile::tempdir().unwrap();
    let _beside = named(third.path(), &url, "radius-2").unwrap();
    match named(other.path(), &url, "radius-1") {
        Err(StoreError::Postgres(PostgresError::NodeNameTaken { name })) => {
            assert_eq!(name, "radius-1");
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it started"),
    }
    drop(first);
    named(other.path(), &url, "radius-1").unwrap();
}

#[test]
fn servers_are_listed_with_version_schema_and_time() {
    let (url, dir) = (database(), tempfile::tempdir().unwrap());
    let before = inspect(PostgresSettings::parse(&url).unwrap()).unwrap();
    assert_eq!((before.schema, before.nodes.len()), (0, 0));
    let _store = named(dir.path(), &url, "radius-1").unwrap();
    let found = inspect(PostgresSettings::parse(&url).unwrap()).unwrap();
    assert_eq!((found.schema, found.is_writable), (found.known, true));
    let [node] = found.nodes.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!((node.name.as_str(), node.schema), ("radius-1", found.known));
    assert!(node.seen_ago_s < 3600, "{node:?}");
    assert!(!found.clock_is_off(), "{found:?}");
}

#[test]
fn attempt_is_listed_with_the_server_that_it_was_made_at() {
    let url = database();
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let a = named(one.path(), &url, "radius-1").unwrap();
    let b = named(other.path(), &url, "radius-2").unwrap();
    record_attempt(&a, &attempt("anna", 1));
    a.last_attempts(&id("anna"), 1).unwrap();
    let seen = b.last_attempts(&id("anna"), 1).unwrap();
    assert_eq!(seen[0].node.as_deref(), Some("radius-1"));
}

/// AC3 stays true: times of locks are the database's.
#[test]
fn clock_that_is_90_seconds_off_is_told_of_and_nothing_fails_by_it() {
    let (url, dir) = (database(), tempfile::tempdir().unwrap());
    let store = named(dir.path(), &url, "radius-1").unwrap();
    let clock = || Now {
        utc: jiff::Timestamp::now() + jiff::SignedDuration::from_secs(90),
        ..now()
    };
    assert!(!store.health().clock_is_off());
    store.listen(Box::new(clock), Box::new(|_| ())).unwrap();
    wait_until("the clock is compared", || store.health().clock_is_off());
    assert!(store.health().is_ok());
}
