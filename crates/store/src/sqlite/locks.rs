//! The table of locks: the latest state of each account.
//!
//! A cleared lock stays as a row without failures until the next start, so that an older change
//! still on its way cannot bring the failures back.

use jiff::Timestamp;
use portvakt_auth::lock::{LockRecord, StoredLock};
use portvakt_auth::name::AccountId;
use portvakt_auth::time::Now;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use super::time;

/// Writes a lock, unless a later change of the same account is there already.
pub(super) fn write(connection: &Connection, lock: &StoredLock) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO locks (account, failures, last_failure_ms, locked_until_ms, revision)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (account) DO UPDATE SET
             failures = excluded.failures,
             last_failure_ms = excluded.last_failure_ms,
             locked_until_ms = excluded.locked_until_ms,
             revision = excluded.revision
         WHERE excluded.revision > revision",
    )?;
    statement.execute(params![
        lock.id.as_str(),
        lock.failures,
        lock.last_failure.as_millisecond(),
        lock.locked_until.map(Timestamp::as_millisecond),
        lock.revision.cast_signed(),
    ])?;
    Ok(())
}

/// Removes what has been cleared; at start-up, when no older change is on its way.
pub(super) fn remove_cleared(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute(
            "DELETE FROM locks WHERE failures = 0 AND locked_until_ms IS NULL",
            [],
        )
        .map(drop)
}

/// All locks, for the table of this process.
pub(super) fn restore(connection: &Connection, now: Now) -> rusqlite::Result<Vec<LockRecord>> {
    let mut statement = connection.prepare(
        "SELECT account, failures, last_failure_ms, locked_until_ms, revision FROM locks",
    )?;
    let rows = statement.query_map([], |row| Ok(read(row)?.record(now)))?;
    rows.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredLock> {
    let name: String = row.get(0)?;
    let unreadable =
        |cause| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(cause));
    Ok(StoredLock {
        id: AccountId::new(&name).map_err(unreadable)?,
        failures: row.get(1)?,
        last_failure: time(row, 2)?.unwrap_or(Timestamp::MAX),
        locked_until: time(row, 3)?,
        revision: row.get::<_, i64>(4)?.cast_unsigned(),
    })
}
