//! Accounting-Requests: read, stored, and only then answered (R10).
//!
//! ```text
//!  VerifiedRequest ── read ──> Record ─────── store ── on disk ──> Accounting-Response
//!                      │       On, Off ────────┘ └──── not stored ──> silence: the NAS sends it again
//!                      ├ of a federation peer, or of no session ──> Accounting-Response
//!                      └ without status or session ──> dropped, counted
//! ```
//!
//! The answer leaves on the thread of the store. Each beginning and end of a session is one line of
//! the audit log.

mod judge;
mod reading;
mod session_lines;
mod unknown_accounts;

use std::sync::Arc;
use std::time::Duration;

use portvakt_accounting::Record;
use portvakt_radius::{AccountingStatus, NoRoom, Reply, ReplyContext, VerifiedRequest};
use portvakt_store::{Recorded, SessionChange};

use crate::metrics::{AccountingKind, AccountingResult, RequestResult};
use crate::state::State;
use crate::transport::{DropReason, LARGEST_PACKET, Peer, Responder};
pub use judge::Judge;
#[cfg(test)]
pub(crate) use judge::conclude;
use reading::{Message, Reading};
#[cfg(test)]
pub(crate) use unknown_accounts::UnknownAccounts;

/// An Accounting-Request that waits for the store. Dropped, it goes unanswered, and its NAS may send
/// it again.
struct Exchange {
    state: Arc<State>,
    peer: Peer,
    kind: AccountingKind,
    reply_context: ReplyContext,
    responder: Responder,
}

/// Handles a verified Accounting-Request.
pub fn handle(state: &Arc<State>, request: &VerifiedRequest<'_>, peer: Peer, responder: Responder) {
    let Some(status) = AccountingStatus::read(request) else {
        let why = DropReason::AccountingIncomplete;
        return state.dropped(peer.address(), Some(&peer.client), why);
    };
    let exchange = Exchange {
        state: Arc::clone(state),
        kind: kind_of(status),
        reply_context: request.reply_context(),
        peer,
        responder,
    };
    // AC2: what visitors do elsewhere is not ours to keep.
    if exchange.peer.client.federation_peer {
        return exchange.finish(AccountingResult::Discarded);
    }
    let now = state.clock.now_at(exchange.peer.arrived).utc;
    let reading = Reading {
        state,
        request,
        peer: &exchange.peer,
        now,
    };
    match reading.message(status) {
        Message::Record(record) => exchange.record(*record),
        Message::Nas(nas, closed) => {
            let store = Arc::clone(&state.store);
            let done = Box::new(|recorded| exchange.recorded(recorded));
            store.close_sessions_of_nas(nas, closed, done);
        }
        Message::NoSession => exchange.finish(AccountingResult::Discarded),
        Message::Incomplete => exchange.drop_for(DropReason::AccountingIncomplete),
    }
}

/// Writes ends of sessions into the audit log that were concluded without a request.
pub fn report_stale(state: &State, recorded: &Recorded) {
    if let Recorded::OnDisk(changes) = recorded {
        report(state, changes);
    }
}

fn report(state: &State, changes: &[SessionChange]) {
    for change in changes {
        session_lines::write(state, change);
    }
}

fn write<'b>(
    context: &'b ReplyContext,
    peer: &Peer,
    buffer: &'b mut [u8],
) -> Result<&'b [u8], NoRoom> {
    peer.security()
        .finish(Reply::accounting_response(context, buffer)?)
}

fn kind_of(status: AccountingStatus) -> AccountingKind {
    match status {
        AccountingStatus::Start => AccountingKind::Start,
        AccountingStatus::Stop => AccountingKind::Stop,
        AccountingStatus::InterimUpdate => AccountingKind::Interim,
        AccountingStatus::On => AccountingKind::On,
        AccountingStatus::Off => AccountingKind::Off,
        AccountingStatus::Other(_) => AccountingKind::Other,
    }
}

impl Exchange {
    fn record(self, record: Record) {
        let store = Arc::clone(&self.state.store);
        store.record_session(record, Box::new(|recorded| self.recorded(recorded)));
    }

    fn recorded(self, recorded: Recorded) {
        let Recorded::OnDisk(changes) = recorded else {
            return self.drop_for(DropReason::AccountingNotStored);
        };
        let now = self.state.clock.instant();
        let took = now.saturating_duration_since(self.peer.arrived);
        self.state.metrics.accounting_stored_after(took);
        report(&self.state, &changes);
        let is_repeated =
            changes.is_empty() && !matches!(self.kind, AccountingKind::On | AccountingKind::Off);
        self.finish(if is_repeated {
            AccountingResult::Repeated
        } else {
            AccountingResult::Stored
        });
    }

    /// The one place where an outcome becomes an answer.
    fn finish(self, result: AccountingResult) {
        let mut buffer = [0; LARGEST_PACKET];
        let Ok(answer) = write(&self.reply_context, &self.peer, &mut buffer) else {
            return self.drop_for(DropReason::AnswerUnwritable);
        };
        self.state.metrics.accounted(self.kind, result);
        self.peer.client.counters.count(RequestResult::Accounting);
        self.responder.send_after(Duration::ZERO, answer);
    }

    fn drop_for(self, why: DropReason) {
        let metrics = &self.state.metrics;
        metrics.accounted(self.kind, AccountingResult::NotStored);
        let address = self.peer.address();
        self.state.dropped(address, Some(&self.peer.client), why);
    }
}
