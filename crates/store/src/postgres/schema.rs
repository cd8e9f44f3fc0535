//! The tables of PostgreSQL and their version.

use super::PostgresConnection;
use crate::StoreError;
use crate::sql::{SqlError, rows};

/// Each entry brings the schema from its index to the next number. Entries are never changed, and
/// none removes what the version before reads.
pub(super) const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE locks (
        account TEXT PRIMARY KEY,
        failures BIGINT NOT NULL,           -- 0 without a lock: cleared
        last_failure_ms BIGINT NOT NULL,    -- milliseconds since 1970, UTC, as all times here
        locked_until_ms BIGINT,
        revision BIGINT NOT NULL            -- grows with every change; the highest holds
    );
    CREATE TABLE attempts (
        sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        time_ms BIGINT NOT NULL,
        account TEXT NOT NULL,
        outcome TEXT NOT NULL,              -- 'accept' or the code of the refusal
        client TEXT NOT NULL,
        service TEXT NOT NULL,
        method TEXT NOT NULL,
        calling_station TEXT,
        operator_name TEXT,
        outer_identity TEXT,
        detail TEXT                         -- more about the refusal
    );
    CREATE INDEX attempts_by_account ON attempts (account, time_ms);
    CREATE INDEX attempts_by_time ON attempts (time_ms);
    CREATE TABLE accounts (
        id TEXT PRIMARY KEY,
        revision BIGINT NOT NULL,           -- grows with every write of this row
        body TEXT NOT NULL,                 -- Account in JSON
        sealed BYTEA                        -- NT hashes, CHAP secret; nonce, text, tag
    );
    CREATE TABLE sessions (                 -- columns as in sqlite/schema.rs
        id BIGINT PRIMARY KEY,
        client TEXT NOT NULL,
        nas TEXT NOT NULL,
        session TEXT NOT NULL,
        account TEXT,
        device TEXT,
        start_ms BIGINT NOT NULL,
        end_ms BIGINT,
        joined_by TEXT,
        logged_on_ms BIGINT,
        begun_ms BIGINT,
        begun_stamp BIGINT,
        begun_user TEXT,
        reckoned_ms BIGINT,
        first_ms BIGINT,
        last_ms BIGINT,
        reports BIGINT,
        stopped_ms BIGINT,
        stop_cause BIGINT,
        closed_ms BIGINT,
        closed_by TEXT,
        source TEXT,
        nas_address TEXT,
        nas_identifier TEXT,
        nas_port BIGINT,
        nas_port_id TEXT,
        user_name TEXT,
        calling_station TEXT,
        called_station TEXT,
        multi_session TEXT,
        audit_session TEXT,
        chargeable_user TEXT,
        service TEXT,
        addresses_ms BIGINT,
        session_time_s BIGINT,
        input_octets BIGINT,
        output_octets BIGINT,
        input_packets BIGINT,
        output_packets BIGINT
    );
    CREATE INDEX sessions_by_name ON sessions (session, nas, client);
    CREATE INDEX sessions_by_account ON sessions (account, start_ms) WHERE account IS NOT NULL;
    CREATE INDEX sessions_by_device ON sessions (device, start_ms) WHERE device IS NOT NULL;
    CREATE INDEX sessions_by_start ON sessions (start_ms);
    CREATE INDEX sessions_by_end ON sessions (end_ms) WHERE end_ms IS NOT NULL;
    CREATE INDEX live_sessions ON sessions (client, nas) WHERE end_ms IS NULL;
    CREATE TABLE session_addresses (
        session BIGINT NOT NULL,
        address TEXT NOT NULL,
        first_ms BIGINT NOT NULL,
        last_ms BIGINT,
        PRIMARY KEY (session, address)
    );
    CREATE INDEX sessions_by_address ON session_addresses (address, session);
",
    "
    ALTER TABLE attempts ADD COLUMN symptom TEXT;
    ALTER TABLE attempts ADD COLUMN nas_identifier TEXT;
    CREATE TABLE unattributed_attempts (    -- columns as in sqlite/schema.rs
        sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        time_ms BIGINT NOT NULL,
        name_key TEXT,
        device_key TEXT,
        name TEXT NOT NULL,
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
    // Several servers count the same failures.
    "
    CREATE SEQUENCE lock_revisions START 1099511627776; -- above all that a single server counted
    ALTER TABLE locks ADD COLUMN changed_by BIGINT;     -- the statement that changed the row last
    CREATE TABLE journal_merged (
        journal TEXT PRIMARY KEY,           -- of a server that was without the database
        number BIGINT NOT NULL,             -- its last entry that is in the table of locks
        at TIMESTAMPTZ NOT NULL DEFAULT now()
    );
",
    "
    CREATE TABLE tls_sessions (             -- columns as in sqlite/schema.rs
        id BYTEA PRIMARY KEY,
        account TEXT NOT NULL,
        device BYTEA NOT NULL,
        expires_s BIGINT NOT NULL,
        sealed BYTEA NOT NULL
    );
    CREATE INDEX tls_sessions_by_account ON tls_sessions (account, device, expires_s);
    CREATE INDEX tls_sessions_by_end ON tls_sessions (expires_s);
    CREATE TABLE ticket_keys (
        slot BIGINT PRIMARY KEY,
        sealed BYTEA NOT NULL
    );
",
    "
    CREATE TABLE registry_imports (         -- files of the student registry
        id BIGINT PRIMARY KEY,
        digest TEXT NOT NULL,               -- SHA-256 of the file, hexadecimal
        file TEXT NOT NULL,
        is_full BIGINT NOT NULL,
        row_count BIGINT NOT NULL,
        produced_ms BIGINT NOT NULL,       -- time of the facts
        has_trailer BIGINT NOT NULL,       -- whether the file told that time
        taken_ms BIGINT NOT NULL,
        taken_by TEXT NOT NULL,
        locks BIGINT NOT NULL,             -- the effect
        unlocks BIGINT NOT NULL,
        vanished BIGINT NOT NULL,
        mobiles BIGINT NOT NULL,
        state TEXT NOT NULL,                -- staging, held, applied, undone, dropped, settled
        turn BIGINT,                       -- the order in which imports came into force
        applied_ms BIGINT,
        by_approval BIGINT NOT NULL,
        undone_ms BIGINT,
        undone_by TEXT
    );
    CREATE TABLE registry_approvals (
        import BIGINT NOT NULL,
        who TEXT NOT NULL,
        at_ms BIGINT NOT NULL,
        PRIMARY KEY (import, who)
    );
    CREATE TABLE registry_statements (      -- rows of files that changed something
        import BIGINT NOT NULL,
        person TEXT NOT NULL,               -- the key that accounts are joined by
        body TEXT NOT NULL,                 -- Statement in JSON
        PRIMARY KEY (import, person)
    );
    CREATE TABLE registry_persons (         -- folded from imports that are settled
        person TEXT PRIMARY KEY,
        body TEXT NOT NULL                  -- Person in JSON
    );
    CREATE TABLE registry_version (version BIGINT NOT NULL);   -- one row
    INSERT INTO registry_version (version) VALUES (0);
    CREATE TABLE exemptions (               -- from fee and registration
        account TEXT PRIMARY KEY,
        until_ms BIGINT NOT NULL,
        reason TEXT NOT NULL,
        made_by TEXT NOT NULL,
        made_ms BIGINT NOT NULL
    );
",
    "
    CREATE TABLE openings (
        account TEXT NOT NULL,
        kind TEXT NOT NULL,                 -- 'message', 'support' or 'proof'
        revision BIGINT NOT NULL,          -- grows with every change; compared and set
        ends_ms BIGINT NOT NULL,
        body TEXT NOT NULL,                 -- Opening in JSON, with the hash of its code
        PRIMARY KEY (account, kind)
    );
    CREATE TABLE messages (
        reference TEXT PRIMARY KEY,
        at_ms BIGINT NOT NULL,
        account TEXT NOT NULL,
        kind TEXT NOT NULL,                 -- as in openings
        number TEXT NOT NULL,               -- E.164
        source TEXT,                        -- the address that asked
        gateway TEXT NOT NULL,
        state TEXT NOT NULL,
        rank BIGINT NOT NULL,              -- of the state: it only grows
        state_ms BIGINT NOT NULL,
        fault TEXT,
        gateway_reference TEXT
    );
    CREATE INDEX messages_by_time ON messages (at_ms);
    CREATE TABLE mobiles (
        account TEXT PRIMARY KEY,
        number TEXT NOT NULL,               -- E.164, as it was seen last
        since_ms BIGINT                    -- NULL: the first one that was seen
    );
    CREATE TABLE message_switch (
        id BIGINT PRIMARY KEY,             -- 1
        off_by TEXT NOT NULL                -- a row while messages are switched off
    );
",
];

/// Brings the schema up to date; refuses one of a newer version. A user that may only read and
/// write rows is enough where nothing is to be done.
pub(super) fn migrate(
    connection: &mut PostgresConnection,
    migrations: &[&str],
) -> Result<(), StoreError> {
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    let found = version(connection)?;
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    for (number, migration) in (1u32..).zip(migrations).skip(found as usize) {
        connection.script(step(number, migration))?;
    }
    Ok(())
}

/// A migration and its number, both or none. The server runs a script as one transaction.
fn step(number: u32, migration: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS portvakt_schema (
             version BIGINT PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT now());
         {migration};
         INSERT INTO portvakt_schema (version) VALUES ({number});"
    )
}

fn version(connection: &mut PostgresConnection) -> Result<u32, SqlError> {
    let exists = "SELECT to_regclass('portvakt_schema')::text";
    let found = rows(connection, exists, &[], |row| row.text(0))?;
    if found.into_iter().flatten().next().is_none() {
        return Ok(0);
    }
    let sql = "SELECT coalesce(max(version), 0) FROM portvakt_schema";
    let found = rows(connection, sql, &[], |row| row.number(0))?;
    Ok(found.into_iter().flatten().next().unwrap_or_default())
}
