//! The table of locks: the latest state of each account.
//!
//! Where memory decides, a cleared lock stays as a row without failures until the next start, so that an
//! older change still on its way cannot bring the failures back. Where the database decides, its
//! statements are in `postgres/locks.rs`.

use jiff::Timestamp;
use portvakt_auth::lock::{LockRecord, StoredLock};
use portvakt_auth::name::AccountId;
use portvakt_auth::time::Now;

use crate::sql::{Columns, Connection, SqlError, Value, rows};

/// Writes a lock, unless a later change of the same account is there already.
pub(crate) fn write(connection: &mut dyn Connection, lock: &StoredLock) -> Result<(), SqlError> {
    let sql = "INSERT INTO locks (account, failures, last_failure_ms, locked_until_ms, revision)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account) DO UPDATE SET
             failures = excluded.failures,
             last_failure_ms = excluded.last_failure_ms,
             locked_until_ms = excluded.locked_until_ms,
             revision = excluded.revision
         WHERE excluded.revision > locks.revision";
    connection.execute(
        sql,
        &[
            lock.id.as_str().into(),
            lock.failures.into(),
            lock.last_failure.into(),
            Value::time(lock.locked_until),
            lock.revision.cast_signed().into(),
        ],
    )
}

/// Removes what has been cleared; at start-up, when no older change is on its way.
pub(crate) fn remove_cleared(connection: &mut dyn Connection) -> Result<(), SqlError> {
    let sql = "DELETE FROM locks WHERE failures = 0 AND locked_until_ms IS NULL";
    connection.execute_now(sql, &[]).map(drop)
}

/// All locks, for the table of this process.
pub(crate) fn restore(
    connection: &mut dyn Connection,
    now: Now,
) -> Result<Vec<LockRecord>, SqlError> {
    let now = by_its_clock(connection, now)?;
    let sql = "SELECT account, failures, last_failure_ms, locked_until_ms, revision FROM locks";
    rows(connection, sql, &[], |row| Ok(read(row)?.record(now)))
}

/// The lock of one account.
pub(crate) fn find(
    connection: &mut dyn Connection,
    id: &AccountId,
    now: Now,
) -> Result<Option<LockRecord>, SqlError> {
    let now = by_its_clock(connection, now)?;
    let sql = "SELECT account, failures, last_failure_ms, locked_until_ms, revision FROM locks
         WHERE account = $1";
    let found = rows(connection, sql, &[id.as_str().into()], |row| {
        Ok(read(row)?.record(now))
    })?;
    Ok(found.into_iter().next())
}

/// The time by the clock of a database elsewhere, which has written the times of locks.
fn by_its_clock(connection: &mut dyn Connection, now: Now) -> Result<Now, SqlError> {
    let utc = connection.utc()?.unwrap_or(now.utc);
    Ok(Now { utc, ..now })
}

fn read(row: &dyn Columns) -> Result<StoredLock, SqlError> {
    Ok(StoredLock {
        id: AccountId::new(&row.needed_text(0)?).map_err(SqlError::unreadable)?,
        failures: row.number(1)?.unwrap_or(u8::MAX),
        last_failure: row.time(2)?.unwrap_or(Timestamp::MAX),
        locked_until: row.time(3)?,
        revision: row.needed_integer(4)?.cast_unsigned(),
    })
}
