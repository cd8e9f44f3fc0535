//! The table of attempts that reached no account.

use jiff::Timestamp;

use crate::sql::{Columns, Connection, SqlError, rows};
use crate::tables::attempts::symptom;
use crate::{AttemptOutcome, UNATTRIBUTED_AT_MOST, UnattributedAttempt};
use portvakt_auth::Symptom;

/// Rows removed in one step of [`prune_some`].
const PRUNE_STEP: u32 = 2_000;

/// Adds attempts and keeps the table at its bound: the newest by their number.
pub(crate) fn write(
    connection: &mut dyn Connection,
    attempts: &[UnattributedAttempt],
) -> Result<(), SqlError> {
    for attempt in attempts {
        insert(connection, attempt)?;
    }
    if attempts.is_empty() {
        return Ok(());
    }
    let sql = "DELETE FROM unattributed_attempts
         WHERE sequence <= (SELECT max(sequence) FROM unattributed_attempts) - $1";
    connection.execute(sql, &[UNATTRIBUTED_AT_MOST.into()])
}

fn insert(connection: &mut dyn Connection, attempt: &UnattributedAttempt) -> Result<(), SqlError> {
    let sql = "INSERT INTO unattributed_attempts (time_ms, name_key, device_key, name, outcome,
                   symptom, client, service, method, calling_station, nas_identifier,
                   operator_name, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    connection.execute(
        sql,
        &[
            attempt.time.into(),
            attempt.name_key.as_deref().into(),
            attempt.device_key.as_deref().into(),
            attempt.name.as_str().into(),
            attempt.outcome.code().into(),
            attempt.symptom.map(Symptom::code).into(),
            attempt.client.as_str().into(),
            attempt.service.as_str().into(),
            attempt.method.as_str().into(),
            attempt.calling_station.as_deref().into(),
            attempt.nas_identifier.as_deref().into(),
            attempt.operator_name.as_deref().into(),
            attempt.detail.as_deref().into(),
        ],
    )
}

/// The newest attempts with this key of a name, newest first.
pub(crate) fn of_name(
    connection: &mut dyn Connection,
    key: &str,
    limit: u32,
) -> Result<Vec<UnattributedAttempt>, SqlError> {
    let sql = "SELECT time_ms, name_key, device_key, name, outcome, symptom, client, service,
                method, calling_station, nas_identifier, operator_name, detail
         FROM unattributed_attempts WHERE name_key = $1 ORDER BY time_ms DESC LIMIT $2";
    rows(connection, sql, &[key.into(), limit.into()], read)
}

/// The newest attempts of the device with this key, newest first.
pub(crate) fn of_device(
    connection: &mut dyn Connection,
    key: &str,
    limit: u32,
) -> Result<Vec<UnattributedAttempt>, SqlError> {
    let sql = "SELECT time_ms, name_key, device_key, name, outcome, symptom, client, service,
                method, calling_station, nas_identifier, operator_name, detail
         FROM unattributed_attempts WHERE device_key = $1 ORDER BY time_ms DESC LIMIT $2";
    rows(connection, sql, &[key.into(), limit.into()], read)
}

fn read(row: &dyn Columns) -> Result<UnattributedAttempt, SqlError> {
    let outcome = row.needed_text(4)?;
    let unknown = || SqlError::unreadable(format!("the outcome {outcome:?} is unknown"));
    Ok(UnattributedAttempt {
        time: row.needed_time(0)?,
        name_key: row.text(1)?,
        device_key: row.text(2)?,
        name: row.needed_text(3)?,
        outcome: AttemptOutcome::from_code(&outcome).ok_or_else(unknown)?,
        symptom: symptom(row, 5)?,
        client: row.needed_text(6)?,
        service: row.needed_text(7)?,
        method: row.needed_text(8)?,
        calling_station: row.text(9)?,
        nas_identifier: row.text(10)?,
        operator_name: row.text(11)?,
        detail: row.text(12)?,
    })
}

/// Removes some attempts older than `before`; whether none is left.
pub(crate) fn prune_some(
    connection: &mut dyn Connection,
    before: Timestamp,
) -> Result<bool, SqlError> {
    let sql = "DELETE FROM unattributed_attempts WHERE sequence IN (
             SELECT sequence FROM unattributed_attempts WHERE time_ms < $1 LIMIT $2)";
    let removed = connection.execute_now(sql, &[before.into(), PRUNE_STEP.into()])?;
    Ok(removed < u64::from(PRUNE_STEP))
}
