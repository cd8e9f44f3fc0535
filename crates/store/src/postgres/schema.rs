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
    // Several servers hear of what another has changed.
    "
    CREATE TABLE changes (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        xid XID8 NOT NULL DEFAULT pg_current_xact_id(), -- transactions may commit in another order
        at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
        origin TEXT DEFAULT current_setting('portvakt.origin', true), -- the process that wrote it
        kind TEXT NOT NULL,                 -- 'lock', 'account' of this database, 'proofs'
        account TEXT NOT NULL,
        revision BIGINT                     -- of a lock
    );
    CREATE INDEX changes_by_xid ON changes (xid);
    CREATE INDEX changes_by_time ON changes (at);
    CREATE TABLE nodes (                    -- the servers, and those that were
        name TEXT PRIMARY KEY,
        origin TEXT,                        -- its process, as in changes
        version TEXT NOT NULL,
        schema BIGINT NOT NULL,             -- the newest that it knows
        started TIMESTAMPTZ NOT NULL,
        last_seen TIMESTAMPTZ NOT NULL,
        clock_offset_ms BIGINT NOT NULL     -- its clock less the database's
    );
    ALTER TABLE attempts ADD COLUMN node TEXT;
    ALTER TABLE attempts ALTER COLUMN node SET DEFAULT nullif(current_setting('portvakt.node', true), '');
    CREATE FUNCTION portvakt_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF current_setting('portvakt.quiet', true) = 'on' THEN RETURN NULL; END IF;
        IF TG_TABLE_NAME = 'locks' AND TG_OP = 'DELETE' THEN
            INSERT INTO changes (kind, account, revision)
            VALUES ('lock', OLD.account, OLD.revision + 1);
        ELSIF TG_TABLE_NAME = 'locks' THEN
            INSERT INTO changes (kind, account, revision)
            VALUES ('lock', NEW.account, NEW.revision);
        ELSIF TG_OP = 'DELETE' THEN
            INSERT INTO changes (kind, account) VALUES ('account', OLD.id);
        ELSE
            INSERT INTO changes (kind, account) VALUES ('account', NEW.id);
        END IF;
        RETURN NULL;
    END $$;
    CREATE FUNCTION portvakt_tell_changes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('portvakt_changes', '');
        RETURN NULL;
    END $$;
    CREATE TRIGGER told AFTER INSERT ON changes
        FOR EACH STATEMENT EXECUTE FUNCTION portvakt_tell_changes();
    CREATE TRIGGER noted AFTER INSERT OR UPDATE OR DELETE ON accounts
        FOR EACH ROW EXECUTE FUNCTION portvakt_note_change();
    CREATE TRIGGER noted_locked AFTER INSERT ON locks FOR EACH ROW
        WHEN (NEW.locked_until_ms IS NOT NULL)
        EXECUTE FUNCTION portvakt_note_change();
    CREATE TRIGGER noted_changed AFTER UPDATE ON locks FOR EACH ROW
        WHEN (OLD.locked_until_ms IS DISTINCT FROM NEW.locked_until_ms OR NEW.failures < OLD.failures)
        EXECUTE FUNCTION portvakt_note_change();
    CREATE TRIGGER noted_cleared AFTER DELETE ON locks FOR EACH ROW
        EXECUTE FUNCTION portvakt_note_change();
",
];

/// Migrations beside which a program that does not know them can no longer write. All others only add,
/// so that servers of two versions run side by side while one after the other is upgraded.
const ENDS_WRITING: &[u32] = &[1, 3];
/// Migrations after which such a program cannot even read.
const ENDS_READING: &[u32] = &[1];

/// The schema of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Migrations that ran.
    pub(super) version: u32,
    /// The least number of migrations that a program has to know, to read and to write.
    pub(super) readable_by: u32,
    pub(super) writable_by: u32,
}

/// Brings the schema up to date; the version before. A newer one is left as it is, if this program can
/// write beside it. A user that may only read and write rows is enough where nothing is to be done.
pub(super) fn migrate(
    connection: &mut PostgresConnection,
    migrations: &[&str],
) -> Result<Found, StoreError> {
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    let found = find(connection)?;
    if found.writable_by > known {
        let found = found.version;
        return Err(StoreError::NewerSchema { found, known });
    }
    if found.version < known {
        // An error ends the session, and the lock with it.
        lock(connection, "SELECT pg_advisory_lock($1)::text")?;
        migrate_locked(connection, migrations, known)?;
        lock(connection, "SELECT pg_advisory_unlock($1)::text")?;
    }
    Ok(found)
}

/// One server at a time: another may have been faster.
fn migrate_locked(
    connection: &mut PostgresConnection,
    migrations: &[&str],
    known: u32,
) -> Result<(), StoreError> {
    let found = find(connection)?;
    for (number, migration) in (1u32..).zip(migrations).skip(found.version as usize) {
        if found.version > 0 && ENDS_WRITING.contains(&number) {
            refuse_beside_older(connection, number, known)?;
        }
        connection.script(step(number, migration))?;
    }
    Ok(())
}

fn lock(connection: &mut PostgresConnection, sql: &str) -> Result<(), SqlError> {
    rows(connection, sql, &[MIGRATION_LOCK.into()], |_| Ok(())).map(drop)
}

/// A migration and its number, both or none. The server runs a script as one transaction.
fn step(number: u32, migration: &str) -> String {
    let least = |ends: &[u32]| {
        let ends = ends.iter().copied().filter(|end| *end <= number);
        ends.max().unwrap_or_default()
    };
    let (readable_by, writable_by) = (least(ENDS_READING), least(ENDS_WRITING));
    format!(
        "CREATE TABLE IF NOT EXISTS portvakt_schema (
             version BIGINT PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT now());
         ALTER TABLE portvakt_schema
             ADD COLUMN IF NOT EXISTS readable_by BIGINT,
             ADD COLUMN IF NOT EXISTS writable_by BIGINT;
         {migration};
         INSERT INTO portvakt_schema (version, readable_by, writable_by)
         VALUES ({number}, {readable_by}, {writable_by});"
    )
}

/// The key of the advisory lock of a migration: "schema" in octets.
const MIGRATION_LOCK: i64 = i64::from_be_bytes(*b"\0\0schema");

/// The schema that a database has.
pub(super) fn find(connection: &mut PostgresConnection) -> Result<Found, SqlError> {
    if !exists(connection, "portvakt_schema")? {
        return Ok(Found::default());
    }
    // As JSON, because the columns may not be there.
    let sql = "SELECT max(version), max(coalesce((j->>'readable_by')::bigint, version)),
                      max(coalesce((j->>'writable_by')::bigint, version))
               FROM (SELECT version, to_jsonb(s) AS j FROM portvakt_schema s) t";
    let found = rows(connection, sql, &[], |row| {
        Ok(Found {
            version: row.number(0)?.unwrap_or_default(),
            readable_by: row.number(1)?.unwrap_or_default(),
            writable_by: row.number(2)?.unwrap_or_default(),
        })
    })?;
    Ok(found.into_iter().next().unwrap_or_default())
}

/// Whether there is a table of this name.
pub(super) fn exists(connection: &mut PostgresConnection, table: &str) -> Result<bool, SqlError> {
    let sql = "SELECT to_regclass($1)::text";
    let found = rows(connection, sql, &[table.into()], |row| row.text(0))?;
    Ok(found.into_iter().flatten().next().is_some())
}

/// Servers that run and do not know a migration that they could not go on beside.
fn refuse_beside_older(
    connection: &mut PostgresConnection,
    number: u32,
    known: u32,
) -> Result<(), StoreError> {
    if !exists(connection, "nodes")? {
        return Ok(());
    }
    let sql = "SELECT string_agg(name, ', ' ORDER BY name) FROM nodes
               WHERE schema < $1 AND last_seen > clock_timestamp() - interval '30 seconds'";
    let names = rows(connection, sql, &[number.into()], |row| row.text(0))?;
    match names.into_iter().flatten().next() {
        Some(names) => Err(StoreError::OlderServers { names, known }),
        None => Ok(()),
    }
}
