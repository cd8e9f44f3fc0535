//! The database's tables, their version, and how a connection is set up.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::SqliteConnection;
use crate::StoreError;
use crate::tables::locks;

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
    "
    CREATE TABLE sessions (
        id INTEGER PRIMARY KEY,             -- never used again
        client TEXT NOT NULL,               -- the RADIUS client's name in the configuration
        nas TEXT NOT NULL,                  -- NAS-Identifier, else an address
        session TEXT NOT NULL,              -- Acct-Session-Id
        account TEXT,                       -- joined with a log-on
        device TEXT,                        -- MAC address, 02-00-00-AA-BB-CC
        start_ms INTEGER NOT NULL,          -- milliseconds since 1970, UTC, as all times here
        end_ms INTEGER,                     -- NULL while it lives
        joined_by TEXT,                     -- 'class' or 'log-on'
        logged_on_ms INTEGER,
        begun_ms INTEGER,                   -- the Start: when, Event-Timestamp, User-Name
        begun_stamp INTEGER,
        begun_user TEXT,
        reckoned_ms INTEGER,                -- the beginning by Acct-Session-Time
        first_ms INTEGER,                   -- the first and the last moment that a record told of
        last_ms INTEGER,
        reports INTEGER,                    -- 1 once an Interim-Update came
        stopped_ms INTEGER,                 -- the Stop, and Acct-Terminate-Cause
        stop_cause INTEGER,
        closed_ms INTEGER,                  -- an end that was concluded, and from what
        closed_by TEXT,
        source TEXT,                        -- address and port of the NAS
        nas_address TEXT,
        nas_identifier TEXT,
        nas_port INTEGER,
        nas_port_id TEXT,
        user_name TEXT,
        calling_station TEXT,
        called_station TEXT,
        multi_session TEXT,
        audit_session TEXT,
        chargeable_user TEXT,
        service TEXT,
        addresses_ms INTEGER,               -- the last record with an address
        session_time_s INTEGER,
        input_octets INTEGER,               -- 64 bits; from the user
        output_octets INTEGER,
        input_packets INTEGER,
        output_packets INTEGER
    );
    CREATE INDEX sessions_by_name ON sessions (session, nas, client);
    CREATE INDEX sessions_by_account ON sessions (account, start_ms) WHERE account IS NOT NULL;
    CREATE INDEX sessions_by_device ON sessions (device, start_ms) WHERE device IS NOT NULL;
    CREATE INDEX sessions_by_start ON sessions (start_ms);
    CREATE INDEX sessions_by_end ON sessions (end_ms) WHERE end_ms IS NOT NULL;
    CREATE INDEX live_sessions ON sessions (client, nas) WHERE end_ms IS NULL;
    CREATE TABLE session_addresses (
        session INTEGER NOT NULL,
        address TEXT NOT NULL,              -- 192.0.2.7/32, 2001:db8::/64
        first_ms INTEGER NOT NULL,          -- the first and the last record that told it
        last_ms INTEGER,                    -- NULL: the last record with an address
        PRIMARY KEY (session, address)
    ) WITHOUT ROWID;
    CREATE INDEX sessions_by_address ON session_addresses (address, session);
",
    "
    ALTER TABLE attempts ADD COLUMN symptom TEXT;           -- code of a Symptom
    ALTER TABLE attempts ADD COLUMN nas_identifier TEXT;
    CREATE TABLE unattributed_attempts (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        time_ms INTEGER NOT NULL,
        name_key TEXT,                      -- names that look alike have the same
        device_key TEXT,
        name TEXT NOT NULL,                 -- as it was sent
        outcome TEXT NOT NULL,
        symptom TEXT,
        client TEXT NOT NULL,
        service TEXT NOT NULL,
        method TEXT NOT NULL,
        calling_station TEXT,
        nas_identifier TEXT,
        operator_name TEXT,
        detail TEXT
    );
    CREATE INDEX unattributed_by_name ON unattributed_attempts (name_key, time_ms)
        WHERE name_key IS NOT NULL;
    CREATE INDEX unattributed_by_device ON unattributed_attempts (device_key, time_ms)
        WHERE device_key IS NOT NULL;
    CREATE INDEX unattributed_by_time ON unattributed_attempts (time_ms);
",
    "
    CREATE TABLE tls_sessions (             -- that devices may resume
        id BLOB PRIMARY KEY,                -- known to all who overhear the device
        account TEXT NOT NULL,
        device BLOB NOT NULL,               -- empty where it is unknown
        expires_s INTEGER NOT NULL,         -- seconds since 1970, UTC
        sealed BLOB NOT NULL                -- under a ticket key; secrets of TLS, account, method
    ) WITHOUT ROWID;
    CREATE INDEX tls_sessions_by_account ON tls_sessions (account, device, expires_s);
    CREATE INDEX tls_sessions_by_end ON tls_sessions (expires_s);
    CREATE TABLE ticket_keys (
        slot INTEGER PRIMARY KEY,           -- eight hours each since 1970
        sealed BLOB NOT NULL                -- under the sealing key
    );
",
    "
    CREATE TABLE registry_imports (         -- files of the student registry
        id INTEGER PRIMARY KEY,
        digest TEXT NOT NULL,               -- SHA-256 of the file, hexadecimal
        file TEXT NOT NULL,
        is_full INTEGER NOT NULL,
        row_count INTEGER NOT NULL,
        produced_ms INTEGER NOT NULL,       -- time of the facts
        has_trailer INTEGER NOT NULL,       -- whether the file told that time
        taken_ms INTEGER NOT NULL,
        taken_by TEXT NOT NULL,
        locks INTEGER NOT NULL,             -- the effect
        unlocks INTEGER NOT NULL,
        vanished INTEGER NOT NULL,
        mobiles INTEGER NOT NULL,
        state TEXT NOT NULL,                -- staging, held, applied, undone, dropped, settled
        turn INTEGER,                       -- the order in which imports came into force
        applied_ms INTEGER,
        by_approval INTEGER NOT NULL,
        undone_ms INTEGER,
        undone_by TEXT
    );
    CREATE TABLE registry_approvals (
        import INTEGER NOT NULL,
        who TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        PRIMARY KEY (import, who)
    ) WITHOUT ROWID;
    CREATE TABLE registry_statements (      -- rows of files that changed something
        import INTEGER NOT NULL,
        person TEXT NOT NULL,               -- the key that accounts are joined by
        body TEXT NOT NULL,                 -- Statement in JSON
        PRIMARY KEY (import, person)
    ) WITHOUT ROWID;
    CREATE TABLE registry_persons (         -- folded from imports that are settled
        person TEXT PRIMARY KEY,
        body TEXT NOT NULL                  -- Person in JSON
    ) WITHOUT ROWID;
    CREATE TABLE registry_version (version INTEGER NOT NULL);   -- one row
    INSERT INTO registry_version (version) VALUES (0);
    CREATE TABLE exemptions (               -- from fee and registration
        account TEXT PRIMARY KEY,
        until_ms INTEGER NOT NULL,
        reason TEXT NOT NULL,
        made_by TEXT NOT NULL,
        made_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
",
    "
    CREATE TABLE openings (
        account TEXT NOT NULL,
        kind TEXT NOT NULL,                 -- 'message', 'support' or 'proof'
        revision INTEGER NOT NULL,          -- grows with every change; compared and set
        ends_ms INTEGER NOT NULL,
        body TEXT NOT NULL,                 -- Opening in JSON, with the hash of its code
        PRIMARY KEY (account, kind)
    );
    CREATE TABLE messages (
        reference TEXT PRIMARY KEY,
        at_ms INTEGER NOT NULL,
        account TEXT NOT NULL,
        kind TEXT NOT NULL,                 -- as in openings
        number TEXT NOT NULL,               -- E.164
        source TEXT,                        -- the address that asked
        gateway TEXT NOT NULL,
        state TEXT NOT NULL,
        rank INTEGER NOT NULL,              -- of the state: it only grows
        state_ms INTEGER NOT NULL,
        fault TEXT,
        gateway_reference TEXT
    );
    CREATE INDEX messages_by_time ON messages (at_ms);
    CREATE TABLE mobiles (
        account TEXT PRIMARY KEY,
        number TEXT NOT NULL,               -- E.164, as it was seen last
        since_ms INTEGER                    -- NULL: the first one that was seen
    );
    CREATE TABLE message_switch (
        id INTEGER PRIMARY KEY,             -- 1
        off_by TEXT NOT NULL                -- a row while messages are switched off
    );
",
    "ALTER TABLE attempts ADD COLUMN node TEXT;  -- the server it was made at, where there are several
",
];

/// Opens the writer's connection and brings the schema up to date.
pub(super) fn open(path: &Path) -> Result<SqliteConnection, StoreError> {
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
    let mut connection = SqliteConnection(connection);
    locks::remove_cleared(&mut connection)?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<SqliteConnection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(SqliteConnection(connection))
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
