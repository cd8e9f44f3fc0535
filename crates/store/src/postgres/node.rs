//! This server in the table of nodes: its name, its version, and how far its clock is off.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::error::PostgresError;
use super::link::Link;
use super::schema::MIGRATIONS;
use super::session::Session;
use super::settings::PostgresSettings;
use crate::sql::{Columns, SqlError, Value};

/// Longest wait for an answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often the name is asked for at the start: that of a process that has just ended is free in a moment.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(200);

/// Takes a name for as long as the connection lasts. The number keeps these locks apart from others.
const TAKE_NAME: &str = "SELECT pg_try_advisory_lock(1886286442, hashtext($1::text))::int::bigint";

/// Says that this server is there; `$4` is its clock. Returns how far that is ahead of the database's.
const BEAT: &str = "
    INSERT INTO nodes AS n (name, origin, version, schema, started, last_seen, clock_offset_ms)
    SELECT $1, current_setting('portvakt.origin', true), $2, $3::bigint, now, now,
           $4::bigint - floor(extract(epoch FROM now) * 1000)::bigint
    FROM (SELECT clock_timestamp() AS now) t
    ON CONFLICT (name) DO UPDATE SET
        origin = excluded.origin, version = excluded.version, schema = excluded.schema,
        started = CASE WHEN n.origin = excluded.origin THEN n.started ELSE excluded.started END,
        last_seen = excluded.last_seen, clock_offset_ms = excluded.clock_offset_ms
    RETURNING clock_offset_ms";

/// This server's entry.
pub(super) struct Node {
    link: Arc<Link>,
    name: String,
    has_name: bool,
}

impl Node {
    /// Takes the name and makes the entry; `None` for a server without a name.
    pub(super) fn register(
        link: &Arc<Link>,
        settings: &PostgresSettings,
    ) -> Result<Option<Self>, PostgresError> {
        if settings.node.is_empty() {
            return Ok(None);
        }
        let mut node = Self {
            link: Arc::clone(link),
            name: settings.node.clone(),
            has_name: false,
        };
        let refused = |error: SqlError| PostgresError::Refused(error.to_string());
        for _ in 0..TRIES {
            node.take_name().map_err(refused)?;
            if node.has_name {
                node.beat(Timestamp::now()).map_err(refused)?;
                return Ok(Some(node));
            }
            std::thread::sleep(PAUSE);
        }
        Err(PostgresError::NodeNameTaken { name: node.name })
    }

    fn take_name(&mut self) -> Result<(), SqlError> {
        let taken = self.number(TAKE_NAME, vec![self.name.clone().into()])?;
        self.has_name = taken == 1;
        Ok(())
    }

    /// Renews the entry; by how many milliseconds the clock `utc` is ahead of the database's.
    pub(super) fn beat(&mut self, utc: Timestamp) -> Result<i64, SqlError> {
        let had_name = self.has_name;
        // A connection that was made anew has it no more.
        self.take_name()?;
        if had_name && !self.has_name {
            tracing::error!(
                name = self.name,
                "another server of the database has the same `node.name`"
            );
        }
        let values = vec![
            self.name.clone().into(),
            env!("CARGO_PKG_VERSION").into(),
            u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX).into(),
            utc.into(),
        ];
        self.number(BEAT, values)
    }

    fn number(&self, sql: &'static str, values: Vec<Value<'static>>) -> Result<i64, SqlError> {
        let work = |session: Arc<Session>| async move { session.query(sql, &values).await };
        let rows = self.link.run(DEADLINE, work)?;
        let row = rows.first().map(|row| row as &dyn Columns);
        row.ok_or_else(|| SqlError::unreadable("a row is missing"))?
            .needed_integer(0)
    }
}
