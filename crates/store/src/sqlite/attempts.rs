//! The table of recent attempts per account.

use jiff::Timestamp;
use portvakt_auth::name::AccountId;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, params};

use crate::{ATTEMPTS_PER_ACCOUNT, AttemptOutcome, AttemptRow};

/// Rows removed in one step of [`prune_some`].
const PRUNE_STEP: u32 = 2_000;

impl ToSql for AttemptOutcome {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.code().into())
    }
}

impl FromSql for AttemptOutcome {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::from_code(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

/// Adds attempts and keeps each account's list at its bound.
///
/// Account by account: what lies side by side in the index is written side by side.
pub(super) fn write(connection: &Connection, attempts: &[AttemptRow]) -> rusqlite::Result<()> {
    let mut sorted: Vec<_> = attempts.iter().collect();
    sorted.sort_by_key(|attempt| &attempt.account);
    for of_account in sorted.chunk_by(|one, next| one.account == next.account) {
        for attempt in of_account {
            insert(connection, attempt)?;
        }
        if let Some(attempt) = of_account.first() {
            cap(connection, &attempt.account)?;
        }
    }
    Ok(())
}

fn insert(connection: &Connection, attempt: &AttemptRow) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO attempts (time_ms, account, outcome, client, service, method,
                               calling_station, operator_name, outer_identity, detail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    statement.execute(params![
        attempt.time.as_millisecond(),
        attempt.account.as_str(),
        attempt.outcome,
        attempt.client,
        attempt.service,
        attempt.method,
        attempt.calling_station,
        attempt.operator_name,
        attempt.outer_identity,
        attempt.detail,
    ])?;
    Ok(())
}

/// Removes all but the newest of one account; a walk over at most that many index entries.
fn cap(connection: &Connection, account: &AccountId) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM attempts WHERE sequence IN (
             SELECT sequence FROM attempts WHERE account = ?1
             ORDER BY time_ms DESC, sequence DESC LIMIT -1 OFFSET ?2)",
    )?;
    statement.execute(params![account.as_str(), ATTEMPTS_PER_ACCOUNT])?;
    Ok(())
}

/// The newest attempts of one account, newest first.
pub(super) fn last(
    connection: &Connection,
    account: &AccountId,
    limit: usize,
) -> rusqlite::Result<Vec<AttemptRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT time_ms, outcome, client, service, method,
                calling_station, operator_name, outer_identity, detail
         FROM attempts WHERE account = ?1 ORDER BY time_ms DESC, sequence DESC LIMIT ?2",
    )?;
    let limit = u32::try_from(limit)
        .unwrap_or(u32::MAX)
        .min(ATTEMPTS_PER_ACCOUNT);
    let rows = statement.query_map(params![account.as_str(), limit], |row| read(row, account))?;
    rows.collect()
}

fn read(row: &Row<'_>, account: &AccountId) -> rusqlite::Result<AttemptRow> {
    let millisecond = row.get(0)?;
    let out_of_range = |_| rusqlite::Error::IntegralValueOutOfRange(0, millisecond);
    Ok(AttemptRow {
        time: Timestamp::from_millisecond(millisecond).map_err(out_of_range)?,
        account: account.clone(),
        outcome: row.get(1)?,
        client: row.get(2)?,
        service: row.get(3)?,
        method: row.get(4)?,
        calling_station: row.get(5)?,
        operator_name: row.get(6)?,
        outer_identity: row.get(7)?,
        detail: row.get(8)?,
    })
}

/// Removes some attempts older than `before`; whether none is left.
pub(super) fn prune_some(connection: &Connection, before: Timestamp) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM attempts WHERE sequence IN (
             SELECT sequence FROM attempts WHERE time_ms < ?1 LIMIT ?2)",
    )?;
    let removed = statement.execute(params![before.as_millisecond(), PRUNE_STEP])?;
    Ok(removed < PRUNE_STEP as usize)
}
