//! Errors of a load run.

use std::io;
use std::path::PathBuf;

use rustls::pki_types::pem;

/// Reasons why a run does not begin, or ends early.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file cannot be read.
    #[error("can't read {0}: {1}")]
    Unreadable(PathBuf, #[source] io::Error),
    /// A file of the report cannot be written.
    #[error("can't write {0}: {1}")]
    Unwritable(PathBuf, #[source] io::Error),
    /// A file holds no certificate or key.
    #[error("{0}: {1}")]
    Pem(PathBuf, #[source] pem::Error),
    /// The server's address does not resolve.
    #[error("{0:?} is no HOST:PORT")]
    NoServer(String),
    /// The secret shared with the server has no octets.
    #[error("the secret is empty")]
    EmptySecret,
    /// A line of the users' file has no colon; lines count from 1.
    #[error("{0}:{1}: expected NAME:PASSWORD")]
    NoPassword(PathBuf, usize),
    /// The list of users is empty.
    #[error("there is nobody to log on: the list of users is empty")]
    NoUsers,
    /// The server's process cannot be read.
    #[error("the server's process {0} can't be read: {1}")]
    Process(u32, #[source] io::Error),
    /// A socket fails.
    #[error("the requests can't be sent: {0}")]
    Io(#[from] io::Error),
    /// A worker thread panicked: a bug.
    #[error("a sending thread panicked")]
    Panicked,
    /// The drawing library fails: a bug.
    #[error("the curves can't be drawn: {0}")]
    Drawing(String),
    /// The figures cannot be written as JSON: a bug.
    #[error("the figures can't be written: {0}")]
    Json(#[from] serde_json::Error),
}
