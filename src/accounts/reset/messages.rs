//! Text messages as a whole: the switch, a test, reports of delivery, and the numbers that accounts
//! were seen with.

use std::collections::HashMap;
use std::time::Duration;

use portvakt_resets::{Mobile, NumberSeen};
use portvakt_store::{MessageProgress, StoreError};
use serde::{Deserialize, Serialize};

use super::super::{Accounts, ActError, Actor};
use super::details::MessageDetails;
use super::send::reference;
use crate::audit::{Act, AuditEvent};
use crate::sms::TextMessage;

/// Numbers that are written in one transaction, so that no log-on waits for them.
const NUMBERS_AT_ONCE: usize = 500;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Messages of the last day, and whether they go out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Messages {
    /// The gateway.
    pub gateway: String,
    /// Whether the configuration has them on.
    pub enabled: bool,
    /// The person who switched them off.
    pub off_by: Option<String>,
    /// State of the breaker, in words, unless it is closed.
    pub breaker: Option<String>,
    /// Requests dropped since the start, for want of room or from one source.
    pub dropped: u64,
    /// Messages, newest first.
    pub messages: Vec<MessageDetails>,
}

/// The switch of messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageSwitch {
    /// Whether they are to go out.
    pub on: bool,
    /// The reason.
    pub why: String,
}

impl Accounts {
    /// Messages of the last day, at most `limit`.
    ///
    /// # Errors
    /// [`ActError::Store`].
    pub fn list_messages(&self, limit: u32) -> Result<Messages, ActError> {
        let policy = self.state.policy.load();
        let messaging = &policy.messaging;
        let breaker = match messaging.breaker() {
            portvakt_resets::BreakerState::Closed => None,
            portvakt_resets::BreakerState::Paused(_) => Some("paused after failures".to_owned()),
            portvakt_resets::BreakerState::Stopped(fault) => Some(format!("stopped: {fault}")),
        };
        Ok(Messages {
            gateway: messaging.gateway().name().to_owned(),
            enabled: messaging.sms.enabled,
            off_by: self.state.store.messages_switched_off()?,
            breaker,
            dropped: self.state.reset_requests.dropped(),
            messages: self.messages(DAY, limit)?,
        })
    }

    /// Switches messages off, on every node and also over a restart, or on again.
    ///
    /// # Errors
    /// [`ActError::Store`].
    pub fn switch_messages(
        &self,
        actor: &Actor,
        switch: &MessageSwitch,
    ) -> Result<MessageSwitch, ActError> {
        let off_by = (!switch.on).then_some(actor.who.as_str());
        self.state.store.switch_messages(off_by)?;
        let what = if switch.on {
            "switch-messages-on"
        } else {
            "switch-messages-off"
        };
        self.audit_messages(actor, what, &switch.why, "done");
        Ok(switch.clone())
    }

    /// Hands a test message over, to see whether the gateway takes it. It is in no budget.
    ///
    /// # Errors
    /// [`ActError::MalformedNumber`]; or [`ActError::NotSent`] with the gateway's fault.
    pub fn send_test_message(&self, actor: &Actor, number: &str) -> Result<String, ActError> {
        let malformed = |cause: portvakt_resets::MobileError| ActError::MalformedNumber {
            detail: cause.to_string(),
        };
        let number = Mobile::parse(number).map_err(malformed)?;
        let policy = self.state.policy.load();
        let message = TextMessage {
            text: zeroize::Zeroizing::new("Portvakt: test".to_owned()),
            reference: reference(),
            valid: DAY,
            number,
        };
        let outcome = policy
            .messaging
            .hand_over(&message, self.state.clock.now().tick);
        let result = match &outcome {
            portvakt_resets::Outcome::HandedOver(_) => Ok("handed over"),
            portvakt_resets::Outcome::Unknown => Ok("unknown: it may have gone out"),
            portvakt_resets::Outcome::Refused(fault) => Err(fault.to_string()),
        };
        let told = result.clone().unwrap_or("refused");
        self.audit_messages(actor, "send-test-message", &message.number.masked(), told);
        let told = result.map_err(|detail| ActError::NotSent { detail })?;
        Ok(told.to_owned())
    }

    /// Takes a gateway's report of delivery. It moves a message forward or does nothing; who reports
    /// learns nothing of what there is.
    ///
    /// # Errors
    /// [`ActError::Store`]: the gateway should report again.
    pub fn take_delivery_report(&self, body: &[u8]) -> Result<(), ActError> {
        let policy = self.state.policy.load();
        let rules = policy.messaging.gateway().report_rules();
        let Some(report) = rules.and_then(|rules| rules.read(body)) else {
            return Ok(());
        };
        self.state.store.move_message(MessageProgress {
            reference: &report.reference,
            state: report.state,
            at: self.state.clock.now().utc,
            fault: None,
            gateway_reference: None,
        })?;
        Ok(())
    }

    /// Notes the numbers of all accounts that the directories list, so that a change is known whenever
    /// it was made. Returns how many changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn note_numbers(&self) -> Result<usize, StoreError> {
        let known: HashMap<_, _> = self.state.store.numbers_seen()?.into_iter().collect();
        let now = self.state.clock.now().utc;
        let mut changed = Vec::new();
        for open in &self.state.directories {
            for account in open.directory.list().unwrap_or_default() {
                let number = account
                    .mobile
                    .as_deref()
                    .and_then(|text| Mobile::parse(text).ok());
                let Some(number) = number else { continue };
                let seen = known.get(&account.id);
                let next = NumberSeen::next(seen, number, now);
                if seen != Some(&next) {
                    changed.push((account.id.clone(), next));
                }
            }
        }
        for numbers in changed.chunks(NUMBERS_AT_ONCE) {
            self.state.store.put_numbers_seen(numbers)?;
        }
        Ok(changed.len())
    }

    fn audit_messages(&self, actor: &Actor, what: &'static str, why: &str, result: &str) {
        self.state.audit.record(&AuditEvent::Act(Act {
            time: self.state.clock.now().utc,
            who: &actor.who,
            what,
            account: None,
            why: Some(why),
            result,
        }));
    }
}
