//! The tables of sessions and of their addresses.
//!
//! A row is written for each commit in which its session changed. An Interim-Update touches none of
//! the indices: they hold what does not change while a session goes on. An address that the last
//! record told has no `last_ms`, so that it need not be written each time.

use crate::sql::{Columns, Connection, SqlError, Value, rows};
use ipnet::IpNet;
use jiff::Timestamp;
use portvakt_accounting::{
    Addresses, Begun, Closed, Closing, Facts, HeldAddress, Joined, JoinedBy, NasKey, Newest,
    Session, SessionId, SessionKey, Stopped, Usage,
};
use portvakt_auth::name::AccountId;

/// Rows removed in one step of [`purge_some`].
const PURGE_STEP: u32 = 500;

/// The columns of a session, in the order of [`read`].
pub(crate) const COLUMNS: &str = "s.id, s.client, s.nas, s.session, s.account, s.joined_by, \
    s.logged_on_ms, s.begun_ms, s.begun_stamp, s.begun_user, s.reckoned_ms, s.first_ms, s.last_ms, \
    s.reports, s.stopped_ms, s.stop_cause, s.closed_ms, s.closed_by, s.source, s.nas_address, \
    s.nas_identifier, s.nas_port, s.nas_port_id, s.user_name, s.calling_station, \
    s.called_station, s.multi_session, s.audit_session, s.chargeable_user, s.service, \
    s.addresses_ms, s.session_time_s, s.input_octets, s.output_octets, s.input_packets, \
    s.output_packets";

/// The columns that indices hold: changed by beginning, by the end, and by a join that came late.
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
pub(crate) fn write(
    connection: &mut dyn Connection,
    session: &Session,
    before: Option<&Session>,
) -> Result<(), SqlError> {
    let indexed = Indexed::of(session);
    match before.map(Indexed::of) {
        None => insert(connection, session, &indexed)?,
        Some(before) if before != indexed => index(connection, session.id, &indexed)?,
        Some(_) => {}
    }
    update(connection, session)?;
    write_addresses(connection, session, before)
}

fn insert(
    connection: &mut dyn Connection,
    session: &Session,
    to: &Indexed<'_>,
) -> Result<(), SqlError> {
    let sql = "INSERT INTO sessions (id, client, nas, session, account, device, start_ms, end_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let SessionKey { nas, session: name } = &session.key;
    connection.execute(
        sql,
        &[
            session.id.0.into(),
            (*nas.client).into(),
            (*nas.nas).into(),
            (**name).into(),
            to.account.into(),
            to.device.as_deref().into(),
            to.start_ms.into(),
            Value::Integer(to.end_ms),
        ],
    )
}

fn index(connection: &mut dyn Connection, id: SessionId, to: &Indexed<'_>) -> Result<(), SqlError> {
    let sql =
        "UPDATE sessions SET account = $1, device = $2, start_ms = $3, end_ms = $4 WHERE id = $5";
    connection.execute(
        sql,
        &[
            to.account.into(),
            to.device.as_deref().into(),
            to.start_ms.into(),
            Value::Integer(to.end_ms),
            id.0.into(),
        ],
    )
}

/// Writes all that no index holds.
fn update(connection: &mut dyn Connection, session: &Session) -> Result<(), SqlError> {
    let sql = "UPDATE sessions SET
             joined_by = $1, logged_on_ms = $2, begun_ms = $3, begun_stamp = $4, begun_user = $5,
             reckoned_ms = $6, first_ms = $7, last_ms = $8, reports = $9, stopped_ms = $10,
             stop_cause = $11, closed_ms = $12, closed_by = $13, source = $14, nas_address = $15,
             nas_identifier = $16, nas_port = $17, nas_port_id = $18, user_name = $19,
             calling_station = $20, called_station = $21, multi_session = $22,
             audit_session = $23, chargeable_user = $24, service = $25, addresses_ms = $26,
             session_time_s = $27, input_octets = $28, output_octets = $29, input_packets = $30,
             output_packets = $31
         WHERE id = $32";
    let (joined, facts, usage) = (session.joined.as_ref(), &session.facts, &session.usage);
    let begun = session.start.as_ref();
    let (stopped, closed) = (session.stopped, session.closed);
    let told = |told: Option<String>| Value::from(told);
    connection.execute(
        sql,
        &[
            joined.map(|joined| joined.by.code()).into(),
            Value::time(joined.map(|joined| joined.logged_on)),
            Value::time(begun.map(|begun| begun.at)),
            Value::Integer(begun.and_then(|begun| begun.stamp).map(i64::from)),
            begun.and_then(|begun| begun.user_name.as_deref()).into(),
            Value::time(session.reckoned_start),
            session.first_news.into(),
            session.last_news.into(),
            session.reports.into(),
            Value::time(stopped.map(|stopped| stopped.at)),
            Value::Integer(stopped.and_then(|stopped| stopped.cause).map(i64::from)),
            Value::time(closed.map(|closed| closed.at)),
            closed.map(|closed| closed.by.code()).into(),
            told(facts.source.get().map(ToString::to_string)),
            told(facts.nas_address.get().map(ToString::to_string)),
            facts.nas_identifier.text().into(),
            Value::Integer(facts.nas_port.get().copied().map(i64::from)),
            facts.nas_port_id.text().into(),
            facts.user_name.text().into(),
            facts.calling_station.text().into(),
            facts.called_station.text().into(),
            facts.multi_session.text().into(),
            facts.audit_session.text().into(),
            facts.chargeable_user.text().into(),
            facts.service.text().into(),
            Value::time(session.addresses.reported()),
            Value::Integer(Some(usage.session_time_s.into())),
            usage.input_octets.cast_signed().into(),
            usage.output_octets.cast_signed().into(),
            usage.input_packets.cast_signed().into(),
            usage.output_packets.cast_signed().into(),
            session.id.0.into(),
        ],
    )
}

/// Writes the addresses that are new, have become old, or were told earlier than was known.
fn write_addresses(
    connection: &mut dyn Connection,
    session: &Session,
    before: Option<&Session>,
) -> Result<(), SqlError> {
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
        let sql = "INSERT INTO session_addresses (session, address, first_ms, last_ms)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (session, address) DO UPDATE
             SET first_ms = excluded.first_ms, last_ms = excluded.last_ms";
        let net = net.to_string().into();
        let values = [session.id.0.into(), net, first.into(), Value::time(last)];
        connection.execute(sql, &values)?;
    }
    Ok(())
}

/// Holds a name until the end of the transaction, in a database that several servers share: the sessions
/// of this name that are read afterwards are as the others left them.
pub(crate) fn hold_name(connection: &mut dyn Connection, key: &SessionKey) -> Result<(), SqlError> {
    let SessionKey { nas, session } = key;
    let name = format!("{}\u{1f}{}\u{1f}{session}", nas.client, nas.nas);
    let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
    connection.execute(sql, &[name.into()])
}

/// The newest sessions of this name.
pub(crate) fn of_key(
    connection: &mut dyn Connection,
    key: &SessionKey,
    limit: u32,
) -> Result<Vec<Session>, SqlError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions s WHERE s.session = $1 AND s.nas = $2 AND s.client = $3
         ORDER BY s.start_ms DESC LIMIT $4"
    );
    let key = [
        (*key.session).into(),
        (*key.nas.nas).into(),
        (*key.nas.client).into(),
        limit.into(),
    ];
    let found = rows(connection, &sql, &key, read)?;
    with_addresses(connection, found)
}

/// A live session, as far as one needs to know whether it is to end.
pub(crate) struct LiveSession {
    pub(crate) id: SessionId,
    pub(crate) key: SessionKey,
    pub(crate) last_news: Timestamp,
}

/// The live sessions of a NAS in the order of their numbers: those after `after`, at most `limit`.
pub(crate) fn live_of_nas(
    connection: &mut dyn Connection,
    nas: &NasKey,
    after: SessionId,
    limit: u32,
) -> Result<Vec<LiveSession>, SqlError> {
    let sql = "SELECT id, session, last_ms FROM sessions
         WHERE client = $1 AND nas = $2 AND end_ms IS NULL AND id > $3 ORDER BY id LIMIT $4";
    let values = [
        (*nas.client).into(),
        (*nas.nas).into(),
        after.0.into(),
        limit.into(),
    ];
    rows(connection, sql, &values, |row| {
        Ok(LiveSession {
            id: SessionId(row.needed_integer(0)?),
            key: SessionKey {
                nas: nas.clone(),
                session: row.needed_text(1)?.into(),
            },
            last_news: row.needed_time(2)?,
        })
    })
}

/// Names of live sessions without news since `before`, at most `limit`. Walks over all that live.
pub(crate) fn silent_since(
    connection: &mut dyn Connection,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<SessionKey>, SqlError> {
    let sql = "SELECT client, nas, session FROM sessions
         WHERE end_ms IS NULL AND last_ms < $1 LIMIT $2";
    rows(connection, sql, &[before.into(), limit.into()], |row| {
        let nas = NasKey {
            client: row.needed_text(0)?.into(),
            nas: row.needed_text(1)?.into(),
        };
        let session = row.needed_text(2)?.into();
        Ok(SessionKey { nas, session })
    })
}

/// The live sessions, the newest first.
pub(crate) fn live(connection: &mut dyn Connection) -> Result<Vec<Session>, SqlError> {
    let sql =
        format!("SELECT {COLUMNS} FROM sessions s WHERE s.end_ms IS NULL ORDER BY s.start_ms DESC");
    let live = rows(connection, &sql, &[], read)?;
    with_addresses(connection, live)
}

/// The greatest number that a session has.
pub(crate) fn last_id(connection: &mut dyn Connection) -> Result<i64, SqlError> {
    let sql = "SELECT coalesce(max(id), 0) FROM sessions";
    let found = rows(connection, sql, &[], |row| row.needed_integer(0))?;
    Ok(found.into_iter().next().unwrap_or_default())
}

/// Removes some sessions that ended before; whether none is left.
pub(crate) fn purge_some(
    connection: &mut dyn Connection,
    before: Timestamp,
) -> Result<bool, SqlError> {
    connection.begin()?;
    let removed = purge_within(connection, before);
    if removed.is_err() {
        connection.roll_back();
    }
    let removed = removed?;
    connection.commit()?;
    Ok(removed < u64::from(PURGE_STEP))
}

fn purge_within(connection: &mut dyn Connection, before: Timestamp) -> Result<u64, SqlError> {
    let oldest = [before.into(), PURGE_STEP.into()];
    let addresses = "DELETE FROM session_addresses WHERE session IN (
        SELECT id FROM sessions WHERE end_ms < $1 ORDER BY end_ms, id LIMIT $2)";
    connection.execute(addresses, &oldest)?;
    let sessions = "DELETE FROM sessions WHERE id IN (
        SELECT id FROM sessions WHERE end_ms < $1 ORDER BY end_ms, id LIMIT $2)";
    connection.execute_now(sessions, &oldest)
}

pub(crate) fn with_addresses(
    connection: &mut dyn Connection,
    sessions: Vec<Session>,
) -> Result<Vec<Session>, SqlError> {
    let sessions = sessions.into_iter();
    sessions
        .map(|session| with_address(connection, session))
        .collect()
}

fn with_address(
    connection: &mut dyn Connection,
    mut session: Session,
) -> Result<Session, SqlError> {
    let sql = "SELECT a.address, a.first_ms, coalesce(a.last_ms, s.addresses_ms)
         FROM session_addresses a JOIN sessions s ON s.id = a.session
         WHERE a.session = $1 AND coalesce(a.last_ms, s.addresses_ms) IS NOT NULL";
    let held = rows(connection, sql, &[session.id.0.into()], |row| {
        Ok(HeldAddress {
            net: parsed::<IpNet>(row, 0)?.unwrap_or_default(),
            first: row.needed_time(1)?,
            last: row.needed_time(2)?,
        })
    })?;
    session.addresses = Addresses::stored(held);
    Ok(session)
}

/// A session without its addresses. Facts count as told by its last record.
pub(crate) fn read(row: &dyn Columns) -> Result<Session, SqlError> {
    let last_news = row.needed_time(12)?;
    Ok(Session {
        id: SessionId(row.needed_integer(0)?),
        key: SessionKey {
            nas: NasKey {
                client: row.needed_text(1)?.into(),
                nas: row.needed_text(2)?.into(),
            },
            session: row.needed_text(3)?.into(),
        },
        joined: joined(row)?,
        start: begun(row)?,
        reckoned_start: row.time(10)?,
        first_news: row.needed_time(11)?,
        last_news,
        reports: row.integer(13)?.unwrap_or_default() != 0,
        stopped: stopped(row)?,
        closed: closed(row)?,
        facts: facts(row, last_news)?,
        addresses: Addresses::default(),
        usage: Usage {
            session_time_s: row.number(31)?.unwrap_or_default(),
            input_octets: row.needed_integer(32)?.cast_unsigned(),
            output_octets: row.needed_integer(33)?.cast_unsigned(),
            input_packets: row.needed_integer(34)?.cast_unsigned(),
            output_packets: row.needed_integer(35)?.cast_unsigned(),
        },
    })
}

fn joined(row: &dyn Columns) -> Result<Option<Joined>, SqlError> {
    let (Some(account), Some(by), Some(logged_on)) = (row.text(4)?, row.text(5)?, row.time(6)?)
    else {
        return Ok(None);
    };
    let account = AccountId::new(&account).map_err(SqlError::unreadable)?;
    let by = JoinedBy::from_code(&by);
    Ok(by.map(|by| Joined {
        by,
        logged_on,
        account,
    }))
}

fn begun(row: &dyn Columns) -> Result<Option<Begun>, SqlError> {
    let (stamp, user_name) = (row.number(8)?, row.text(9)?.map(Into::into));
    let begun = row.time(7)?.map(|at| Begun {
        at,
        stamp,
        user_name,
    });
    Ok(begun)
}

fn stopped(row: &dyn Columns) -> Result<Option<Stopped>, SqlError> {
    let cause = row.number(15)?;
    Ok(row.time(14)?.map(|at| Stopped { at, cause }))
}

fn closed(row: &dyn Columns) -> Result<Option<Closed>, SqlError> {
    let by = row.text(17)?;
    let by = by.and_then(|by| Closing::from_code(&by));
    let closed = row.time(16)?.zip(by);
    Ok(closed.map(|(at, by)| Closed { at, by }))
}

fn facts(row: &dyn Columns, at: Timestamp) -> Result<Facts, SqlError> {
    let text = |column| {
        let text = row.text(column)?.map(Box::from);
        Ok::<_, SqlError>(Newest::told(text, at))
    };
    Ok(Facts {
        source: Newest::told(parsed(row, 18)?, at),
        nas_address: Newest::told(parsed(row, 19)?, at),
        nas_identifier: text(20)?,
        nas_port: Newest::told(row.number(21)?, at),
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

fn parsed<T>(row: &dyn Columns, column: usize) -> Result<Option<T>, SqlError>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text = row.text(column)?;
    let parsed = text.map(|text| text.parse());
    parsed.transpose().map_err(SqlError::unreadable)
}
