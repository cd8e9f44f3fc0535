//! Why a database is not fit for the store; each a sentence for the operator.

use thiserror::Error;
use tokio_postgres::error::SqlState;

/// The database cannot be used.
#[derive(Debug, Error)]
pub enum PostgresError {
    /// No connection.
    #[error(
        "the database {at} can't be reached: {cause}; check that it runs, that `store.url` names it, \
         and that it takes connections from here"
    )]
    Unreachable {
        /// Its hosts.
        at: String,
        /// The error of the connection.
        cause: String,
    },
    /// It did not answer in time.
    #[error("the database {at} does not answer in time")]
    Silent {
        /// Its hosts.
        at: String,
    },
    /// Wrong user or password.
    #[error(
        "the database {at} refuses the log-on: {cause}; check the user in `store.url`, \
         `store.password-file` and the server's pg_hba.conf"
    )]
    LogOn {
        /// Its hosts.
        at: String,
        /// The server's words.
        cause: String,
    },
    /// There is no such database.
    #[error("{cause}; make it: createdb --owner=USER --encoding=UTF8 DATABASE")]
    NoDatabase {
        /// The server's words.
        cause: String,
    },
    /// The user may not do what is needed.
    #[error(
        "the user of the database lacks a right: {cause}; make it the owner of the database, or \
         grant CREATE on its schema"
    )]
    NoRight {
        /// The server's words.
        cause: String,
    },
    /// The server is too old.
    #[error("the database is PostgreSQL {found}; 13 or later is needed")]
    TooOld {
        /// Its version.
        found: String,
    },
    /// It would lose what it has acknowledged, or can't take every text.
    #[error("the database has {setting} = {found}; {needed} is needed: {why}")]
    Setting {
        /// The setting of PostgreSQL.
        setting: &'static str,
        /// Its value.
        found: String,
        /// The value that is needed.
        needed: &'static str,
        /// The reason.
        why: &'static str,
    },
    /// A copy needs it alone, or goes on.
    #[error(
        "the database {at} is in use: servers share it with one another, but not with `store copy` or an \
         older version; stop those first"
    )]
    InUse {
        /// Its hosts.
        at: String,
    },
    /// Another connection of this server has the database, or of a server with a copy of its folder.
    #[error(
        "the database {at} is in use by a server with the same journal: wait half a minute if this one was \
         cut off, or remove journal.db from a data folder that was copied"
    )]
    SameJournal {
        /// Its hosts.
        at: String,
    },
    /// Another server has the same name.
    #[error(
        "another server of this database is called {name:?} at this moment; give each a name of its own in \
         `node.name`, or wait half a minute if it was cut off"
    )]
    NodeNameTaken {
        /// The name.
        name: String,
    },
    /// A standby, or a database that was set to read only.
    #[error(
        "the database {at} takes no writes: it is a standby, or read-only; name the primary in \
         `store.url`, or all hosts with \",\" in between"
    )]
    ReadOnly {
        /// Its hosts.
        at: String,
    },
    /// Something else that the server said.
    #[error("the database refuses: {0}")]
    Refused(String),
    /// No thread for the connections.
    #[error("can't start a thread: {0}")]
    Thread(#[source] std::io::Error),
}

impl PostgresError {
    /// The error of a connection, in the words of its kind.
    pub(super) fn of(error: &tokio_postgres::Error, at: &str) -> Self {
        let at = at.to_owned();
        let cause = in_full(error);
        match error.code() {
            None if cause.contains("does not allow writes") => Self::ReadOnly { at },
            Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => Self::ReadOnly { at },
            None => Self::Unreachable { at, cause },
            Some(code) if code.code().starts_with("28") => Self::LogOn { at, cause },
            Some(&SqlState::INVALID_CATALOG_NAME) => Self::NoDatabase { cause },
            Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Self::NoRight { cause },
            Some(_) => Self::Refused(cause),
        }
    }
}

/// The server's words; else the error with its causes.
fn in_full(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return said.message().to_owned();
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.contains(&next_text) {
            text = format!("{text}: {next_text}");
        }
        cause = next.source();
    }
    text
}
