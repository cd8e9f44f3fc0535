//! One reserved attempt, from the first comparison to its settlement.
//!
//! Nothing may be compared that cannot be counted. Every comparison of a credential with a secret
//! of an account needs the attempt's [`Admission`] and notes in it what it showed, so the outcome
//! that is counted is the outcome that was seen, whatever happens in between:
//!
//! ```text
//!   nothing ──> comparing ──> right | previous | wrong ──┐ a later comparison of the same
//!      │            │            │        │        │ <───┘ attempt may say otherwise
//!      │ settled or dropped: not counted  │        │
//!      │            └───── settled or dropped: a failure
//! ```

use super::Settled;
use super::settlement::{HandedOver, Learned};
use super::state::Outcome;
use super::table::Shared;
use crate::name::AccountId;
use crate::rules::Lockout;
use crate::time::Tick;
use std::fmt;
use std::sync::Arc;

/// An attempt as it is told from others: by its credential, its client, and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guess {
    /// A keyed hash of the credential: equal for the same wrong password of one account. From
    /// [`PasswordDigest::tag`](crate::PasswordDigest::tag) or [`GuessTags`](crate::GuessTags).
    pub tag: u64,
    /// A hash of the RADIUS client that sent it.
    pub source: u64,
    /// When the message arrived that brought the credential.
    pub arrived: Tick,
    /// When its refusal would leave: `arrived` and the reject delay.
    pub refusal_leaves: Tick,
}

/// Result of the comparisons of one attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Nothing was compared.
    #[default]
    Nothing,
    /// A comparison began; what it showed is not known here (a panic, a lost answer).
    Comparing,
    /// The current credential.
    Right,
    /// The current credential, by the memory of an earlier comparison.
    Remembered,
    /// An earlier password: refused, not counted.
    Previous,
    /// Neither.
    Wrong,
}

/// One reserved attempt: leave to compare a credential with the secrets of one account.
///
/// [`Admission::settle`] ends it where memory decides, [`Admission::hand_over`] where a database does.
/// One that is dropped instead gives its attempt back only where no comparison has shown, or could
/// have shown, that the credential is wrong; otherwise it is a failure, and goes to
/// [`LockTable::on_unsettled`](super::LockTable::on_unsettled).
#[must_use]
pub struct Admission {
    /// `None` for accounts that are not counted, and once settled.
    held: Option<Held>,
    account: AccountId,
    shown: Shown,
}

pub(super) struct Held {
    pub(super) shared: Arc<Shared>,
    pub(super) rules: Lockout,
    pub(super) guess: Guess,
    pub(super) admitted: Tick,
}

/// Leave to have a directory compare a password, by a bind. Until the answer is noted
/// ([`Admission::note_bind`]), the attempt counts as a failure.
#[derive(Debug)]
pub struct BindLeave(());

impl Admission {
    pub(super) fn held(
        shared: Arc<Shared>,
        account: AccountId,
        rules: &Lockout,
        guess: Guess,
        admitted: Tick,
    ) -> Admission {
        Admission {
            held: Some(Held {
                shared,
                rules: rules.clone(),
                guess,
                admitted,
            }),
            account,
            shown: Shown::Nothing,
        }
    }

    /// Of an account whose failures are not counted (I5).
    pub(super) fn uncounted(account: AccountId) -> Admission {
        Admission {
            held: None,
            account,
            shown: Shown::Nothing,
        }
    }

    /// The same attempt with another credential.
    #[cfg(test)]
    pub(crate) fn with(mut self, guess: Guess) -> Admission {
        if let Some(held) = &mut self.held {
            held.guess = guess;
        }
        self
    }

    /// The account that it is an attempt at.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// Whether this is an attempt at that account.
    pub fn is_for(&self, account: &AccountId) -> bool {
        self.account == *account
    }

    /// Whether a comparison has shown that the credential is wrong: then the attempt is a failure,
    /// though a further check could not be made.
    pub fn is_known_wrong(&self) -> bool {
        matches!(self.shown, Shown::Wrong | Shown::Comparing)
    }

    /// Compares. `shown` reads the result; `None` leaves what was known before, because nothing was
    /// compared after all. A panic inside leaves the attempt a failure.
    pub(crate) fn compare<T>(
        &mut self,
        compare: impl FnOnce() -> T,
        shown: impl FnOnce(&T) -> Option<Shown>,
    ) -> T {
        let before = std::mem::replace(&mut self.shown, Shown::Comparing);
        let result = compare();
        self.shown = shown(&result).unwrap_or(before);
        result
    }

    /// Hands the comparison to a directory. The attempt is a failure until the answer is noted.
    pub fn begin_bind(&mut self) -> (BindLeave, BeforeBind) {
        let before = std::mem::replace(&mut self.shown, Shown::Comparing);
        (BindLeave(()), BeforeBind(before))
    }

    /// Notes the directory's answer to a bind.
    pub fn note_bind(&mut self, before: BeforeBind, answer: BindAnswer) {
        self.shown = match answer {
            BindAnswer::Right => Shown::Right,
            BindAnswer::Wrong => Shown::Wrong,
            BindAnswer::Unknown => before.0,
        };
    }

    /// Ends an attempt at an unknown name, as a failure: such a name is refused after as many
    /// as an account is.
    pub fn settle_as_nobody(mut self, now: Tick) -> Settled {
        self.shown = Shown::Wrong;
        self.settle(false, now)
    }

    /// Ends the attempt by what memory knows. `granted`: the right credential led to a grant, so the
    /// count is reset.
    ///
    /// Under a lock that was set by other means meanwhile, nothing is counted or reset.
    pub fn settle(mut self, granted: bool, now: Tick) -> Settled {
        let outcome = match self.shown {
            Shown::Right | Shown::Remembered if granted => Outcome::Accepted,
            Shown::Nothing | Shown::Right | Shown::Remembered | Shown::Previous => {
                Outcome::NotCounted
            }
            Shown::Comparing | Shown::Wrong => Outcome::Failed,
        };
        let is_compared = self.shown != Shown::Nothing;
        let Some(held) = self.held.take() else {
            return Settled::NOTHING;
        };
        let settled = held.settle(self.account.clone(), outcome, now);
        Settled {
            is_stopped: is_compared && settled.is_stopped,
            ..settled
        }
    }

    /// Ends the attempt where a database decides about it: what it has to be asked, or at once what
    /// follows where it has nothing to decide.
    pub fn hand_over(mut self, granted: bool, now: Tick) -> HandedOver {
        let learned = match self.shown {
            Shown::Nothing | Shown::Previous => Learned::Nothing,
            Shown::Remembered if granted => Learned::Remembered,
            Shown::Remembered => Learned::Nothing,
            Shown::Right if granted => Learned::Right,
            Shown::Right => Learned::RightButRefused,
            Shown::Comparing | Shown::Wrong => Learned::Wrong,
        };
        let is_compared = self.shown != Shown::Nothing;
        let Some(held) = self.held.take() else {
            return HandedOver::Settled(Settled::NOTHING);
        };
        let shared = Arc::clone(&held.shared);
        shared.hand_over(self.account.clone(), held, learned, is_compared, now)
    }
}

impl Held {
    fn settle(self, account: AccountId, outcome: Outcome, now: Tick) -> Settled {
        (self.shared).settle(account, outcome, &self.guess, &self.rules, now)
    }
}

/// State of an attempt before its bind.
#[derive(Debug)]
pub struct BeforeBind(Shown);

/// A directory's answer to a bind, as far as the count goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindAnswer {
    /// The password is right, whether or not the account may be used.
    Right,
    /// The password is wrong.
    Wrong,
    /// No answer, or one that says nothing of the password.
    Unknown,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else {
            return;
        };
        let account = self.account.clone();
        if !self.is_known_wrong() {
            return held.shared.release(account);
        }
        let (shared, admitted) = (Arc::clone(&held.shared), held.admitted);
        let unsettled = Admission {
            held: Some(held),
            account,
            shown: Shown::Wrong,
        };
        if let Err(unsettled) = shared.take_unsettled(unsettled) {
            let _ = unsettled.settle(false, admitted);
        }
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Admission").field(&self.account).finish()
    }
}

/// Receives the failures of attempts that were dropped, to settle them and make them durable.
pub(super) type Unsettled = Box<dyn Fn(Admission) + Send + Sync>;
