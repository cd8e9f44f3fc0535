//! The tables of sessions and of their addresses.
//!
//! A row is written for each commit in which its session changed. An Interim-Update touches none of
//! the indices: they hold what does not change while a session goes on. An address that the last
//! record told has no `last_ms`, so that it need not be written each time.

use ipnet::IpNet;
use jiff::Timestamp;
use portvakt_accounting::{
    Addresses, Begun, Closed, Closing, Facts, HeldAddress, Joined, JoinedBy, NasKey, Newest,
    Session, SessionId, SessionKey, Stopped, Usage,
};
use portvakt_auth::name::AccountId;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use super::time;

/// Rows removed in one step of [`purge_some`].
const PURGE_STEP: u32 = 500;

/// The columns of a session, in the order of [`read`].
pub(super) const COLUMNS: &str = "s.id, s.client, s.nas, s.session, s.account, s.joined_by, \
    s.logged_on_ms, s.begun_ms, s.begun_stamp, s.begun_user, s.reckoned_ms, s.first_ms, s.last_ms, \
    s.reports, s.stopped_ms, s.stop_cause, s.closed_ms, s.closed_by, s.source, s.nas_address, \
    s.nas_identifier, s.nas_port, s.nas_port_id, s.user_name, s.calling_station, \
    s.called_station, s.multi_session, s.audit_session, s.chargeable_user, s.service, \
    s.addresses_ms, s.session_time_s, s.input_octets, s.output_octets, s.input_packets, \
    s.output_packets";

/// What the indices hold: changed by beginning, by the end, and by a join that came late.
#[derive(PartialEq)]
struct Indexed<'s> {
    account: Option<&'s str>,
    device: Option<String>,
    start_ms: i64,
    end_ms: Option<i64>,
}

impl<'s> Indexed<'s> {
    fn of(session: &'s Session) -> Self {
        Self {
            account: session
                .joined
                .as_ref()
                .map(|joined| joined.account.as_str()),
            device: session.device().map(|device| device.to_string()),
            start_ms: session.started().as_millisecond(),
            end_ms: session.ended().map(|(end, _)| end.as_millisecond()),
        }
    }
}

/// Writes a session; `before` is its state on disk, if it is there.
pub(super) fn write(
    connection: &Connection,
    session: &Session,
    before: Option<&Session>,
) -> rusqlite::Result<()> {
    let indexed = Indexed::of(session);
    match before.map(Indexed::of) {
        None => insert(connection, session, &indexed)?,
        Some(before) if before != indexed => index(connection, session.id, &indexed)?,
        Some(_) => {}
    }
    update(connection, session)?;
    write_addresses(connection, session, before)
}

fn insert(connection: &Connection, session: &Session, to: &Indexed<'_>) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO sessions (id, client, nas, session, account, device, start_ms, end_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )?;
    let SessionKey { nas, session: name } = &session.key;
    let (id, client, nas) = (session.id.0, &nas.client, &nas.nas);
    let Indexed {
        account,
        device,
        start_ms,
        end_ms,
    } = to;
    statement.execute(params![
        id, client, nas, name, account, device, start_ms, end_ms
    ])?;
    Ok(())
}

fn index(connection: &Connection, id: SessionId, to: &Indexed<'_>) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "UPDATE sessions SET account = $1, device = $2, start_ms = $3, end_ms = $4 WHERE id = $5",
    )?;
    let Indexed {
        account,
        device,
        start_ms,
        end_ms,
    } = to;
    statement.execute(params![account, device, start_ms, end_ms, id.0])?;
    Ok(())
}

/// Writes all that no index holds.
fn update(connection: &Connection, session: &Session) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "UPDATE sessions SET
             joined_by = $1, logged_on_ms = $2, begun_ms = $3, begun_stamp = $4, begun_user = $5,
             reckoned_ms = $6, first_ms = $7, last_ms = $8, reports = $9, stopped_ms = $10,
             stop_cause = $11, closed_ms = $12, closed_by = $13, source = $14, nas_address = $15,
             nas_identifier = $16, nas_port = $17, nas_port_id = $18, user_name = $19,
             calling_station = $20, called_station = $21, multi_session = $22,
             audit_session = $23, chargeable_user = $24, service = $25, addresses_ms = $26,
             session_time_s = $27, input_octets = $28, output_octets = $29, input_packets = $30,
             output_packets = $31
         WHERE id = $32",
    )?;
    let (joined, facts, usage) = (session.joined.as_ref(), &session.facts, &session.usage);
    let begun = session.start.as_ref();
    let (stopped, closed) = (session.stopped, session.closed);
    statement.execute(params![
        joined.map(|joined| joined.by.code()),
        joined.map(|joined| joined.logged_on.as_millisecond()),
        begun.map(|begun| begun.at.as_millisecond()),
        begun.and_then(|begun| begun.stamp),
        begun.and_then(|begun| begun.user_name.as_deref()),
        session.reckoned_start.map(Timestamp::as_millisecond),
        session.first_news.as_millisecond(),
        session.last_news.as_millisecond(),
        session.reports,
        stopped.map(|stopped| stopped.at.as_millisecond()),
        stopped.and_then(|stopped| stopped.cause),
        closed.map(|closed| closed.at.as_millisecond()),
        closed.map(|closed| closed.by.code()),
        facts.source.get().map(ToString::to_string),
        facts.nas_address.get().map(ToString::to_string),
        facts.nas_identifier.text(),
        facts.nas_port.get(),
        facts.nas_port_id.text(),
        facts.user_name.text(),
        facts.calling_station.text(),
        facts.called_station.text(),
        facts.multi_session.text(),
        facts.audit_session.text(),
        facts.chargeable_user.text(),
        facts.service.text(),
        session.addresses.reported().map(Timestamp::as_millisecond),
        usage.session_time_s,
        usage.input_octets.cast_signed(),
        usage.output_octets.cast_signed(),
        usage.input_packets.cast_signed(),
        usage.output_packets.cast_signed(),
        session.id.0,
    ])?;
    Ok(())
}

/// Writes the addresses that are new, have become old, or were told earlier than was known.
fn write_addresses(
    connection: &Connection,
    session: &Session,
    before: Option<&Session>,
) -> rusqlite::Result<()> {
    let row = |of: &Session, held: &HeldAddress| {
        let last = (!of.addresses.is_current(held)).then_some(held.last);
        (held.net, held.first, last)
    };
    for held in session.addresses.all() {
        let known = before.and_then(|before| {
            let mut known = before.addresses.all().iter();
            let known = known.find(|known| known.net == held.net)?;
            Some(row(before, known))
        });
        let (net, first, last) = row(session, held);
        if known == Some((net, first, last)) {
            continue;
        }
        let mut statement = connection.prepare_cached(
            "INSERT INTO session_addresses (session, address, first_ms, last_ms)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (session, address) DO UPDATE
             SET first_ms = excluded.first_ms, last_ms = excluded.last_ms",
        )?;
        let last = last.map(Timestamp::as_millisecond);
        statement.execute(params![
            session.id.0,
            net.to_string(),
            first.as_millisecond(),
            last
        ])?;
    }
    Ok(())
}

/// The newest sessions of this name.
pub(super) fn of_key(
    connection: &Connection,
    key: &SessionKey,
    limit: u32,
) -> rusqlite::Result<Vec<Session>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM sessions s WHERE s.session = $1 AND s.nas = $2 AND s.client = $3
         ORDER BY s.start_ms DESC LIMIT $4"
    ))?;
    let key = params![key.session, key.nas.nas, key.nas.client, limit];
    let found = statement.query_map(key, read)?;
    with_addresses(connection, found.collect::<Result<_, _>>()?)
}

/// Names of the live sessions of a NAS.
pub(super) fn live_of_nas(
    connection: &Connection,
    nas: &NasKey,
) -> rusqlite::Result<Vec<SessionKey>> {
    let mut statement = connection.prepare_cached(
        "SELECT session FROM sessions WHERE client = $1 AND nas = $2 AND end_ms IS NULL",
    )?;
    let names = statement.query_map(params![nas.client, nas.nas], |row| {
        Ok(SessionKey {
            nas: nas.clone(),
            session: row.get(0)?,
        })
    })?;
    names.collect()
}

/// Names of live sessions without news since `before`, at most `limit`. Walks over all that live.
pub(super) fn silent_since(
    connection: &Connection,
    before: Timestamp,
    limit: u32,
) -> rusqlite::Result<Vec<SessionKey>> {
    let mut statement = connection.prepare_cached(
        "SELECT client, nas, session FROM sessions
         WHERE end_ms IS NULL AND last_ms < $1 LIMIT $2",
    )?;
    let names = statement.query_map(params![before.as_millisecond(), limit], |row| {
        let nas = NasKey {
            client: row.get(0)?,
            nas: row.get(1)?,
        };
        let session = row.get(2)?;
        Ok(SessionKey { nas, session })
    })?;
    names.collect()
}

/// Calls `visit` with each live session, the newest first.
pub(super) fn live(
    connection: &Connection,
    mut visit: impl FnMut(Session),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!(
        "SELECT {COLUMNS} FROM sessions s WHERE s.end_ms IS NULL ORDER BY s.start_ms DESC"
    ))?;
    for session in statement.query_map([], read)? {
        visit(with_address(connection, session?)?);
    }
    Ok(())
}

/// The greatest number that a session has.
pub(super) fn last_id(connection: &Connection) -> rusqlite::Result<i64> {
    let query = "SELECT coalesce(max(id), 0) FROM sessions";
    connection.query_row(query, [], |row| row.get(0))
}

/// Removes some sessions that ended before; whether none is left.
pub(super) fn purge_some(connection: &mut Connection, before: Timestamp) -> rusqlite::Result<bool> {
    const OLDEST: &str = "SELECT id FROM sessions WHERE end_ms < $1 ORDER BY end_ms LIMIT $2";
    let transaction = connection.transaction()?;
    let oldest = params![before.as_millisecond(), PURGE_STEP];
    let addresses = format!("DELETE FROM session_addresses WHERE session IN ({OLDEST})");
    transaction.prepare_cached(&addresses)?.execute(oldest)?;
    let sessions = format!("DELETE FROM sessions WHERE id IN ({OLDEST})");
    let removed = transaction.prepare_cached(&sessions)?.execute(oldest)?;
    transaction.commit()?;
    Ok(removed < PURGE_STEP as usize)
}

pub(super) fn with_addresses(
    connection: &Connection,
    sessions: Vec<Session>,
) -> rusqlite::Result<Vec<Session>> {
    let sessions = sessions.into_iter();
    sessions
        .map(|session| with_address(connection, session))
        .collect()
}

fn with_address(connection: &Connection, mut session: Session) -> rusqlite::Result<Session> {
    let mut statement = connection.prepare_cached(
        "SELECT a.address, a.first_ms, coalesce(a.last_ms, s.addresses_ms)
         FROM session_addresses a JOIN sessions s ON s.id = a.session
         WHERE a.session = $1 AND coalesce(a.last_ms, s.addresses_ms) IS NOT NULL",
    )?;
    let held = statement.query_map([session.id.0], |row| {
        Ok(HeldAddress {
            net: parsed::<IpNet>(row, 0)?.unwrap_or_default(),
            first: needed_time(row, 1)?,
            last: needed_time(row, 2)?,
        })
    })?;
    session.addresses = Addresses::stored(held.collect::<Result<Vec<_>, _>>()?);
    Ok(session)
}

/// A session without its addresses. Facts count as told by its last record.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Session> {
    let last_news = needed_time(row, 12)?;
    Ok(Session {
        id: SessionId(row.get(0)?),
        key: SessionKey {
            nas: NasKey {
                client: row.get(1)?,
                nas: row.get(2)?,
            },
            session: row.get(3)?,
        },
        joined: joined(row)?,
        start: begun(row)?,
        reckoned_start: time(row, 10)?,
        first_news: needed_time(row, 11)?,
        last_news,
        reports: row.get(13)?,
        stopped: stopped(row)?,
        closed: closed(row)?,
        facts: facts(row, last_news)?,
        addresses: Addresses::default(),
        usage: Usage {
            session_time_s: row.get(31)?,
            input_octets: row.get::<_, i64>(32)?.cast_unsigned(),
            output_octets: row.get::<_, i64>(33)?.cast_unsigned(),
            input_packets: row.get::<_, i64>(34)?.cast_unsigned(),
            output_packets: row.get::<_, i64>(35)?.cast_unsigned(),
        },
    })
}

fn joined(row: &Row<'_>) -> rusqlite::Result<Option<Joined>> {
    let (Some(account), Some(by), Some(logged_on)) = (
        row.get::<_, Option<String>>(4)?,
        row.get::<_, Option<String>>(5)?,
        time(row, 6)?,
    ) else {
        return Ok(None);
    };
    let account = AccountId::new(&account).map_err(|cause| unreadable(4, cause))?;
    let by = JoinedBy::from_code(&by);
    Ok(by.map(|by| Joined {
        by,
        logged_on,
        account,
    }))
}

fn begun(row: &Row<'_>) -> rusqlite::Result<Option<Begun>> {
    let (stamp, user_name) = (row.get(8)?, row.get(9)?);
    let begun = time(row, 7)?.map(|at| Begun {
        at,
        stamp,
        user_name,
    });
    Ok(begun)
}

fn stopped(row: &Row<'_>) -> rusqlite::Result<Option<Stopped>> {
    let cause = row.get(15)?;
    Ok(time(row, 14)?.map(|at| Stopped { at, cause }))
}

fn closed(row: &Row<'_>) -> rusqlite::Result<Option<Closed>> {
    let by: Option<String> = row.get(17)?;
    let by = by.and_then(|by| Closing::from_code(&by));
    let closed = time(row, 16)?.zip(by);
    Ok(closed.map(|(at, by)| Closed { at, by }))
}

fn facts(row: &Row<'_>, at: Timestamp) -> rusqlite::Result<Facts> {
    let text = |column| Ok::<_, rusqlite::Error>(Newest::told(row.get(column)?, at));
    Ok(Facts {
        source: Newest::told(parsed(row, 18)?, at),
        nas_address: Newest::told(parsed(row, 19)?, at),
        nas_identifier: text(20)?,
        nas_port: Newest::told(row.get(21)?, at),
        nas_port_id: text(22)?,
        user_name: text(23)?,
        calling_station: text(24)?,
        called_station: text(25)?,
        multi_session: text(26)?,
        audit_session: text(27)?,
        chargeable_user: text(28)?,
        service: text(29)?,
    })
}

fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: Option<String> = row.get(column)?;
    let parsed = text.map(|text| text.parse());
    parsed
        .transpose()
        .map_err(|cause| unreadable(column, cause))
}

fn unreadable(
    column: usize,
    cause: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(cause))
}

fn needed_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let missing = || rusqlite::Error::InvalidColumnType(column, String::new(), Type::Null);
    time(row, column)?.ok_or_else(missing)
}
