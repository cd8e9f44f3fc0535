//! The engine of one machine: one SQLite file, `<data>/portvakt.db`.
//!
//! WAL with `synchronous=FULL`: every commit is synced.

mod connection;
mod schema;
mod seal_old;

use portvakt_sealing::SealingKey;

use crate::durable::{self, DurableStore};
use crate::{DataFolder, StoreError};
pub(crate) use connection::SqliteConnection;

/// A store in SQLite.
pub type SqliteStore = DurableStore<SqliteConnection>;

impl SqliteStore {
    /// Opens or makes the database in `folder`. Secrets of accounts are sealed with `key`, or with
    /// the key in the folder, which is made if it is missing.
    ///
    /// # Errors
    /// [`StoreError`], except [`StoreError::InUse`].
    pub fn open(folder: DataFolder, key: Option<SealingKey>) -> Result<Self, StoreError> {
        let (connection, sealing) = open_sealed(&folder, key)?;
        let reader = || schema::open_reader(&folder.database());
        let readers = [reader()?, reader()?];
        Self::start(connection, readers, sealing, folder, None)
    }
}

/// Opens or makes the database; nothing in it is unsealed any more.
pub(crate) fn open_sealed(
    folder: &DataFolder,
    key: Option<SealingKey>,
) -> Result<(SqliteConnection, SealingKey), StoreError> {
    let mut connection = schema::open(&folder.database())?;
    let sealing = durable::sealing_key(&mut connection, folder, key)?;
    seal_old::seal_old(&mut connection, &sealing)?;
    Ok((connection, sealing))
}
