//! An outcome that stays hidden until the store has taken it.

use portvakt_auth::lock::HandedOver;
use portvakt_auth::{Admission, Now, Refusal, Settled};

use crate::{Decider, LockStore};

/// The decision about a log-on before it counts. What was compared can be told through
/// [`Untold::tell`] alone, which hands out the store's [`Verdict`].
#[must_use]
pub struct Untold<T> {
    decision: Result<T, Refusal>,
    attempt: Option<Admission>,
}

/// A decision that may be told: what goes with it is durable.
///
/// Only the store makes one.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict<T> {
    /// The decision; [`Refusal::LockedOut`] where a lock was there before the credential was compared
    /// or counted, whatever the comparison showed.
    pub decision: Result<T, Refusal>,
    /// This log-on locked the account.
    pub newly_locked: bool,
}

impl<T> Untold<T> {
    /// A decision that was made by the comparisons of this attempt; without one, nothing was compared
    /// that counts.
    pub fn new(decision: Result<T, Refusal>, attempt: Option<Admission>) -> Self {
        Self { decision, attempt }
    }

    /// Settles the attempt by memory alone, for tests without a store.
    #[doc(hidden)]
    pub fn reveal(self, now: Now) -> Verdict<T> {
        let granted = self.decision.is_ok();
        let settled = self
            .attempt
            .map(|attempt| attempt.settle(granted, now.tick));
        verdict(self.decision, &settled.unwrap_or(Settled::NOTHING))
    }

    /// Settles the attempt and hands the verdict to `tell`: at once where nothing counts, otherwise on
    /// a thread of the store.
    ///
    /// Where memory decides, `tell` runs when the change of the lock is on disk. While the disk
    /// refuses, it is told when the change is kept in memory, to be written later, and
    /// [`Store::health`](crate::Store::health) says so. Where a database decides, `tell` runs when
    /// that has taken the outcome; while it is away, when the outcome is in the journal of this server.
    /// An outcome that cannot be made durable is not told: `tell` is dropped. So it is once the store
    /// is closed.
    pub fn tell(
        self,
        store: &(impl LockStore + ?Sized),
        now: Now,
        tell: impl FnOnce(Verdict<T>) + Send + 'static,
    ) where
        T: Send + 'static,
    {
        let Self { decision, attempt } = self;
        let Some(attempt) = attempt else {
            return tell(verdict(decision, &Settled::NOTHING));
        };
        let granted = decision.is_ok();
        match store.decider() {
            Decider::Memory => {
                let settled = attempt.settle(granted, now.tick);
                let Some(change) = &settled.change else {
                    return tell(verdict(decision, &settled));
                };
                let lock = change.stored(now);
                let done = Box::new(move |_| tell(verdict(decision, &settled)));
                store.record_lock(lock, Some(done));
            }
            Decider::Database(takings) => match attempt.hand_over(granted, now.tick) {
                HandedOver::Settled(settled) => tell(verdict(decision, &settled)),
                HandedOver::Asked(settlement) => {
                    let done = Box::new(move |settled| tell(verdict(decision, &settled)));
                    takings.take(settlement, now, done);
                }
            },
        }
    }
}

fn verdict<T>(decision: Result<T, Refusal>, settled: &Settled) -> Verdict<T> {
    let is_locked = settled.locked_until.is_some();
    Verdict {
        decision: match decision {
            Ok(_) if is_locked => Err(Refusal::LockedOut),
            _ if settled.is_stopped => Err(Refusal::LockedOut),
            decision => decision,
        },
        newly_locked: settled.newly_locked,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{TryRecvError, channel};

    use portvakt_auth::account::Kind;
    use portvakt_auth::{Account, AccountId, BindAnswer, Guess, LockTable, Lockout, Tick};

    use super::*;
    use crate::{DataFolder, SqliteStore, Store as _};

    fn now() -> Now {
        Now {
            tick: Tick::START,
            utc: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn compared(locks: &LockTable, answer: BindAnswer) -> Admission {
        let account = Account::new(AccountId::new("kari").unwrap(), Kind::Student);
        let guess = Guess {
            tag: 1,
            source: 1,
            arrived: Tick::START,
            refusal_leaves: Tick::START,
        };
        let mut attempt = locks
            .admit(&account, guess, &Lockout::default(), Tick::START)
            .unwrap();
        let (_, before) = attempt.begin_bind();
        attempt.note_bind(before, answer);
        attempt
    }

    #[test]
    fn failure_is_told_when_it_is_on_disk_and_not_after_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            Arc::new(SqliteStore::open(DataFolder::take(folder.path()).unwrap(), None).unwrap());
        let locks = LockTable::new(10);
        let (told, heard) = channel();
        let tell = told.clone();
        let reader = store.clone();
        let wrong = || {
            let attempt = compared(&locks, BindAnswer::Wrong);
            Untold::<()>::new(Err(Refusal::WrongCredential), Some(attempt))
        };
        wrong().tell(&*store, now(), move |verdict| {
            let is_pending = reader.is_dirty(&AccountId::new("kari").unwrap());
            tell.send((verdict.decision, is_pending)).unwrap();
        });
        assert_eq!(heard.recv(), Ok((Err(Refusal::WrongCredential), false)));

        store.close();
        wrong().tell(&*store, now(), move |verdict| {
            told.send((verdict.decision, false)).unwrap();
        });
        assert_eq!(heard.try_recv(), Err(TryRecvError::Disconnected));
    }

    #[test]
    fn outcome_that_changes_nothing_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            Arc::new(SqliteStore::open(DataFolder::take(folder.path()).unwrap(), None).unwrap());
        let (told, heard) = channel();
        let tell = move |verdict: Verdict<_>| told.send(verdict.decision).unwrap();
        let attempt = compared(&LockTable::new(10), BindAnswer::Right);
        Untold::new(Ok("right"), Some(attempt)).tell(&*store, now(), tell);
        assert_eq!(heard.try_recv(), Ok(Ok("right")));
    }
}
