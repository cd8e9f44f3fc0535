//! The engine for a database elsewhere: PostgreSQL 13 or later.
//!
//! ```text
//!  writer thread ──> statements of a commit ──> BEGIN … COMMIT, pipelined ──> one wait ──> done()
//!  locks thread ───> outcomes of log-ons ─────> BEGIN … COMMIT, pipelined ──> one wait ──> told
//!  readers ────────> one statement each, on a connection of their own
//!  changes thread <─ NOTIFY by other servers, then one statement
//!                    └── all: a link that is connected anew in the background, 5 s apart at most
//! ```
//!
//! Several servers share one database. Who counts is the database ([`crate::taking`]); while it is away
//! a commit fails at once, and [`Store::health`](crate::Store::health) says so.
//!
//! A connection that breaks during COMMIT leaves open whether it happened. Sessions are written again
//! to the same effect; an attempt may then be listed twice.

mod changes;
mod connection;
mod error;
mod inspect;
mod link;
mod locks;
mod node;
mod schema;
mod session;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use portvakt_sealing::SealingKey;

use crate::changes::Listener;
use crate::durable::{self, DurableStore, SharedDatabase};
use crate::taking::{Journal, Takings};
use crate::{DataFolder, StoreError};
use changes::PostgresChanges;
pub(crate) use connection::PostgresConnection;
pub use error::PostgresError;
pub use inspect::{Inspection, NodeEntry, inspect, migrate};
use locks::PostgresLocks;
pub use settings::{PostgresSettings, SettingsError, SynchronousCommit};

/// Longest wait of the writer for the database: a log-on waits as long, and its NAS asks again.
const WRITE_DEADLINE: Duration = Duration::from_secs(3);
/// Longest wait of a reader: all accounts of a campus are one statement.
const READ_DEADLINE: Duration = Duration::from_secs(60);

/// A store in PostgreSQL.
pub type PostgresStore = DurableStore<PostgresConnection>;

impl PostgresStore {
    /// Connects, brings the schema up to date and merges what this server counted without the
    /// database. Secrets of accounts are sealed with `key`, or with the key in the folder, which is made
    /// if it is missing.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Postgres`] where the database is not fit.
    pub fn connect(
        folder: DataFolder,
        key: Option<SealingKey>,
        settings: PostgresSettings,
    ) -> Result<Self, StoreError> {
        let Opened {
            io,
            settings,
            mut connection,
            reader,
            finder,
        } = open(settings, session::Role::Writer)?;
        // Before anything is read: what is written from now on is heard.
        let changes = PostgresChanges::open(&io, &settings)?;
        let sealing = durable::sealing_key(&mut connection, &folder, key)?;
        let journal = Journal::open(&folder.journal()?)?;
        let locks = PostgresLocks::open(&io, &settings, journal.id())?;
        let takings = Takings::start(locks, journal, jiff::Timestamp::now())?;
        let shared = SharedDatabase {
            takings,
            changes: Listener::new(changes),
        };
        Self::start(connection, [reader, finder], sealing, folder, Some(shared))
    }
}

/// The connections of a process to its database.
pub(crate) struct Opened {
    io: Arc<link::Io>,
    settings: Arc<PostgresSettings>,
    pub(crate) connection: PostgresConnection,
    pub(crate) reader: PostgresConnection,
    /// Of the thread that looks for TLS sessions.
    finder: PostgresConnection,
}

/// Connects for a copy, beside no server.
pub(crate) fn open_alone(settings: PostgresSettings) -> Result<Opened, StoreError> {
    open(settings, session::Role::Copy)
}

/// Connects, and brings the schema up to date.
fn open(settings: PostgresSettings, writer: session::Role) -> Result<Opened, StoreError> {
    let settings = Arc::new(PostgresSettings {
        origin: format!("{:016x}", locks::random()),
        ..settings
    });
    let io = link::runtime().map_err(PostgresError::Thread)?;
    let open = |role, deadline| PostgresConnection::open(&io, &settings, role, deadline);
    let connection = open(writer, WRITE_DEADLINE)?;
    let mut reader = open(session::Role::Reader, READ_DEADLINE)?;
    schema::migrate(&mut reader, schema::MIGRATIONS)?;
    let finder = open(session::Role::Reader, durable::FIND_DEADLINE)?;
    Ok(Opened {
        io,
        settings,
        connection,
        reader,
        finder,
    })
}
