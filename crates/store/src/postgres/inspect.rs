//! A look at a database from outside: its schema, the servers that use it, its clock.

use std::sync::Arc;

use jiff::Timestamp;

use super::connection::PostgresConnection;
use super::error::PostgresError;
use super::schema::{self, MIGRATIONS};
use super::session::Role;
use super::settings::PostgresSettings;
use super::{READ_DEADLINE, link};
use crate::StoreError;
use crate::changes::is_off;
use crate::sql::{Connection as _, rows};

/// The state of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The version of PostgreSQL.
    pub server: String,
    /// The schema of the database; 0 for an empty one.
    pub schema: u32,
    /// The newest schema that this program knows.
    pub known: u32,
    /// Whether this program can write beside that schema, once it is no older than `known`.
    pub is_writable: bool,
    /// Standbys that a commit waits for (`synchronous_standby_names`); empty for none.
    pub synchronous_standbys: String,
    /// By how many milliseconds the clock of this machine is ahead of the database's.
    pub clock_offset_ms: i64,
    /// Servers that use it, and those that did.
    pub nodes: Vec<NodeEntry>,
}

impl Inspection {
    /// Whether the clock of this machine is more than 30 seconds away from the database's.
    #[must_use]
    pub fn clock_is_off(&self) -> bool {
        is_off(self.clock_offset_ms)
    }
}

/// A server that uses a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEntry {
    /// Its name.
    pub name: String,
    /// The version of Portvakt.
    pub version: String,
    /// The newest schema that it knows.
    pub schema: u32,
    /// Seconds since it said that it is there; it says so every ten.
    pub seen_ago_s: i64,
    /// By how many milliseconds its clock is ahead of the database's.
    pub clock_offset_ms: i64,
}

/// Connects and looks; changes nothing.
///
/// # Errors
/// [`StoreError::Postgres`] where the database is not fit, [`StoreError::NewerSchema`] where this program
/// can't read it.
pub fn inspect(settings: PostgresSettings) -> Result<Inspection, StoreError> {
    let mut connection = connect(settings)?;
    let found = schema::find(&mut connection)?;
    let known = known();
    if found.readable_by > known {
        let found = found.version;
        return Err(StoreError::NewerSchema { found, known });
    }
    let sql =
        "SELECT current_setting('server_version'), current_setting('synchronous_standby_names'),
                      floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let mut inspection = Inspection {
        server: String::new(),
        schema: found.version,
        known,
        is_writable: found.writable_by <= known,
        synchronous_standbys: String::new(),
        clock_offset_ms: 0,
        nodes: nodes(&mut connection)?,
    };
    let here = Timestamp::now().as_millisecond();
    connection.query(sql, &[], &mut |row| {
        inspection.server = row.needed_text(0)?;
        inspection.synchronous_standbys = row.needed_text(1)?;
        inspection.clock_offset_ms = here.saturating_sub(row.needed_integer(2)?);
        Ok(())
    })?;
    Ok(inspection)
}

/// Brings the schema of a database up to date; the versions before and now.
///
/// # Errors
/// [`StoreError::Postgres`], [`StoreError::NewerSchema`] or [`StoreError::OlderServers`]; nothing has
/// changed then, or migrations before the one that failed are made.
pub fn migrate(settings: PostgresSettings) -> Result<(u32, u32), StoreError> {
    let mut connection = connect(settings)?;
    let before = schema::migrate(&mut connection, MIGRATIONS)?;
    Ok((before.version, schema::find(&mut connection)?.version))
}

fn connect(settings: PostgresSettings) -> Result<PostgresConnection, StoreError> {
    let settings = Arc::new(settings);
    let io = link::runtime().map_err(PostgresError::Thread)?;
    Ok(PostgresConnection::open(
        &io,
        &settings,
        Role::Reader,
        READ_DEADLINE,
    )?)
}

fn known() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

fn nodes(connection: &mut PostgresConnection) -> Result<Vec<NodeEntry>, StoreError> {
    if !schema::exists(connection, "nodes")? {
        return Ok(Vec::new());
    }
    let sql = "SELECT name, version, schema,
                      floor(extract(epoch FROM clock_timestamp() - last_seen))::bigint, clock_offset_ms
               FROM nodes ORDER BY name";
    Ok(rows(connection, sql, &[], |row| {
        Ok(NodeEntry {
            name: row.needed_text(0)?,
            version: row.needed_text(1)?,
            schema: row.number(2)?.unwrap_or_default(),
            seen_ago_s: row.needed_integer(3)?,
            clock_offset_ms: row.needed_integer(4)?,
        })
    })?)
}
