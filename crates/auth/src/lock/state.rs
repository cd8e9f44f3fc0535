//! The record of one account, and what each event does to it. Single-threaded; the table's entry
//! lock makes each event atomic.

use super::settlement::{Learned, Question};
use super::{Denied, Guess, LockChange, LockRecord};
use crate::name::AccountId;
use crate::rules::{Lockout, SameWrongPassword};
use crate::time::Tick;

/// Failures, lock and reservations of one account.
#[derive(Debug, Default)]
pub(super) struct State {
    failures: u8,
    /// Attempts being checked at this moment.
    reserved: u8,
    /// Failures that a database is asked to count, and has not counted yet.
    undecided: u8,
    /// Whether memory decided something that no database has been told: see [`Self::adopt`].
    is_ahead: bool,
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

impl Effect {
    /// The change that the store is told of; `state` is the one after it.
    pub(super) fn change(self, state: &State, id: &AccountId, revision: u64) -> Option<LockChange> {
        match self {
            Effect::None => None,
            Effect::Counted | Effect::Locked => Some(LockChange::Put(state.record(id, revision))),
            Effect::Cleared => Some(LockChange::Cleared {
                id: id.clone(),
                revision,
            }),
        }
    }
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

    /// Reserves one attempt. Where none is left and none is being checked there is nothing to wait
    /// behind: the account is as good as locked.
    pub(super) fn admit(&mut self, rules: &Lockout, now: Tick) -> Result<(), Denied> {
        if let Some(until) = self.locked_until(now) {
            return Err(Denied::Locked { until });
        }
        let counted = self.failures(rules, now).saturating_add(self.undecided);
        if counted.saturating_add(self.reserved) < attempts(rules) {
            self.reserved = self.reserved.saturating_add(1);
            return Ok(());
        }
        Err(match self.reserved {
            0 => Denied::Locked {
                until: now.plus(rules.duration),
            },
            _ => Denied::Busy,
        })
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
        let effect = self.conclude(outcome, guess, rules, now);
        if effect == Effect::Counted {
            self.note_counted(guess, rules, now);
        }
        effect
    }

    /// Counts, clears, or neither. A counted failure is not noted yet as free to repeat.
    pub(super) fn conclude(
        &mut self,
        outcome: Outcome,
        guess: &Guess,
        rules: &Lockout,
        now: Tick,
    ) -> Effect {
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
        if self.repeats_counted(guess, rules, now) {
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

    /// Whether this failure repeats one whose repetition is free, and from now on for longer.
    fn repeats_counted(&mut self, guess: &Guess, rules: &Lockout, now: Tick) -> bool {
        let (key, once) = key(guess, rules);
        let is_same = |counted: &&mut Counted| {
            counted.key == key && (once || guess.arrived < counted.free_until)
        };
        let Some(counted) = self.counted.iter_mut().find(is_same) else {
            return false;
        };
        counted.free_until = counted.free_until.max(leaves(guess, now));
        true
    }

    /// Notes a counted failure: its repetition is free.
    fn note_counted(&mut self, guess: &Guess, rules: &Lockout, now: Tick) {
        let (key, once) = key(guess, rules);
        if !once {
            self.counted.retain(|counted| now < counted.free_until);
        }
        self.counted.reserve_exact(1);
        self.counted.push(Counted {
            key,
            free_until: leaves(guess, now),
        });
    }

    /// Ends a reserved attempt that a database decides about. `None` where it has nothing to decide:
    /// nothing was learned that was not told before, or a lock is known already.
    pub(super) fn hand_over(
        &mut self,
        learned: Learned,
        guess: &Guess,
        rules: &Lockout,
        now: Tick,
    ) -> Option<Question> {
        self.release();
        if self.locked_until(now).is_some() {
            return None;
        }
        match learned {
            Learned::Nothing => None,
            Learned::Remembered => self.has_record().then_some(Question::Clear),
            Learned::Right => Some(Question::Clear),
            Learned::RightButRefused => Some(Question::Look),
            Learned::Wrong => {
                let counts = self.failures(rules, now) > 0;
                if counts && self.repeats_counted(guess, rules, now) {
                    return None;
                }
                self.undecided = self.undecided.saturating_add(1);
                Some(Question::Count)
            }
        }
    }

    /// The question of [`Self::hand_over`] is answered, or never will be.
    pub(super) fn answered(&mut self, question: Question) {
        if question == Question::Count {
            self.undecided = self.undecided.saturating_sub(1);
        }
    }

    /// Takes over the state that a database has. Where memory is ahead of it, the stricter holds.
    pub(super) fn adopt(&mut self, record: &LockRecord) {
        if self.is_ahead {
            return self.merge(record);
        }
        self.failures = record.failures;
        self.last_failure = record.last_failure;
        self.locked_until = record.locked_until;
        match record.locked_until {
            Some(_) => self.counted = Vec::new(),
            None => self.counted.truncate(record.failures.into()),
        }
    }

    /// Notes a failure that was counted before: its repetition is free, unless the account is locked.
    pub(super) fn note_counted_if_open(&mut self, guess: &Guess, rules: &Lockout, now: Tick) {
        // Those before it were forgotten, or are as many as the others at most.
        let others = self.failures.saturating_sub(1).into();
        let excess = self.counted.len().saturating_sub(others);
        self.counted.drain(..excess);
        if self.locked_until.is_none() {
            self.note_counted(guess, rules, now);
        }
    }

    /// Memory has decided something that no database has been told.
    pub(super) fn go_ahead(&mut self) {
        self.is_ahead = true;
    }

    /// The database has been told everything.
    pub(super) fn caught_up(&mut self) {
        self.is_ahead = false;
    }

    /// Forgets failures and lock; reservations stay.
    pub(super) fn clear(&mut self) {
        *self = State {
            reserved: self.reserved,
            undecided: self.undecided,
            is_ahead: self.is_ahead,
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
        self.reserved == 0 && self.undecided == 0 && !self.has_record()
    }

    /// Whether all there is has run out or is long past.
    pub(super) fn is_expired(&self, rules: &Lockout, now: Tick) -> bool {
        let is_idle = self.reserved == 0 && self.undecided == 0;
        is_idle && self.failures(rules, now) == 0 && self.locked_until(now).is_none()
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

/// By what a guess is told from others; whether its repetition is free without end.
fn key(guess: &Guess, rules: &Lockout) -> (u64, bool) {
    match rules.same_wrong_password {
        SameWrongPassword::Once => (guess.tag, true),
        SameWrongPassword::Each => (guess.tag ^ guess.source, false),
    }
}

/// When the refusal of a guess leaves: that of an attempt that had to wait, at once.
fn leaves(guess: &Guess, now: Tick) -> Tick {
    guess.refusal_leaves.max(now)
}

/// At least one attempt: with none nobody could ever log on.
fn attempts(rules: &Lockout) -> u8 {
    rules.attempts.max(1)
}
