//! The engine for a database elsewhere: PostgreSQL 13 or later.
//!
//! ```text
//!  writer thread ──> statements of a commit ──> BEGIN … COMMIT, pipelined ──> one wait ──> done()
//!  readers ────────> one statement each, on a connection of their own
//!                    └── both: a link that is connected anew in the background, 5 s apart at most
//! ```
//!
//! While the database is away a commit fails at once, locks stay in memory, and
//! [`Store::health`](crate::Store::health) says so.
//!
//! One server at a time: the writer's connection holds an advisory lock of the database, and a second
//! server does not start. Counts of failures are exact in the memory of one process; two servers
//! beside each other would tell twelve outcomes where six are allowed.
//!
//! A connection that breaks during COMMIT leaves open whether it happened. Locks and sessions are
//! written again to the same effect; an attempt may then be listed twice.

mod connection;
mod error;
mod link;
mod schema;
mod session;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use portvakt_sealing::SealingKey;

use crate::durable::{self, DurableStore};
use crate::tables::locks;
use crate::{DataFolder, StoreError};
pub(crate) use connection::PostgresConnection;
pub use error::PostgresError;
pub use settings::{PostgresSettings, SettingsError, SynchronousCommit};

/// Longest wait of the writer for the database: a log-on waits as long, and its NAS asks again.
const WRITE_DEADLINE: Duration = Duration::from_secs(3);
/// Longest wait of a reader: all accounts of a campus are one statement.
const READ_DEADLINE: Duration = Duration::from_secs(60);

/// A store in PostgreSQL.
pub type PostgresStore = DurableStore<PostgresConnection>;

impl PostgresStore {
    /// Connects, brings the schema up to date and takes the database for this process. Secrets of
    /// accounts are sealed with `key`, or with the key in the folder, which is made if it is missing.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Postgres`] where the database is not fit.
    pub fn connect(
        folder: DataFolder,
        key: Option<SealingKey>,
        settings: PostgresSettings,
    ) -> Result<Self, StoreError> {
        let (mut connection, reader) = open(settings)?;
        locks::remove_cleared(&mut connection)?;
        let sealing = durable::sealing_key(&mut connection, &folder, key)?;
        Self::start(connection, reader, sealing, folder)
    }
}

/// Connects, takes the database for this process and brings the schema up to date; returns the
/// writer's connection and the readers'.
pub(crate) fn open(
    settings: PostgresSettings,
) -> Result<(PostgresConnection, PostgresConnection), StoreError> {
    let settings = Arc::new(settings);
    let runtime = link::runtime().map_err(PostgresError::Thread)?;
    let open = |role, deadline| PostgresConnection::open(&runtime, &settings, role, deadline);
    let connection = open(session::Role::Writer, WRITE_DEADLINE)?;
    let mut reader = open(session::Role::Reader, READ_DEADLINE)?;
    schema::migrate(&mut reader, schema::MIGRATIONS)?;
    Ok((connection, reader))
}
