//! The end of an attempt where a database decides about it, because several servers count the same
//! failures.
//!
//! ```text
//!   reserved ── hand_over ──> asked ── adopt ───> the database has taken the outcome as one of six
//!      │                        │└──── decide ──> the database is away: memory decides
//!      └─> settled: nothing     │              decides, and is durable before it is told
//!          to be asked          └──── dropped ──> counted in memory; must not be told
//! ```
//!
//! From `hand_over` on the reservation is given back. A failure stays with the account as undecided, so
//! that no more than six are compared before the first answer comes; but a guess that finds only
//! undecided failures is refused as under a lock, rather than wait for the database.

use super::admission::Held;
use super::state::{Outcome, State};
use super::{LockChange, LockRecord, LockTable, Settled};
use crate::name::AccountId;
use crate::rules::Lockout;
use crate::time::Tick;
use std::fmt;
use std::sync::Arc;

/// What an attempt showed, as far as the count goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Learned {
    /// Nothing that was not known, or nothing that is told.
    Nothing,
    /// Right, by the memory of an earlier comparison; let in.
    Remembered,
    /// Right, by a comparison; let in.
    Right,
    /// Right, by a comparison, and refused for another reason, which tells as much.
    RightButRefused,
    /// Wrong.
    Wrong,
}

/// Whether the database knows what memory decided without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ahead {
    /// Not for certain.
    Untold,
    /// It does.
    Told,
}

/// What the database is asked to do with an account, unless it is locked there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Count a failure; the last one locks.
    Count,
    /// Forget all failures: the right credential led to a grant.
    Clear,
    /// Nothing but look: the right credential led to no grant.
    Look,
}

impl Question {
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Question::Count => Outcome::Failed,
            Question::Clear => Outcome::Accepted,
            Question::Look => Outcome::NotCounted,
        }
    }
}

/// The end of an attempt that was handed over.
#[derive(Debug)]
#[must_use]
pub enum HandedOver {
    /// There is nothing to ask.
    Settled(Settled),
    /// The outcome may be told when this is answered.
    Asked(Settlement),
}

/// What the database did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// What it was asked to.
    Done,
    /// Nothing: the account was locked before.
    Stopped,
}

/// The database's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What it did.
    pub ruling: Ruling,
    /// The account's state then; `None` where it has no record.
    pub record: Option<LockRecord>,
}

/// An attempt whose outcome waits for the database. One that is dropped without an answer counts in
/// memory if it was a failure; its outcome must not be told.
#[must_use]
pub struct Settlement {
    /// `None` once ended.
    held: Option<Held>,
    account: AccountId,
    question: Question,
}

impl Settlement {
    pub(super) fn new(held: Held, account: AccountId, question: Question) -> Settlement {
        Settlement {
            held: Some(held),
            account,
            question,
        }
    }

    /// The account.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// What the database is to be asked.
    pub fn question(&self) -> Question {
        self.question
    }

    /// The rules by which the account is locked.
    pub fn rules(&self) -> Lockout {
        let held = self.held.as_ref();
        held.map(|held| held.rules.clone()).unwrap_or_default()
    }

    /// The table that the account is in.
    pub fn table(&self) -> Option<LockTable> {
        let shared = Arc::clone(&self.held.as_ref()?.shared);
        Some(LockTable { shared })
    }

    /// Takes over the database's answer. Its [`Settled::change`] is none: the database has it.
    pub fn adopt(mut self, taken: &Taken, now: Tick) -> Settled {
        let Some(held) = self.held.take() else {
            return Settled::NOTHING;
        };
        let (shared, rules) = (held.shared, held.rules);
        let counted = self.question == Question::Count && taken.ruling == Ruling::Done;
        if let Some(record) = &taken.record {
            shared.adopt(record, Ahead::Untold);
        }
        shared.end(&self.account, self.question, |state| {
            if counted {
                state.note_counted_if_open(&held.guess, &rules, now);
            }
        });
        let record = taken.record.as_ref();
        let locked_until = record.and_then(|record| record.locked_until);
        let is_locked = counted && locked_until.is_some();
        Settled {
            change: None,
            newly_locked: is_locked,
            failures: record.map_or(0, |record| record.failures),
            locked_until: locked_until.filter(|_| is_locked || taken.ruling == Ruling::Stopped),
            is_stopped: taken.ruling == Ruling::Stopped,
        }
    }

    /// Ends the attempt by what memory knows, because the database is away. It must be told of the
    /// change later.
    pub fn decide(mut self, now: Tick) -> Decided {
        let held = self.held.take();
        let settled = held.as_ref().map_or(Settled::NOTHING, |held| {
            (held.shared).decide(&self.account, self.question, held, now, true)
        });
        Decided {
            settled,
            held,
            account: self.account.clone(),
        }
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else {
            return;
        };
        let (id, question) = (&self.account, self.question);
        match question {
            // Whatever the database did, memory is no weaker for it.
            Question::Count => drop(
                held.shared
                    .decide(id, question, &held, held.admitted, false),
            ),
            _ => drop(held.shared.end(id, question, |_| ())),
        }
    }
}

/// A decision of memory, before its change is durable.
#[must_use]
pub struct Decided {
    settled: Settled,
    held: Option<Held>,
    account: AccountId,
}

impl Decided {
    /// The change that must be durable before the outcome is told.
    pub fn change(&self) -> Option<&LockChange> {
        self.settled.change.as_ref()
    }

    /// The change is durable. Only then the same guess is free to be repeated.
    pub fn durable(self, now: Tick) -> Settled {
        if let (Some(LockChange::Put(_)), Some(held)) = (&self.settled.change, &self.held) {
            let note =
                |state: &mut State| state.note_counted_if_open(&held.guess, &held.rules, now);
            held.shared.end(&self.account, Question::Look, note);
        }
        self.settled
    }
}

impl fmt::Debug for Settlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settlement")
            .field("account", &self.account)
            .field("question", &self.question)
            .finish_non_exhaustive()
    }
}
