//! A code is sent: looked up, decided, stored, and only then handed over.

use std::sync::Arc;
use std::time::Duration;

use portvakt_auth::{Account, Now, PasswordHash};
use portvakt_resets::{
    DeliveryFault, MessageState, NewOpening, NoMessage, NumberSeen, Opening, OpeningKind, Outcome,
    ResetCode, Sent, recipient,
};
use portvakt_store::{MessageProgress, MessageRow, StoreError};
use serde::{Deserialize, Serialize};

use super::super::{Accounts, ActError, Actor, Target};
use super::request::CodeKind;
use crate::audit::{Act, AuditEvent};
use crate::policy::{Messaging, Policy};
use crate::sms::TextMessage;
use crate::state::ResetRequest;
use crate::times::short_for_people;

/// Messages of the last day that are looked at; far more than a day's budget may be.
const MOST_SENT: u32 = 50_000;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A message that was handed over, or may have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeSent {
    /// The account's name.
    pub account: String,
    /// The number, masked.
    pub number: String,
    /// State of the message.
    pub state: MessageState,
    /// The word for a fault of the gateway.
    pub fault: Option<String>,
}

/// A message that is stored, not handed over yet.
struct Prepared {
    account: Arc<Account>,
    message: TextMessage,
    row: MessageRow,
}

impl Accounts {
    /// Sends a code at the request of IT support, who are told what became of it.
    ///
    /// # Errors
    /// Those of a name, or [`ActError::NotSent`].
    pub fn send_code_for(
        &self,
        actor: &Actor,
        target: &Target,
        kind: CodeKind,
    ) -> Result<CodeSent, ActError> {
        self.find(&target.user)?;
        let request = ResetRequest {
            name: target.user.clone(),
            kind: kind.into(),
            source: None,
            asked: self.state.clock.now().tick,
            by: actor.who.clone(),
        };
        let sent = self.send_code(&request, &target.why);
        sent.map_err(|why| ActError::NotSent {
            detail: why.to_string(),
        })
    }

    /// Works on a request from the queue. Whatever comes of it stands in the audit log, where there is
    /// such an account.
    pub fn work_on_request(&self, request: &ResetRequest) {
        if let Err(why) = self.send_code(request, "asked for on the page") {
            tracing::debug!(%why, "no code is sent");
        }
    }

    fn send_code(&self, request: &ResetRequest, why: &str) -> Result<CodeSent, NoMessage> {
        let policy = self.state.policy.load();
        let now = self.state.clock.now();
        let prepared = self.prepare(request, &policy, now);
        let prepared = prepared.inspect_err(|no_message| {
            self.audit_send(request, why, &format!("refused: {no_message}"));
        })?;
        let outcome = policy.messaging.hand_over(&prepared.message, now.tick);
        let sent = self.note_outcome(&prepared, &outcome);
        self.audit_send(request, why, &result(&sent));
        Ok(sent)
    }

    /// Decides and stores; what is stored is to be handed over.
    fn prepare(
        &self,
        request: &ResetRequest,
        policy: &Policy,
        now: Now,
    ) -> Result<Prepared, NoMessage> {
        let messaging = &policy.messaging;
        if now.tick.since(request.asked) > messaging.sms.max_age {
            return Err(NoMessage::TooLate);
        }
        let is_off = self
            .state
            .store
            .messages_switched_off()
            .map_err(store)?
            .is_some();
        if is_off || !messaging.allows(now.tick) {
            return Err(NoMessage::OutOfOrder);
        }
        let account = self.find(&request.name).map_err(no_account)?;
        if request.kind.chooses_password() && !self.is_writable(policy, &account) {
            return Err(NoMessage::ReadOnly);
        }
        let sent = self.addressed(request, policy, &account, now)?;
        self.check_budgets(messaging, &sent)?;
        self.store_opening(request, policy, account, sent, now)
    }

    fn is_writable(&self, policy: &Policy, account: &Account) -> bool {
        let source = policy.sources.of_account(&account.id);
        source.is_some_and(|source| source.directory.writer().is_some())
    }

    /// Where the message goes to. The number is noted as seen, whether it gets one or not.
    fn addressed(
        &self,
        request: &ResetRequest,
        policy: &Policy,
        account: &Account,
        now: Now,
    ) -> Result<Sent, NoMessage> {
        let seen = self.state.store.number_seen(&account.id).map_err(store)?;
        self.note_number(account, seen.as_ref(), now)?;
        let rules = policy.sources.rules(&account.id);
        let registry = self.state.registry.of(account);
        let number = recipient(
            registry.subject(account),
            rules,
            &policy.messaging.sms.rules,
            seen.as_ref(),
            now.utc,
        )?;
        Ok(Sent {
            at: now.utc,
            account: account.id.clone(),
            number,
            source: request.source,
        })
    }

    fn note_number(
        &self,
        account: &Account,
        seen: Option<&NumberSeen>,
        now: Now,
    ) -> Result<(), NoMessage> {
        let number = account
            .mobile
            .as_deref()
            .and_then(|text| portvakt_resets::Mobile::parse(text).ok());
        let Some(number) = number else {
            return Ok(());
        };
        let next = NumberSeen::next(seen, number, now.utc);
        if seen == Some(&next) {
            return Ok(());
        }
        let numbers = [(account.id.clone(), next)];
        self.state.store.put_numbers_seen(&numbers).map_err(store)
    }

    fn check_budgets(&self, messaging: &Messaging, next: &Sent) -> Result<(), NoMessage> {
        let since = next.at.checked_sub(DAY).unwrap_or(next.at);
        let rows = self.state.store.messages(since, MOST_SENT).map_err(store)?;
        let sent: Vec<_> = rows.into_iter().map(|row| row.sent).collect();
        let budgets = &messaging.sms.budgets;
        let spent = |sent: &[Sent]| {
            budgets
                .total
                .spent(sent.iter().map(|sent| sent.at), next.at)
        };
        let alarm = f64::from(messaging.sms.alarm_percent) / 100.0;
        let before = sent.get(1..).unwrap_or_default();
        if spent(&sent) >= alarm && spent(before) < alarm {
            tracing::error!(
                sent = sent.len(),
                "text messages have used {} per cent of their budget: is somebody sending them?",
                messaging.sms.alarm_percent
            );
        }
        Ok(budgets.check(&sent, next)?)
    }

    /// Stores the opening and its message at once, in the place of the opening that was there.
    fn store_opening(
        &self,
        request: &ResetRequest,
        policy: &Policy,
        account: Arc<Account>,
        sent: Sent,
        now: Now,
    ) -> Result<Prepared, NoMessage> {
        let before = self.opening(&account.id, request.kind).map_err(store)?;
        // Counted in the row that is compared and set: exact on several nodes, too.
        let begun = before
            .iter()
            .flat_map(|before| before.begun.iter().copied());
        if !policy
            .messaging
            .sms
            .budgets
            .per_account
            .allows(begun, now.utc)
        {
            return Err(portvakt_resets::Exceeded::Account.into());
        }
        let code = ResetCode::from_random(&crate::random::bytes());
        let hash = self
            .hash_code(code.as_bytes())
            .map_err(|_| NoMessage::OutOfMemory)?;
        let opening = new_opening(request, policy, &account, before.as_ref(), hash, now);
        let row = MessageRow {
            reference: reference(),
            kind: request.kind,
            gateway: policy.messaging.gateway().name().to_owned(),
            state: MessageState::Queued,
            state_at: now.utc,
            fault: None,
            gateway_reference: None,
            sent,
        };
        let replaced = before.map_or(0, |before| before.revision);
        let is_stored = self.state.store.put_opening(&opening, replaced, Some(&row));
        if !is_stored.map_err(store)? {
            return Err(NoMessage::Overtaken);
        }
        let message = message(policy, &opening, &code, &row, now);
        Ok(Prepared {
            account,
            message,
            row,
        })
    }

    /// Notes what became of a message. A report of its delivery may have come before.
    fn note_outcome(&self, prepared: &Prepared, outcome: &Outcome) -> CodeSent {
        let fault = match outcome {
            Outcome::Refused(fault) => Some(DeliveryFault::as_str(*fault)),
            Outcome::HandedOver(_) | Outcome::Unknown => None,
        };
        let gateway_reference = match outcome {
            Outcome::HandedOver(reference) => reference.as_deref(),
            Outcome::Refused(_) | Outcome::Unknown => None,
        };
        let state = MessageState::from(outcome);
        let moved = self.state.store.move_message(MessageProgress {
            reference: &prepared.row.reference,
            state,
            at: self.state.clock.now().utc,
            fault,
            gateway_reference,
        });
        if let Err(error) = moved {
            tracing::error!(%error, "the state of a text message can't be stored");
        }
        CodeSent {
            account: prepared.account.id.to_string(),
            number: prepared.row.sent.number.masked(),
            state,
            fault: fault.map(str::to_owned),
        }
    }

    /// Lines of accounts alone: a name that nobody has may be anything.
    fn audit_send(&self, request: &ResetRequest, why: &str, result: &str) {
        let Ok(account) = self.find(&request.name) else {
            return;
        };
        self.state.audit.record(&AuditEvent::Act(Act {
            time: self.state.clock.now().utc,
            who: &request.by,
            what: match request.kind {
                OpeningKind::Proof => "send-proof-code",
                _ => "send-temporary-password",
            },
            account: Some(account.id.as_str()),
            why: Some(why),
            result,
        }));
    }
}

fn result(sent: &CodeSent) -> String {
    let state = sent.state.as_str();
    match &sent.fault {
        Some(fault) => format!("{state}: {fault}"),
        None => state.to_owned(),
    }
}

fn new_opening(
    request: &ResetRequest,
    policy: &Policy,
    account: &Account,
    before: Option<&Opening>,
    hash: PasswordHash,
    now: Now,
) -> Opening {
    let valid = match request.kind {
        OpeningKind::Proof => policy.messaging.resets.proof_valid,
        _ => policy.sources.rules(&account.id).temporary_valid,
    };
    let new = NewOpening {
        account,
        kind: request.kind,
        code: Some(hash),
        pin: None,
        valid,
        by: &request.by,
    };
    Opening::begin(before, new, now.utc)
}

fn message(
    policy: &Policy,
    opening: &Opening,
    code: &ResetCode,
    row: &MessageRow,
    now: Now,
) -> TextMessage {
    let sms = &policy.messaging.sms;
    let zone = policy.sources.rules(&opening.account).terms.zone();
    let until = short_for_people(opening.ends, zone);
    let text = sms.texts.of(opening.kind, sms.language);
    let text = text.map(|text| text.fill(&code.grouped(), &until, &sms.host));
    let valid = opening.ends.duration_since(now.utc);
    TextMessage {
        number: row.sent.number.clone(),
        text: text.unwrap_or_default(),
        reference: row.reference.clone(),
        valid: Duration::try_from(valid).unwrap_or_default(),
    }
}

/// 32 random hexadecimal digits.
pub(super) fn reference() -> String {
    format!("{:032x}", u128::from_be_bytes(crate::random::bytes()))
}

fn no_account(error: ActError) -> NoMessage {
    match error {
        ActError::Directory { .. } => NoMessage::NoDirectory,
        _ => NoMessage::UnknownAccount,
    }
}

fn store(error: StoreError) -> NoMessage {
    tracing::error!(%error, "a code can't be stored, and is not sent");
    NoMessage::Store
}
