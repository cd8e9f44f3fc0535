//! The tables of TLS sessions that may be resumed, and of the keys of their tickets.

use portvakt_auth::name::AccountId;
use portvakt_sealing::SealingKey;
use tracing::warn;

use crate::durable::TlsSessionChange;
use crate::sql::{Connection, SqlError, Value, rows};
use crate::{StoreError, TicketKeyRenewal, TicketKeyRow, TlsSessionId, TlsSessionRow};

/// Rows of one device, and of one account: as many as memory keeps. Of equally old ones any stays.
const PER_DEVICE: u32 = 2;
const PER_ACCOUNT: u32 = 32;
/// Rows removed in one step of [`purge_some`].
const PURGE_STEP: u32 = 2_000;
/// Sessions looked for by one statement; the numbers in [`find`] end with it.
pub(crate) const FIND_AT_ONCE: usize = 8;

/// Writes changes, those of one account in their order; accounts in an order that is the same at
/// all servers, so that no two wait for each other.
pub(crate) fn write(
    connection: &mut dyn Connection,
    changes: &[TlsSessionChange],
) -> Result<(), SqlError> {
    let mut sorted: Vec<_> = changes.iter().collect();
    sorted.sort_by_key(|change| change.account());
    for change in sorted {
        match change {
            TlsSessionChange::Keep(row) => keep(connection, row)?,
            TlsSessionChange::End(id, _) => end(connection, id)?,
            TlsSessionChange::Forget(account) => {
                let sql = "DELETE FROM tls_sessions WHERE account = $1";
                connection.execute(sql, &[account.as_str().into()])?;
            }
        }
    }
    Ok(())
}

fn keep(connection: &mut dyn Connection, row: &TlsSessionRow) -> Result<(), SqlError> {
    let (account, device) = (Value::from(row.account.as_str()), octets(&row.device));
    let sql = "INSERT INTO tls_sessions (id, account, device, expires_s, sealed)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO UPDATE SET
             expires_s = excluded.expires_s, sealed = excluded.sealed";
    connection.execute(
        sql,
        &[
            octets(&row.id),
            account.clone(),
            device.clone(),
            row.expires_s.into(),
            octets(&row.sealed),
        ],
    )?;
    if !row.device.is_empty() {
        // SQLite takes no OFFSET without a LIMIT.
        let sql = "DELETE FROM tls_sessions WHERE id IN (
                 SELECT id FROM tls_sessions WHERE account = $1 AND device = $2
                 ORDER BY expires_s DESC, id LIMIT 1000000000 OFFSET $3)";
        connection.execute(sql, &[account.clone(), device, PER_DEVICE.into()])?;
    }
    let sql = "DELETE FROM tls_sessions WHERE id IN (
             SELECT id FROM tls_sessions WHERE account = $1
             ORDER BY expires_s DESC, id LIMIT 1000000000 OFFSET $2)";
    connection.execute(sql, &[account, PER_ACCOUNT.into()])
}

fn end(connection: &mut dyn Connection, id: &TlsSessionId) -> Result<(), SqlError> {
    let sql = "DELETE FROM tls_sessions WHERE id = $1";
    connection.execute(sql, &[octets(id)])
}

/// A session that was found.
pub(crate) struct FoundRow {
    pub(crate) id: Vec<u8>,
    pub(crate) account: AccountId,
    pub(crate) sealed: Vec<u8>,
}

/// The sessions of at most [`FIND_AT_ONCE`] ids that are there.
pub(crate) fn find(
    connection: &mut dyn Connection,
    ids: &[TlsSessionId],
) -> Result<Vec<FoundRow>, SqlError> {
    let Some(last) = ids.last() else {
        return Ok(Vec::new());
    };
    let sql = "SELECT id, account, sealed FROM tls_sessions
         WHERE id IN ($1, $2, $3, $4, $5, $6, $7, $8)";
    let padded = ids.iter().chain(std::iter::repeat(last));
    let values: Vec<_> = padded.take(FIND_AT_ONCE).map(|id| octets(id)).collect();
    rows(connection, sql, &values, |row| {
        Ok(FoundRow {
            id: row.octets(0)?.unwrap_or_default(),
            account: AccountId::new(&row.needed_text(1)?).map_err(SqlError::unreadable)?,
            sealed: row.octets(2)?.unwrap_or_default(),
        })
    })
}

/// Removes some sessions that were too old at `before_s`; whether none is left.
pub(crate) fn purge_some(connection: &mut dyn Connection, before_s: i64) -> Result<bool, SqlError> {
    let sql = "DELETE FROM tls_sessions WHERE id IN (
             SELECT id FROM tls_sessions WHERE expires_s <= $1 LIMIT $2)";
    let removed = connection.execute_now(sql, &[before_s.into(), PURGE_STEP.into()])?;
    Ok(removed < u64::from(PURGE_STEP))
}

/// Adds keys for slots that have none, removes old ones, and returns all.
pub(crate) fn renew_keys(
    connection: &mut dyn Connection,
    sealing: &SealingKey,
    renewal: &TicketKeyRenewal,
) -> Result<Vec<TicketKeyRow>, StoreError> {
    for TicketKeyRow { slot, key } in &renewal.offered {
        let sealed = sealing.seal_ticket_key(*slot, key);
        let sealed = sealed.map_err(|_| StoreError::TicketKey)?;
        let sql = "INSERT INTO ticket_keys (slot, sealed) VALUES ($1, $2)
             ON CONFLICT (slot) DO NOTHING";
        connection.execute_now(sql, &[(*slot).into(), Value::Octets(Some(sealed.into()))])?;
    }
    let sql = "DELETE FROM ticket_keys WHERE slot < $1";
    connection.execute_now(sql, &[renewal.keep_from.into()])?;
    let sql = "SELECT slot, sealed FROM ticket_keys ORDER BY slot";
    let sealed = rows(connection, sql, &[], |row| {
        Ok((row.needed_integer(0)?, row.octets(1)?.unwrap_or_default()))
    })?;
    let opened = sealed.into_iter().filter_map(|(slot, sealed)| {
        let key = sealing.open_ticket_key(slot, &sealed);
        if key.is_none() {
            warn!(slot, "a ticket key is sealed with another key than this server has; devices log on in full");
        }
        Some(TicketKeyRow { slot, key: key? })
    });
    Ok(opened.collect())
}

fn octets(octets: &[u8]) -> Value<'_> {
    Value::Octets(Some(octets.into()))
}
