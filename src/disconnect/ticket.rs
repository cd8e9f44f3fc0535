//! A session that is being ended or moved, until its outcome is known.

use std::borrow::Cow;
use std::sync::Arc;

use portvakt_accounting::Session;
use portvakt_accounting::disconnect::{Authorization, NotPossible, Outcome};
use portvakt_radius::{DynamicAnswerError, ErrorCause, SharedSecret};

use super::{Cause, Done, Shared, Wanted};
use crate::audit::{AuditEvent, AuditedSession, ChangeVlan, Disconnect};

/// The duty to tell the outcome of one session, once. Dropped, it tells
/// [`Outcome::Interrupted`].
pub(in crate::disconnect) struct Ticket {
    shared: Arc<Shared>,
    session: Arc<Session>,
    change: Authorization,
    cause: Cause,
    done: Option<Done>,
    is_settled: bool,
    /// The secret of request and answer; `None` before the client is known.
    pub(super) secret: Option<SharedSecret>,
    /// Why the last answer was not believed.
    pub(super) refused: Option<DynamicAnswerError>,
}

impl Ticket {
    pub(super) fn new(shared: Arc<Shared>, session: Arc<Session>, wanted: Wanted) -> Self {
        Self {
            shared,
            session,
            change: wanted.change,
            cause: wanted.cause,
            done: wanted.done,
            is_settled: false,
            secret: None,
            refused: None,
        }
    }

    /// Tells the outcome.
    pub(super) fn settle(mut self, outcome: Outcome) {
        self.tell(outcome);
    }

    /// Remembers, counts, writes and hands on: the one place where an outcome is recorded.
    fn tell(&mut self, outcome: Outcome) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        let now = self.shared.clock.now();
        let tries = self.shared.tries(&self.change);
        tries.settle(self.session.id, outcome, now.tick);
        let event = self.event(outcome, now.utc);
        let (metrics, audit) = (&self.shared.metrics, &self.shared.audit);
        match &self.change {
            Authorization::End => {
                metrics.disconnected(outcome.code());
                audit.record(&AuditEvent::Disconnect(event));
            }
            Authorization::Vlan(vlan) => {
                metrics.vlan_changed(outcome.code());
                audit.record(&AuditEvent::ChangeVlan(ChangeVlan {
                    vlan,
                    outcome: event,
                }));
            }
        }
        if let Some(done) = self.done.take() {
            done(outcome);
        }
    }

    fn event(&self, outcome: Outcome, time: jiff::Timestamp) -> Disconnect<'_> {
        let (reason, who, why) = match &self.cause {
            Cause::Closed(code) => (Some(*code), None, None),
            Cause::Act { who, why } => (None, Some(&**who), Some(&**why)),
        };
        Disconnect {
            time,
            outcome: outcome.code(),
            error_cause: match outcome {
                Outcome::Nak(cause) => cause,
                _ => None,
            },
            detail: self.detail(outcome),
            reason,
            who,
            why,
            session: AuditedSession::of(&self.session),
        }
    }

    fn detail(&self, outcome: Outcome) -> Option<Cow<'static, str>> {
        match (outcome, self.refused) {
            (Outcome::NoAnswer, Some(DynamicAnswerError::EventTimestamp)) => {
                Some("the NAS answered by a clock that is wrong".into())
            }
            (Outcome::NoAnswer, Some(_)) => {
                Some("the NAS answered under another secret, or its answers were forged".into())
            }
            _ => sentence(outcome),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.tell(Outcome::Interrupted);
    }
}

/// An outcome in words, without full stop; `None` where its code says it all.
#[must_use]
pub fn sentence(outcome: Outcome) -> Option<Cow<'static, str>> {
    Some(match outcome {
        Outcome::Acked => return None,
        Outcome::Nak(Some(cause)) => ErrorCause::from_number(cause).sentence().into(),
        Outcome::Nak(None) => "the NAS refuses and does not say why".into(),
        Outcome::NoAnswer => "the NAS did not answer within 30 s: does it listen there, and take \
                              requests from this server under this secret?"
            .into(),
        Outcome::NotPossible(NotPossible::NotConfigured) => {
            "the client has no `disconnect` in the configuration".into()
        }
        Outcome::NotPossible(NotPossible::UnknownClient) => {
            "no client of the configuration has the address of the NAS any more".into()
        }
        Outcome::NotPossible(NotPossible::MissingAttribute(name)) => {
            format!("the NAS never told {name}, which its `disconnect` profile needs").into()
        }
        Outcome::NotPossible(NotPossible::TooLong) => {
            "the attributes of the session are too long for a request".into()
        }
        Outcome::NotPossible(NotPossible::NotInProfile) => {
            "equipment of the client's `disconnect` profile takes a VLAN with a log-on alone: end \
             the session instead"
                .into()
        }
        Outcome::QueueFull => "too many requests wait for their turn".into(),
        Outcome::Interrupted => "the server stopped before there was an answer".into(),
    })
}
