//! The table of recent attempts per account.

use jiff::Timestamp;
use portvakt_auth::Symptom;
use portvakt_auth::name::AccountId;

use crate::sql::{Columns, Connection, SqlError, rows};
use crate::{ATTEMPTS_PER_ACCOUNT, AttemptOutcome, AttemptRow};

/// Rows removed in one step of [`prune_some`].
const PRUNE_STEP: u32 = 2_000;

/// Adds attempts and keeps each account's list at its bound.
///
/// Account by account: what lies side by side in the index is written side by side.
pub(crate) fn write(
    connection: &mut dyn Connection,
    attempts: &[AttemptRow],
) -> Result<(), SqlError> {
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

fn insert(connection: &mut dyn Connection, attempt: &AttemptRow) -> Result<(), SqlError> {
    let sql = "INSERT INTO attempts (time_ms, account, outcome, symptom, client, service, method,
                               calling_station, nas_identifier, operator_name, outer_identity,
                               detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    connection.execute(
        sql,
        &[
            attempt.time.into(),
            attempt.account.as_str().into(),
            attempt.outcome.code().into(),
            attempt.symptom.map(Symptom::code).into(),
            attempt.client.as_str().into(),
            attempt.service.as_str().into(),
            attempt.method.as_str().into(),
            attempt.calling_station.as_deref().into(),
            attempt.nas_identifier.as_deref().into(),
            attempt.operator_name.as_deref().into(),
            attempt.outer_identity.as_deref().into(),
            attempt.detail.as_deref().into(),
        ],
    )
}

/// Removes all but the newest of one account; a walk over at most that many index entries.
fn cap(connection: &mut dyn Connection, account: &AccountId) -> Result<(), SqlError> {
    // SQLite takes no OFFSET without a LIMIT.
    let sql = "DELETE FROM attempts WHERE sequence IN (
             SELECT sequence FROM attempts WHERE account = $1
             ORDER BY time_ms DESC, sequence DESC LIMIT 1000000000 OFFSET $2)";
    connection.execute(sql, &[account.as_str().into(), ATTEMPTS_PER_ACCOUNT.into()])
}

/// The newest attempts of one account, newest first.
pub(crate) fn last(
    connection: &mut dyn Connection,
    account: &AccountId,
    limit: usize,
) -> Result<Vec<AttemptRow>, SqlError> {
    let sql = "SELECT time_ms, outcome, symptom, client, service, method,
                calling_station, nas_identifier, operator_name, outer_identity, detail, node
         FROM attempts WHERE account = $1 ORDER BY time_ms DESC, sequence DESC LIMIT $2";
    let limit = u32::try_from(limit)
        .unwrap_or(u32::MAX)
        .min(ATTEMPTS_PER_ACCOUNT);
    let values = [account.as_str().into(), limit.into()];
    rows(connection, sql, &values, |row| read(row, account))
}

fn read(row: &dyn Columns, account: &AccountId) -> Result<AttemptRow, SqlError> {
    let outcome = row.needed_text(1)?;
    let unknown = || SqlError::unreadable(format!("the outcome {outcome:?} is unknown"));
    Ok(AttemptRow {
        time: row.needed_time(0)?,
        account: account.clone(),
        outcome: AttemptOutcome::from_code(&outcome).ok_or_else(unknown)?,
        symptom: symptom(row, 2)?,
        client: row.needed_text(3)?,
        service: row.needed_text(4)?,
        method: row.needed_text(5)?,
        calling_station: row.text(6)?,
        nas_identifier: row.text(7)?,
        operator_name: row.text(8)?,
        outer_identity: row.text(9)?,
        detail: row.text(10)?,
        node: row.text(11)?,
    })
}

/// The symptom of a column. One that a newer version wrote is none: it adds to the outcome.
pub(super) fn symptom(row: &dyn Columns, column: usize) -> Result<Option<Symptom>, SqlError> {
    Ok(row.text(column)?.and_then(|code| Symptom::from_code(&code)))
}

/// Removes some attempts older than `before`; whether none is left.
pub(crate) fn prune_some(
    connection: &mut dyn Connection,
    before: Timestamp,
) -> Result<bool, SqlError> {
    let sql = "DELETE FROM attempts WHERE sequence IN (
             SELECT sequence FROM attempts WHERE time_ms < $1 LIMIT $2)";
    let removed = connection.execute_now(sql, &[before.into(), PRUNE_STEP.into()])?;
    Ok(removed < u64::from(PRUNE_STEP))
}
