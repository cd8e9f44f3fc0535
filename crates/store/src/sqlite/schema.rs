//! The database's tables, their version, and how a connection is set up.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::locks;
use crate::StoreError;

/// Each entry brings the schema from its index to the next number. Entries are never changed.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE locks (
        account TEXT PRIMARY KEY,
        failures INTEGER NOT NULL,          -- 0 without a lock: cleared
        last_failure_ms INTEGER NOT NULL,   -- milliseconds since 1970, UTC
        locked_until_ms INTEGER,
        revision INTEGER NOT NULL           -- grows with every change; the highest holds
    ) WITHOUT ROWID;
    CREATE TABLE attempts (
        sequence INTEGER PRIMARY KEY,
        time_ms INTEGER NOT NULL,
        account TEXT NOT NULL,
        outcome TEXT NOT NULL,              -- 'accept' or the code of the refusal
        client TEXT NOT NULL,
        service TEXT NOT NULL,
        method TEXT NOT NULL,
        calling_station TEXT,
        operator_name TEXT,
        outer_identity TEXT
    );
    CREATE INDEX attempts_by_account ON attempts (account, time_ms);
    CREATE INDEX attempts_by_time ON attempts (time_ms);
    CREATE TABLE accounts (
        id TEXT PRIMARY KEY,
        revision INTEGER NOT NULL,          -- grows with every write of this row
        body TEXT NOT NULL                  -- Account in JSON
    );
",
    // What `accounts::seal_old` does with the list needs the key.
    "
    ALTER TABLE accounts ADD COLUMN sealed BLOB;    -- NT hashes, CHAP secret; nonce, text, tag
    ALTER TABLE attempts ADD COLUMN detail TEXT;    -- more about the refusal
    CREATE TABLE accounts_to_seal (id TEXT PRIMARY KEY) WITHOUT ROWID;
    INSERT INTO accounts_to_seal SELECT id FROM accounts;
",
];

/// Opens the writer's connection and brings the schema up to date.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    // WAL with FULL syncs the log at every commit: what was committed survives a power cut.
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    // In KiB: the indices of a campus' attempts, of which each note touches another page.
    connection.pragma_update(None, "cache_size", -16_384)?;
    // Else a statement is planned anew for each account that it is run for.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    migrate(&mut connection, MIGRATIONS)?;
    locks::remove_cleared(&connection)?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    for migration in migrations.iter().skip(found as usize) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(connection: &Connection) -> u32 {
        connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn migrations_run_once_each_and_in_order() {
        let mut connection = Connection::open_in_memory().unwrap();
        let first = "CREATE TABLE a (x); INSERT INTO a VALUES (1);";
        migrate(&mut connection, &[first]).unwrap();
        migrate(&mut connection, &[first, "INSERT INTO a VALUES (2);"]).unwrap();
        migrate(&mut connection, &[first, "INSERT INTO a VALUES (2);"]).unwrap();
        let sum: u32 = connection
            .query_row("SELECT sum(x) FROM a", [], |row| row.get(0))
            .unwrap();
        assert_eq!((sum, version(&connection)), (3, 2));
    }

    #[test]
    fn failed_migration_leaves_the_database_as_it_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(migrate(&mut connection, &["CREATE TABLE a (x);", "nonsense"]).is_err());
        assert_eq!(version(&connection), 0);
        assert!(connection.prepare("SELECT * FROM a").is_err());
    }

    #[test]
    fn newer_schema_is_refused_with_both_numbers() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 7).unwrap();
        let error = migrate(&mut connection, &["CREATE TABLE a (x);"]).unwrap_err();
        assert!(matches!(
            error,
            StoreError::NewerSchema { found: 7, known: 1 }
        ));
        assert!(error.to_string().contains("schema 7"));
    }
}
