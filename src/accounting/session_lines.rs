//! Lines of the audit log about sessions.

use std::borrow::Cow;

use portvakt_accounting::{Ended, Session};
use portvakt_radius::AttributeType;
use portvakt_radius::dictionary::value_name;
use portvakt_store::{SessionChange, SessionStep};

use crate::audit::{AuditEvent, AuditedSession, SessionEnd, SessionEvent};
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
    let addresses = session.addresses.all().iter();
    let place = session.facts.called_station.text();
    SessionEvent {
        time: end.as_ref().map_or_else(|| session.started(), |end| end.at),
        what: if end.is_some() { "end" } else { "begin" },
        session: AuditedSession::of(session),
        called_station_id: place.map(Cow::Borrowed),
        addresses: addresses.map(|held| held.net).collect(),
        began: session.started(),
        end,
    }
}
