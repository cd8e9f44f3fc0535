//! Errors of stores.

use std::path::PathBuf;

use portvakt_sealing::SealingError;
use thiserror::Error;

use crate::postgres::PostgresError;

/// Errors of the store; each a sentence for the operator.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The data folder or its lock file cannot be used.
    #[error(
        "the data folder {path} cannot be used: {cause}; it must exist and be writable by this user"
    )]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The error of the system.
        #[source]
        cause: std::io::Error,
    },
    /// Another process has taken the folder.
    #[error(
        "the data folder {path} is in use by process {holder}; stop it first or choose another folder"
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The id of that process, or `?`.
        holder: String,
    },
    /// The database was written by a newer Portvakt.
    #[error(
        "the database has schema {found}, this version of Portvakt knows {known}; \
         start the newer version, or restore the backup from before the upgrade"
    )]
    NewerSchema {
        /// The schema of the database.
        found: u32,
        /// The newest schema of this version.
        known: u32,
    },
    /// Servers of an older version would not go on with what this version makes of the database.
    #[error(
        "the servers {names} run an older version, which cannot go on with schema {known}; stop them \
         first"
    )]
    OlderServers {
        /// Their names.
        names: String,
        /// The schema of this version.
        known: u32,
    },
    /// The database refused: disk full, read-only, damaged.
    #[error("the database refuses: {0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database elsewhere is not fit, or not there.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// A copy would overwrite something.
    #[error(
        "the destination has {rows} rows of {table}; with --replace they are removed and replaced"
    )]
    NotEmpty {
        /// The table.
        table: &'static str,
        /// The rows in it.
        rows: u64,
    },
    /// A row that this version cannot read.
    #[error("{table} of {key:?} cannot be read: {cause}")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The account of the row.
        key: String,
        /// The reason.
        #[source]
        cause: serde_json::Error,
    },
    /// The key in the data folder is gone, and something is sealed with it.
    #[error(
        "the key {path} is missing, and NT hashes or CHAP secrets in the database are sealed with \
         it; put it back. If it is lost for good, docs/operating.md says under \"The sealing key\" \
         how to start without them"
    )]
    SealingKeyMissing {
        /// Its file.
        path: PathBuf,
    },
    /// Another key than the one that sealed.
    #[error(
        "the key {path} does not open the NT hashes and CHAP secrets in the database: they are \
         sealed with another. Put the right one there (without `accounts.sealing-key-file` it was \
         sealing.key in the data folder), or see \"The sealing key\" in docs/operating.md"
    )]
    SealingKeyWrong {
        /// Its file.
        path: PathBuf,
    },
    /// The key in the data folder cannot be read or made.
    #[error(
        "the key {path} cannot be read or made: {cause}; it must belong to the user that the \
         server runs as"
    )]
    SealingKeyUnusable {
        /// Its file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        cause: std::io::Error,
    },
    /// The sealing key is malformed, or the secrets of an account do not open.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The database elsewhere is away, and only it can do this.
    #[error("the database is away: {cause}; try again when it is back, or at another server")]
    Away {
        /// The reason that it is.
        cause: String,
    },
    /// The journal of a server without its database is full.
    #[error("the journal has {entries} entries, as many as it takes; the database must come back")]
    JournalFull {
        /// The entries in it.
        entries: usize,
    },
    /// A ticket key cannot be sealed: the system's random source refuses.
    #[error("a key of TLS session tickets cannot be sealed: the system has no random numbers")]
    TicketKey,
    /// Too much waits for the database already.
    #[error("too much waits for the database")]
    Busy,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}
