//! The tables of resets: openings as one JSON text each, messages without their text, and the numbers
//! that accounts were seen with.

use std::borrow::Cow;

use jiff::Timestamp;
use portvakt_auth::name::AccountId;
use portvakt_resets::{MessageState, Mobile, NumberSeen, Opening, OpeningKind, Sent};
use zeroize::Zeroizing;

use crate::StoreError;
use crate::resets::{MessageProgress, MessageRow};
use crate::sql::{Columns, Connection, SqlError, Value, rows};

/// An opening ready to be written: serialised on the caller's thread.
pub(crate) struct OpeningRow {
    account: String,
    kind: &'static str,
    revision: i64,
    replaced: i64,
    ends: Timestamp,
    /// Holds hashes.
    body: Zeroizing<String>,
    message: Option<MessageRow>,
}

pub(crate) fn to_row(
    opening: &Opening,
    replaced: u64,
    message: Option<&MessageRow>,
) -> Result<OpeningRow, StoreError> {
    let body = serde_json::to_string(opening).map_err(|cause| StoreError::Unreadable {
        table: "openings",
        key: opening.account.to_string(),
        cause,
    })?;
    Ok(OpeningRow {
        account: opening.account.to_string(),
        kind: opening.kind.as_str(),
        revision: opening.revision.cast_signed(),
        replaced: replaced.cast_signed(),
        ends: opening.ends,
        body: Zeroizing::new(body),
        message: message.cloned(),
    })
}

pub(crate) fn opening(
    connection: &mut dyn Connection,
    account: &AccountId,
    kind: OpeningKind,
) -> Result<Option<Opening>, StoreError> {
    let sql = "SELECT body FROM openings WHERE account = $1 AND kind = $2";
    let values = [account.as_str().into(), kind.as_str().into()];
    let found = rows(connection, sql, &values, |row| {
        row.needed_text(0).map(Zeroizing::new)
    })?;
    let opening = found.first().map(|body| serde_json::from_str(body));
    opening.transpose().map_err(|cause| StoreError::Unreadable {
        table: "openings",
        key: account.to_string(),
        cause,
    })
}

/// Writes an opening and its message, unless another change came first.
pub(crate) fn put(connection: &mut dyn Connection, row: &OpeningRow) -> Result<bool, StoreError> {
    connection.begin()?;
    let written = put_within(connection, row);
    match written {
        Ok(true) => connection.commit().map(|()| true).map_err(StoreError::from),
        Ok(false) => {
            connection.roll_back();
            Ok(false)
        }
        Err(error) => {
            connection.roll_back();
            Err(error.into())
        }
    }
}

/// Parameters are numbered in the order of their first use.
fn put_within(connection: &mut dyn Connection, row: &OpeningRow) -> Result<bool, SqlError> {
    let (account, kind, body) = (row.account.as_str(), row.kind, row.body.as_str());
    let changed = match row.replaced {
        0 => {
            let sql = "INSERT INTO openings (account, kind, revision, ends_ms, body)
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account, kind) DO NOTHING";
            let values = [
                account.into(),
                kind.into(),
                row.revision.into(),
                row.ends.into(),
                body.into(),
            ];
            connection.execute_now(sql, &values)?
        }
        replaced => {
            let sql = "UPDATE openings SET revision = $1, ends_ms = $2, body = $3
                 WHERE account = $4 AND kind = $5 AND revision = $6";
            let values = [
                row.revision.into(),
                row.ends.into(),
                body.into(),
                account.into(),
                kind.into(),
                replaced.into(),
            ];
            connection.execute_now(sql, &values)?
        }
    };
    if let Some(message) = row.message.as_ref().filter(|_| changed > 0) {
        put_message(connection, message)?;
    }
    Ok(changed > 0)
}

fn put_message(connection: &mut dyn Connection, row: &MessageRow) -> Result<(), SqlError> {
    let sql =
        "INSERT INTO messages (reference, at_ms, account, kind, number, source, gateway, state,
             rank, state_ms, fault, gateway_reference)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let values = [
        row.reference.as_str().into(),
        row.sent.at.into(),
        row.sent.account.as_str().into(),
        row.kind.as_str().into(),
        row.number_text().into(),
        row.source_text().into(),
        row.gateway.as_str().into(),
        row.state.as_str().into(),
        row.state.rank().into(),
        row.state_at.into(),
        row.fault.as_deref().into(),
        row.gateway_reference.as_deref().into(),
    ];
    connection.execute_now(sql, &values).map(drop)
}

pub(crate) fn messages(
    connection: &mut dyn Connection,
    since: Timestamp,
    limit: u32,
) -> Result<Vec<MessageRow>, SqlError> {
    let sql = "SELECT reference, at_ms, account, kind, number, source, gateway, state, state_ms,
             fault, gateway_reference
         FROM messages WHERE at_ms >= $1 ORDER BY at_ms DESC, reference LIMIT $2";
    rows(connection, sql, &[since.into(), limit.into()], read_message)
}

fn read_message(row: &dyn Columns) -> Result<MessageRow, SqlError> {
    let unknown = |what: &str| SqlError::unreadable(format!("a message of unknown {what}"));
    let kind = row.needed_text(3)?;
    let kind = OpeningKind::ALL
        .into_iter()
        .find(|known| known.as_str() == kind);
    let source = row.text(5)?.map(|text| text.parse()).transpose();
    Ok(MessageRow {
        reference: row.needed_text(0)?,
        sent: Sent {
            at: row.needed_time(1)?,
            account: AccountId::new(&row.needed_text(2)?).map_err(SqlError::unreadable)?,
            number: Mobile::parse(&row.needed_text(4)?).map_err(SqlError::unreadable)?,
            source: source.map_err(SqlError::unreadable)?,
        },
        kind: kind.ok_or_else(|| unknown("kind"))?,
        gateway: row.needed_text(6)?,
        state: MessageState::from_word(&row.needed_text(7)?).ok_or_else(|| unknown("state"))?,
        state_at: row.needed_time(8)?,
        fault: row.text(9)?,
        gateway_reference: row.text(10)?,
    })
}

/// A later state of a message, with all that is owned by the writer's thread.
pub(crate) struct Progress {
    reference: String,
    state: MessageState,
    at: Timestamp,
    fault: Option<String>,
    gateway_reference: Option<String>,
}

impl From<MessageProgress<'_>> for Progress {
    fn from(progress: MessageProgress<'_>) -> Self {
        Self {
            reference: progress.reference.to_owned(),
            state: progress.state,
            at: progress.at,
            fault: progress.fault.map(str::to_owned),
            gateway_reference: progress.gateway_reference.map(str::to_owned),
        }
    }
}

pub(crate) fn move_message(
    connection: &mut dyn Connection,
    progress: &Progress,
) -> Result<bool, StoreError> {
    let sql = "UPDATE messages SET state = $1, rank = $2, state_ms = $3,
             fault = coalesce($4, fault), gateway_reference = coalesce($5, gateway_reference)
         WHERE reference = $6 AND rank < $2";
    let values = [
        progress.state.as_str().into(),
        progress.state.rank().into(),
        progress.at.into(),
        progress.fault.as_deref().into(),
        progress.gateway_reference.as_deref().into(),
        progress.reference.as_str().into(),
    ];
    Ok(connection.execute_now(sql, &values)? > 0)
}

pub(crate) fn number_seen(
    connection: &mut dyn Connection,
    account: &AccountId,
) -> Result<Option<NumberSeen>, SqlError> {
    let sql = "SELECT number, since_ms FROM mobiles WHERE account = $1";
    let found = rows(connection, sql, &[account.as_str().into()], |row| {
        read_number(row, 0)
    })?;
    Ok(found.into_iter().next())
}

pub(crate) fn numbers_seen(
    connection: &mut dyn Connection,
) -> Result<Vec<(AccountId, NumberSeen)>, SqlError> {
    let sql = "SELECT account, number, since_ms FROM mobiles";
    rows(connection, sql, &[], |row| {
        let account = AccountId::new(&row.needed_text(0)?).map_err(SqlError::unreadable)?;
        Ok((account, read_number(row, 1)?))
    })
}

fn read_number(row: &dyn Columns, first: usize) -> Result<NumberSeen, SqlError> {
    Ok(NumberSeen {
        number: Mobile::parse(&row.needed_text(first)?).map_err(SqlError::unreadable)?,
        since: row.time(first + 1)?,
    })
}

pub(crate) fn put_numbers(
    connection: &mut dyn Connection,
    numbers: &[(AccountId, NumberSeen)],
) -> Result<(), StoreError> {
    connection.begin()?;
    let written = numbers.iter().try_for_each(|(account, seen)| {
        let sql = "INSERT INTO mobiles (account, number, since_ms) VALUES ($1, $2, $3)
             ON CONFLICT (account) DO UPDATE SET
                 number = excluded.number, since_ms = excluded.since_ms";
        let values = [
            account.as_str().into(),
            seen.number.e164().into(),
            Value::time(seen.since),
        ];
        connection.execute(sql, &values)
    });
    match written {
        Ok(()) => Ok(connection.commit()?),
        Err(error) => {
            connection.roll_back();
            Err(error.into())
        }
    }
}

/// The switch of messages: a row while they are off.
pub(crate) fn switched_off(connection: &mut dyn Connection) -> Result<Option<String>, SqlError> {
    let sql = "SELECT off_by FROM message_switch WHERE id = 1";
    let found = rows(connection, sql, &[], |row| row.needed_text(0))?;
    Ok(found.into_iter().next())
}

pub(crate) fn switch(
    connection: &mut dyn Connection,
    off_by: Option<&str>,
) -> Result<(), StoreError> {
    let changed = match off_by {
        Some(off_by) => {
            let sql = "INSERT INTO message_switch (id, off_by) VALUES (1, $1)
                 ON CONFLICT (id) DO UPDATE SET off_by = excluded.off_by";
            connection.execute_now(sql, &[Value::Text(Some(Cow::Borrowed(off_by)))])
        }
        None => connection.execute_now("DELETE FROM message_switch WHERE id = 1", &[]),
    };
    Ok(changed.map(drop)?)
}

pub(crate) fn purge(connection: &mut dyn Connection, before: Timestamp) -> Result<(), StoreError> {
    connection.execute_now("DELETE FROM messages WHERE at_ms < $1", &[before.into()])?;
    connection.execute_now("DELETE FROM openings WHERE ends_ms < $1", &[before.into()])?;
    Ok(())
}
