//! Sessions of users, as the store takes and gives them.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use portvakt_accounting::{MacAddress, Session};
use portvakt_auth::name::AccountId;

/// Called once, when it is known whether a record is durable.
pub type SessionDone = Box<dyn FnOnce(Recorded) + Send>;

/// Result of storing a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Written and synced, with what it changed: nothing, where it repeats what was known.
    OnDisk(Vec<SessionChange>),
    /// The disk refuses or does not keep up: nothing of it is kept, and its NAS must send it again.
    NotStored,
}

/// A change of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionChange {
    /// The session after it.
    pub session: Arc<Session>,
    /// The step in its life.
    pub step: SessionStep,
}

/// A step in the life of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStep {
    /// It is known from now on, and lives.
    Began,
    /// More is known of it.
    WentOn,
    /// It is over from now on; of one that is known by its Stop alone, too.
    Ended,
}

/// Sessions to be found, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionQuery {
    /// Whose.
    pub of: SessionsOf,
    /// Only those that lived at this time.
    pub at: Option<Timestamp>,
    /// Only those that live.
    pub live: bool,
    /// At most so many.
    pub limit: u32,
}

/// Whose sessions are to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionsOf {
    /// All.
    Everybody,
    /// An account's, as far as they were joined with a log-on.
    Account(AccountId),
    /// A device's, by its MAC address.
    Device(MacAddress),
    /// Those that had this address, or a prefix with it, at any time.
    Address(IpAddr),
}
