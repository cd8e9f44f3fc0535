//! Events of sessions that were to end, or to be moved.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

use super::event::milliseconds;
use super::session::AuditedSession;

/// The outcome of a request to move a session to another VLAN (RFC 5176).
#[derive(Debug, Clone, Serialize)]
pub struct ChangeVlan<'a> {
    /// The number or the name of the VLAN.
    pub vlan: &'a str,
    /// As that of an end.
    #[serde(flatten)]
    pub outcome: Disconnect<'a>,
}

/// The outcome of a request to end a session (RFC 5176).
#[derive(Debug, Clone, Serialize)]
pub struct Disconnect<'a> {
    /// When the outcome was known.
    #[serde(serialize_with = "milliseconds")]
    pub time: Timestamp,
    /// `acked`, `nak`, `no-answer`, `not-possible`, `queue-full`, `interrupted`.
    pub outcome: &'a str,
    /// The number of Error-Cause, of a NAK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_cause: Option<u32>,
    /// The outcome in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Cow<'a, str>>,
    /// The code of the refusal that closes the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// The actor, where a person ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<&'a str>,
    /// The reason that the actor gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'a str>,
    /// The session.
    #[serde(flatten)]
    pub session: AuditedSession<'a>,
}
