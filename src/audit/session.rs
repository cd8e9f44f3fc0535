//! The session that an event is about: person, device, equipment.

use std::borrow::Cow;

use portvakt_accounting::{Newest, Session};
use serde::Serialize;

use super::event::Nas;

/// A session as its equipment named it last.
#[derive(Debug, Clone, Serialize)]
pub struct AuditedSession<'a> {
    /// The account, where the session was joined with a log-on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<&'a str>,
    /// User-Name as the NAS told it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<Cow<'a, str>>,
    /// Calling-Station-Id: the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calling_station_id: Option<Cow<'a, str>>,
    /// The equipment.
    #[serde(flatten)]
    pub nas: Option<Nas<'a>>,
    /// The service: `eduroam`, `wired`, `vpn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<&'a str>,
    /// Acct-Session-Id.
    pub session_id: &'a str,
}

impl<'a> AuditedSession<'a> {
    /// The names of `session`.
    #[must_use]
    pub fn of(session: &'a Session) -> Self {
        let facts = &session.facts;
        let text = |fact: &'a Newest<Box<str>>| fact.text().map(Cow::Borrowed);
        let joined = session.joined.as_ref();
        Self {
            account: joined.map(|joined| joined.account.as_str()),
            user_name: text(&facts.user_name),
            calling_station_id: text(&facts.calling_station),
            nas: facts.source.get().map(|source| Nas {
                client: &session.key.nas.client,
                client_address: source.ip(),
                nas_identifier: text(&facts.nas_identifier),
                nas_ip_address: facts.nas_address.get().copied(),
            }),
            service: facts.service.text(),
            session_id: &session.key.session,
        }
    }
}
