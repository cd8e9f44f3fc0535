//! Lines of the audit log about sessions.

use std::borrow::Cow;

use portvakt_accounting::{Ended, Newest, Session};
use portvakt_radius::AttributeType;
use portvakt_radius::dictionary::value_name;
use portvakt_store::{SessionChange, SessionStep};

use crate::audit::{AuditEvent, Nas, SessionEnd, SessionEvent};
use crate::state::State;

/// Writes the line of a beginning or an end; of what lies between there is none.
pub(super) fn write(state: &State, change: &SessionChange) {
    let session = &*change.session;
    let event = match change.step {
        SessionStep::WentOn => return,
        SessionStep::Began => event(session, None),
        SessionStep::Ended => event(session, end(session)),
    };
    state.audit.record(&AuditEvent::Session(event));
}

fn end(session: &Session) -> Option<SessionEnd<'static>> {
    let (at, ended) = session.ended()?;
    let cause = match ended {
        Ended::Stopped(Some(cause)) => {
            let kind = AttributeType::ACCT_TERMINATE_CAUSE;
            let name = value_name(kind, cause).map(Cow::Borrowed);
            Some(name.unwrap_or_else(|| Cow::Owned(cause.to_string())))
        }
        _ => None,
    };
    Some(SessionEnd {
        at,
        by: ended.code(),
        cause,
        session_time_s: session.usage.session_time_s,
        input_octets: session.usage.input_octets,
        output_octets: session.usage.output_octets,
    })
}

fn event<'s>(session: &'s Session, end: Option<SessionEnd<'s>>) -> SessionEvent<'s> {
    let facts = &session.facts;
    let text = |fact: &'s Newest<Box<str>>| fact.text().map(Cow::Borrowed);
    let addresses = session.addresses.all().iter();
    SessionEvent {
        time: end.as_ref().map_or_else(|| session.started(), |end| end.at),
        what: if end.is_some() { "end" } else { "begin" },
        account: session
            .joined
            .as_ref()
            .map(|joined| joined.account.as_str()),
        user_name: text(&facts.user_name),
        calling_station_id: text(&facts.calling_station),
        called_station_id: text(&facts.called_station),
        addresses: addresses.map(|held| held.net).collect(),
        nas: facts.source.get().map(|source| Nas {
            client: &session.key.nas.client,
            client_address: source.ip(),
            nas_identifier: text(&facts.nas_identifier),
            nas_ip_address: facts.nas_address.get().copied(),
        }),
        service: facts.service.text(),
        session_id: &session.key.session,
        began: session.started(),
        end,
    }
}
