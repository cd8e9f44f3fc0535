//! Observation of the servers of a directory, for metrics.

use std::time::Duration;

/// A kind of request to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Search for an account.
    Search,
    /// Bind to check a password.
    Bind,
}

/// Is told how a server fares. No call may wait.
pub trait ServerObserver: Send + Sync {
    /// Whether the server is reachable from now on.
    fn up(&self, is_up: bool);

    /// The time until an answer, or a timeout.
    fn took(&self, operation: Operation, time: Duration);

    /// A failure, by its label of [`Failure::LABELS`](crate::Failure::LABELS).
    fn failed(&self, label: &'static str);
}
