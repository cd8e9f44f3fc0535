//! Live sessions ended by an administrator, and what became of those that were to end.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portvakt_accounting::disconnect::Outcome;
use portvakt_accounting::{Session, SessionId};
use serde::{Deserialize, Serialize};

use super::sessions::{account_of, details, mac_address};
use super::{Accounts, ActError, Actor, SessionDetails, SessionSearch};
use crate::audit::{Act, AuditEvent};
use crate::disconnect::{Cause, Urgency, sentence};
use crate::times::iso;

/// Longest wait for outcomes: a request and a narrower one, of 30 s each, and their turn.
const PATIENCE: Duration = Duration::from_secs(90);

/// The sessions to end: those that live and meet every condition given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionsToEnd {
    /// User name or alias, with or without realm, of an account; also of one that is no more.
    pub user: Option<String>,
    /// MAC address of the device, in any spelling.
    pub mac: Option<String>,
    /// The number of the session, [`SessionDetails::number`].
    pub number: Option<i64>,
    /// The actor's reason, for the audit log.
    pub why: String,
}

/// The sessions that were to end, each with its outcome in [`SessionDetails::ending`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EndedSessions {
    /// In no order.
    pub sessions: Vec<SessionDetails>,
}

/// The last try to end a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndingDetails {
    /// When it was asked for.
    #[serde(with = "iso")]
    pub asked: Timestamp,
    /// `acked`, `nak`, `no-answer`, `not-possible`, `queue-full`, `interrupted`; none while it is
    /// under way.
    pub outcome: Option<String>,
    /// The number of Error-Cause, of a NAK.
    pub error_cause: Option<u32>,
    /// The outcome in words; none where its code says it all.
    pub detail: Option<String>,
    /// Tries so far.
    pub tries: u32,
}

impl Accounts {
    /// Has the NAS of each session end it, and waits for the outcomes, 90 seconds at most. Sessions
    /// beyond `accounting.max-sessions`, which are on disk alone, are not among them.
    ///
    /// # Errors
    /// [`ActError::NoCondition`], [`ActError::NoMacAddress`], or those of a name but
    /// [`ActError::UnknownAccount`].
    pub fn end_sessions(
        &self,
        actor: &Actor,
        wanted: &SessionsToEnd,
    ) -> Result<EndedSessions, ActError> {
        let sessions = self.sessions_to_end(wanted)?;
        let (outcomes, settled) = channel();
        for session in &sessions {
            self.end_session(actor, session, &wanted.why, &outcomes);
        }
        drop(outcomes);
        let give_up = Instant::now() + PATIENCE;
        // Ends once each outcome is told: each sender is dropped with its session's.
        while settled
            .recv_timeout(give_up.saturating_duration_since(Instant::now()))
            .is_ok()
        {}
        self.audit_end(actor, wanted, sessions.len());
        let sessions = sessions.iter().map(|session| SessionDetails {
            ending: self.ending(session.id),
            ..details(session, &SessionSearch::default())
        });
        Ok(EndedSessions {
            sessions: sessions.collect(),
        })
    }

    fn sessions_to_end(&self, wanted: &SessionsToEnd) -> Result<Vec<Arc<Session>>, ActError> {
        let SessionsToEnd {
            user, mac, number, ..
        } = wanted;
        if user.is_none() && mac.is_none() && number.is_none() {
            return Err(ActError::NoCondition);
        }
        let account = user.as_deref();
        let account = account.map(|user| self.account_of_sessions(user));
        let account = account.transpose()?;
        let device = mac.as_deref().map(mac_address).transpose()?;
        let live = self.state.store.live();
        Ok(live.filter(|session| {
            account
                .as_ref()
                .is_none_or(|id| account_of(session) == Some(id))
                && device.is_none_or(|device| session.device() == Some(device))
                && number.is_none_or(|number| session.id.0 == number)
        }))
    }

    fn end_session(
        &self,
        actor: &Actor,
        session: &Arc<Session>,
        why: &str,
        outcomes: &Sender<Outcome>,
    ) {
        let policy = self.state.policy.load();
        let source = session.facts.source.get();
        let client = source.and_then(|source| policy.clients.find(source.ip()));
        let cause = Cause::Act {
            who: actor.who.as_str().into(),
            why: why.into(),
        };
        let outcomes = outcomes.clone();
        let done = Box::new(move |outcome| {
            let _ = outcomes.send(outcome);
        });
        let client = client.map(Arc::as_ref);
        let disconnector = &self.state.disconnector;
        disconnector.end(session, client, cause, Urgency::Now, Some(done));
    }

    fn audit_end(&self, actor: &Actor, wanted: &SessionsToEnd, count: usize) {
        self.state.audit.record(&AuditEvent::Act(Act {
            time: self.state.clock.now().utc,
            who: &actor.who,
            what: "end-sessions",
            account: wanted.user.as_deref(),
            why: Some(&wanted.why),
            result: &format!("sessions: {count}"),
        }));
    }

    /// The last try to end a session, if there was one.
    pub(super) fn ending(&self, session: SessionId) -> Option<EndingDetails> {
        let ending = self.state.disconnector.last(session)?;
        let outcome = ending.outcome;
        Some(EndingDetails {
            asked: ending.asked,
            outcome: outcome.map(|outcome| outcome.code().to_owned()),
            error_cause: match outcome {
                Some(Outcome::Nak(cause)) => cause,
                _ => None,
            },
            detail: outcome.and_then(sentence).map(String::from),
            tries: ending.tries,
        })
    }
}
