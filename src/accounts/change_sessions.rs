//! Live sessions ended or moved to another VLAN by an administrator; outcomes of the last tries.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portvakt_accounting::Session;
use portvakt_accounting::disconnect::{Authorization, LastTry, Outcome};
use serde::{Deserialize, Serialize};

use super::sessions::{account_of, details, mac_address};
use super::{Accounts, ActError, Actor, SessionDetails};
use crate::audit::{Act, AuditEvent};
use crate::config;
use crate::disconnect::{Cause, Urgency, Wanted, sentence};
use crate::times::iso;

/// Longest wait for outcomes: a request and a narrower one, of 30 s each, and their turn.
const PATIENCE: Duration = Duration::from_secs(90);

/// The sessions to end or to move: those that live and meet every condition given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSelection {
    /// User name or alias, with or without realm, of an account; also of one that is no more.
    pub user: Option<String>,
    /// MAC address of the device, in any spelling.
    pub mac: Option<String>,
    /// The number of the session, [`SessionDetails::number`].
    pub number: Option<i64>,
    /// The actor's reason, for the audit log.
    pub why: String,
}

/// The sessions that were to change, each with its outcome in [`SessionDetails::ending`] or
/// [`SessionDetails::vlan_change`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ChangedSessions {
    /// In no order.
    pub sessions: Vec<SessionDetails>,
}

/// The last try to end or to move a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TryDetails {
    /// The VLAN it was to be moved to; none where it was to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<String>,
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
        wanted: &SessionSelection,
    ) -> Result<ChangedSessions, ActError> {
        let changed = self.change_sessions(actor, wanted, &Authorization::End)?;
        self.audit_change(actor, wanted, "end-sessions", &changed, "");
        Ok(changed)
    }

    /// Has the NAS of each session move it to `vlan`, a number of 1 to 4094 or a name; otherwise as
    /// [`Self::end_sessions`]. Where its profile has no such request, none is sent. The NAS keeps the
    /// session there until its next log-on: that gives the VLAN of the configuration again.
    ///
    /// # Errors
    /// [`ActError::NoVlan`], and those of [`Self::end_sessions`].
    pub fn move_sessions(
        &self,
        actor: &Actor,
        wanted: &SessionSelection,
        vlan: &str,
    ) -> Result<ChangedSessions, ActError> {
        let no_vlan = || ActError::NoVlan {
            text: vlan.to_owned(),
        };
        let vlan = config::vlan(vlan).ok_or_else(no_vlan)?;
        let change = Authorization::Vlan(vlan.as_str().into());
        let changed = self.change_sessions(actor, wanted, &change)?;
        let to = format!(", to VLAN {vlan}");
        self.audit_change(actor, wanted, "move-sessions", &changed, &to);
        Ok(changed)
    }

    fn change_sessions(
        &self,
        actor: &Actor,
        wanted: &SessionSelection,
        change: &Authorization,
    ) -> Result<ChangedSessions, ActError> {
        let sessions = self.selected_sessions(wanted)?;
        let (outcomes, settled) = channel();
        for session in &sessions {
            self.change_session(actor, session, &wanted.why, change, &outcomes);
        }
        drop(outcomes);
        let give_up = Instant::now() + PATIENCE;
        // Ends once each outcome is told: each sender is dropped with its session's.
        while settled
            .recv_timeout(give_up.saturating_duration_since(Instant::now()))
            .is_ok()
        {}
        let sessions = sessions.iter().map(|session| self.with_tries(session));
        Ok(ChangedSessions {
            sessions: sessions.collect(),
        })
    }

    fn selected_sessions(&self, wanted: &SessionSelection) -> Result<Vec<Arc<Session>>, ActError> {
        let SessionSelection {
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

    fn change_session(
        &self,
        actor: &Actor,
        session: &Arc<Session>,
        why: &str,
        change: &Authorization,
        outcomes: &Sender<Outcome>,
    ) {
        let policy = self.state.policy.load();
        let source = session.facts.source.get();
        let client = source.and_then(|source| policy.clients.find(source.ip()));
        let outcomes = outcomes.clone();
        let wanted = Wanted {
            change: change.clone(),
            cause: Cause::Act {
                who: actor.who.as_str().into(),
                why: why.into(),
            },
            urgency: Urgency::Now,
            done: Some(Box::new(move |outcome| {
                let _ = outcomes.send(outcome);
            })),
        };
        let disconnector = &self.state.disconnector;
        disconnector.ask(session, client.map(Arc::as_ref), wanted);
    }

    fn audit_change(
        &self,
        actor: &Actor,
        wanted: &SessionSelection,
        what: &str,
        changed: &ChangedSessions,
        to: &str,
    ) {
        self.state.audit.record(&AuditEvent::Act(Act {
            time: self.state.clock.now().utc,
            who: &actor.who,
            what,
            account: wanted.user.as_deref(),
            why: Some(&wanted.why),
            result: &format!("sessions: {}{to}", changed.sessions.len()),
        }));
    }

    /// A session, and the last tries to end and to move it.
    pub(super) fn with_tries(&self, session: &Session) -> SessionDetails {
        let disconnector = &self.state.disconnector;
        SessionDetails {
            ending: disconnector.last_end(session.id).map(TryDetails::from),
            vlan_change: disconnector.last_move(session.id).map(TryDetails::from),
            ..details(session)
        }
    }
}

impl From<LastTry> for TryDetails {
    fn from(last: LastTry) -> Self {
        let outcome = last.outcome;
        Self {
            vlan: match last.wanted {
                Authorization::End => None,
                Authorization::Vlan(vlan) => Some(vlan.to_string()),
            },
            asked: last.asked,
            outcome: outcome.map(|outcome| outcome.code().to_owned()),
            error_cause: match outcome {
                Some(Outcome::Nak(cause)) => cause,
                _ => None,
            },
            detail: outcome.and_then(sentence).map(String::from),
            tries: last.tries,
        }
    }
}
