//! The record of one account, and what each event does to it. Single-threaded; the table's entry
//! lock makes each event atomic.

use super::{Denied, Guess, LockRecord};
use crate::name::AccountId;
use crate::rules::{Lockout, SameWrongPassword};
use crate::time::Tick;

/// Failures, lock and reservations of one account.
#[derive(Debug, Default)]
pub(super) struct State {
    failures: u8,
    /// Attempts being checked at this moment.
    reserved: u8,
    last_failure: Tick,
    locked_until: Option<Tick>,
    /// Of the counted failures, those whose repetition is free; never more than `failures`.
    counted: Vec<Counted>,
}

/// A counted failure whose repetition does not count.
#[derive(Debug)]
struct Counted {
    /// The credential; with its client, unless repetitions are free for all clients.
    key: u64,
    /// Repetitions that arrive before this are free: a NAS sends a request again while the refusal
    /// is held back, and that is no new guess. Without end under `SameWrongPassword::Once`.
    free_until: Tick,
}

/// How a reserved attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The credential was right and the account came in: the count is reset.
    Accepted,
    /// The credential was compared and is wrong.
    Failed,
    /// Neither: refused for status, an earlier password, or our own fault.
    NotCounted,
}

/// Effect of [`State::settle`] on the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing that is written down.
    None,
    /// A failure was counted.
    Counted,
    /// A failure was counted, and the account is locked.
    Locked,
    /// Failures were cleared.
    Cleared,
}

impl State {
    pub(super) fn locked_until(&self, now: Tick) -> Option<Tick> {
        self.locked_until.filter(|until| now < *until)
    }

    /// Failures that still count: none once a lock has run out or the last is long past.
    pub(super) fn failures(&self, rules: &Lockout, now: Tick) -> u8 {
        let over = match self.locked_until {
            Some(until) => until <= now,
            None => self.last_failure.plus(rules.forget_after) <= now,
        };
        if over { 0 } else { self.failures }
    }

    /// Reserves one attempt.
    pub(super) fn admit(&mut self, rules: &Lockout, now: Tick) -> Result<(), Denied> {
        if let Some(until) = self.locked_until(now) {
            return Err(Denied::Locked { until });
        }
        let taken = self.failures(rules, now).saturating_add(self.reserved);
        if taken >= attempts(rules) {
            return Err(Denied::Busy);
        }
        self.reserved = self.reserved.saturating_add(1);
        Ok(())
    }

    /// Gives a reservation back.
    pub(super) fn release(&mut self) {
        self.reserved = self.reserved.saturating_sub(1);
    }

    /// Ends a reserved attempt. Under a lock that was set meanwhile nothing is counted or reset.
    pub(super) fn settle(
        &mut self,
        outcome: Outcome,
        guess: &Guess,
        rules: &Lockout,
        now: Tick,
    ) -> Effect {
        self.release();
        if self.locked_until(now).is_some() {
            return Effect::None;
        }
        match outcome {
            Outcome::NotCounted => Effect::None,
            Outcome::Accepted if self.has_record() => {
                self.clear();
                Effect::Cleared
            }
            Outcome::Accepted => Effect::None,
            Outcome::Failed => self.fail(guess, rules, now),
        }
    }

    fn fail(&mut self, guess: &Guess, rules: &Lockout, now: Tick) -> Effect {
        if self.failures(rules, now) == 0 {
            self.clear();
        }
        if self.is_repeated(guess, rules, now) {
            return Effect::None;
        }
        self.failures = self.failures.saturating_add(1);
        // Threads may bring their ticks out of order.
        self.last_failure = self.last_failure.max(now);
        if self.failures < attempts(rules) {
            return Effect::Counted;
        }
        self.locked_until = Some(now.plus(rules.duration));
        self.counted = Vec::new();
        Effect::Locked
    }

    /// Whether this failure repeats one whose repetition is free; if not, it is noted as counted.
    fn is_repeated(&mut self, guess: &Guess, rules: &Lockout, now: Tick) -> bool {
        let once = rules.same_wrong_password == SameWrongPassword::Once;
        let key = match once {
            true => guess.tag,
            false => guess.tag ^ guess.source,
        };
        // The refusal of an attempt that had to wait leaves at once.
        let leaves = guess.refusal_leaves.max(now);
        let is_same = |counted: &&mut Counted| {
            counted.key == key && (once || guess.arrived < counted.free_until)
        };
        if let Some(counted) = self.counted.iter_mut().find(is_same) {
            counted.free_until = counted.free_until.max(leaves);
            return true;
        }
        if !once {
            self.counted.retain(|counted| now < counted.free_until);
        }
        self.counted.reserve_exact(1);
        self.counted.push(Counted {
            key,
            free_until: leaves,
        });
        false
    }

    /// Forgets failures and lock; reservations stay.
    pub(super) fn clear(&mut self) {
        *self = State {
            reserved: self.reserved,
            last_failure: Tick::from_millis(i64::MIN),
            ..State::default()
        };
    }

    /// Takes in a record from elsewhere; where both know something, the stricter holds. What ended
    /// with a lock before the other's last failure is history.
    pub(super) fn merge(&mut self, record: &LockRecord) {
        let ended = |lock: Option<Tick>, failure| lock.is_some_and(|until| until <= failure);
        if self.has_record() && ended(record.locked_until, self.last_failure) {
            return;
        }
        if !self.has_record() || ended(self.locked_until, record.last_failure) {
            self.clear();
        }
        self.failures = self.failures.max(record.failures);
        self.last_failure = self.last_failure.max(record.last_failure);
        self.locked_until = self.locked_until.max(record.locked_until);
    }

    /// Whether there is anything that the store knows, or should.
    pub(super) fn has_record(&self) -> bool {
        self.failures > 0 || self.locked_until.is_some()
    }

    /// Whether nothing would be lost with this state.
    pub(super) fn is_empty(&self) -> bool {
        self.reserved == 0 && !self.has_record()
    }

    /// Whether all there is has run out or is long past.
    pub(super) fn is_expired(&self, rules: &Lockout, now: Tick) -> bool {
        self.reserved == 0 && self.failures(rules, now) == 0 && self.locked_until(now).is_none()
    }

    pub(super) fn record(&self, id: &AccountId, revision: u64) -> LockRecord {
        LockRecord {
            id: id.clone(),
            failures: self.failures,
            last_failure: self.last_failure,
            locked_until: self.locked_until,
            revision,
        }
    }
}

/// At least one attempt: with none nobody could ever log on.
fn attempts(rules: &Lockout) -> u8 {
    rules.attempts.max(1)
}
