//! One Accounting-Request about a session.

use jiff::Timestamp;

use crate::{Addresses, Facts, Joined, SessionKey, Usage};

/// The facts of one Accounting-Request that begins, continues or ends a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The session that it names.
    pub key: SessionKey,
    /// Acct-Status-Type.
    pub status: Status,
    /// The moment that it tells of: [`event_time`](crate::event_time).
    pub event: Timestamp,
    /// Event-Timestamp as sent: a Start that is sent again has the same one.
    pub stamp: Option<u32>,
    /// Whether it has Acct-Session-Time, and so tells when its session began.
    pub has_session_time: bool,
    /// Facts, told at [`Self::event`].
    pub facts: Facts,
    /// Addresses, told at [`Self::event`].
    pub addresses: Addresses,
    /// Counters.
    pub usage: Usage,
    /// The log-on that it belongs to.
    pub joined: Option<Joined>,
}

/// The record's place in the life of a session (RFC 2866 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It begins.
    Start,
    /// It goes on.
    Interim,
    /// It is over, with Acct-Terminate-Cause.
    Stop(Option<u32>),
}

impl Record {
    /// When the session began by Acct-Session-Time.
    #[must_use]
    pub fn reckoned_start(&self) -> Option<Timestamp> {
        let seconds = i64::from(self.usage.session_time_s);
        let time = jiff::SignedDuration::from_secs(seconds);
        self.has_session_time
            .then(|| self.event.checked_sub(time).ok())?
    }
}
