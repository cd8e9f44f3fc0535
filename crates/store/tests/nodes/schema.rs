//! Servers of several versions on one database.

use std::sync::Arc;

use portvakt_auth::account::{Account, Kind};
use portvakt_store::{PostgresError, PostgresSettings, StoreError, inspect, migrate};

use crate::battery::id;
use crate::battery::taking::Told;
use crate::{database, open, refusal, shared_sql};

fn settings(url: &str) -> PostgresSettings {
    PostgresSettings::parse(url).unwrap()
}

/// A database with the schema of a later version, for programs that know so many migrations.
fn later(readable_by: u32, writable_by: u32) -> String {
    let url = database();
    migrate(settings(&url)).unwrap();
    shared_sql(
        &url,
        &format!(
            "ALTER TABLE locks ADD COLUMN later TEXT DEFAULT 'x';
             CREATE TABLE later (id TEXT PRIMARY KEY);
             INSERT INTO portvakt_schema (version, readable_by, writable_by)
             VALUES (99, {readable_by}, {writable_by})"
        ),
    );
    url
}

#[test]
fn migrating_says_from_where_to_where_and_does_nothing_twice() {
    let url = database();
    let (before, now) = migrate(settings(&url)).unwrap();
    assert!(before == 0 && now > 0);
    assert_eq!(migrate(settings(&url)).unwrap(), (now, now));
}

#[test]
fn servers_that_start_at_once_on_an_empty_database_all_start() {
    let url = database();
    let threads: Vec<_> = std::thread::scope(|scope| {
        let start = || scope.spawn(|| migrate(settings(&url)).unwrap().1);
        let threads: Vec<_> = (0..4).map(|_| start()).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(threads.iter().all(|version| *version == threads[0]));
}

/// While one server after the other is upgraded.
#[test]
fn schema_of_a_newer_version_that_only_adds_is_written_beside() {
    let url = later(1, 3);
    let dir = tempfile::tempdir().unwrap();
    let node = super::node(dir.path(), &url);
    for tag in 0..6 {
        assert_eq!(node.wrong("anna", tag), Told::Wrong);
    }
    assert_eq!(node.right("anna"), Told::Locked);
    let account = Account::new(id("kari"), Kind::Student);
    node.store.put_accounts(&[Arc::new(account)]).unwrap();
    assert!(inspect(settings(&url)).unwrap().is_writable);
}

#[test]
fn schema_that_this_version_cannot_write_is_refused_and_left_alone() {
    let url = later(1, 99);
    let dir = tempfile::tempdir().unwrap();
    let refused = open(dir.path(), &url).err().expect("it does not start");
    assert!(
        matches!(refused, StoreError::NewerSchema { found: 99, known } if known < 99),
        "{refused}"
    );
    let found = inspect(settings(&url)).unwrap();
    assert_eq!((found.schema, found.is_writable), (99, false));
    assert_eq!(shared_sql(&url, "SELECT count(*) FROM nodes"), "0");
}

#[test]
fn schema_that_this_version_cannot_read_is_not_looked_into() {
    let url = later(99, 99);
    let refused = inspect(settings(&url)).unwrap_err();
    assert!(
        matches!(refused, StoreError::NewerSchema { found: 99, .. }),
        "{refused}"
    );
}

/// Version 3 counts failures in another way than those before it.
#[test]
fn servers_that_could_not_go_on_are_named_before_anything_is_changed() {
    let url = later(1, 1);
    shared_sql(
        &url,
        "DELETE FROM portvakt_schema WHERE version >= 3;
         INSERT INTO nodes SELECT 'radius-1', 'x', '0.0.9', 2, now(), clock_timestamp(), 0",
    );
    match migrate(settings(&url)).unwrap_err() {
        StoreError::OlderServers { names, .. } => assert_eq!(names, "radius-1"),
        other => panic!("{other}"),
    }
    let version = "SELECT max(version) FROM portvakt_schema";
    assert_eq!(shared_sql(&url, version), "2");
}

#[test]
fn database_that_takes_no_writes_is_named_as_such() {
    let url = database();
    shared_sql(
        &url,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on',
         current_database()); END $$",
    );
    assert!(matches!(refusal(&url), PostgresError::ReadOnly { .. }));
}
