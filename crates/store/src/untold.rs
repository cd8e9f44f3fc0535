//! An outcome that stays hidden until the change of the lock that goes with it is durable.

use portvakt_auth::{LockChange, Now};

use crate::LockStore;

/// The outcome of a log-on, and the change of the account's lock that must be durable before it is
/// told. Only [`Untold::tell`] gives the outcome away.
#[must_use]
pub struct Untold<T> {
    outcome: T,
    change: Option<LockChange>,
}

impl<T> Untold<T> {
    /// An outcome that was settled with this change.
    pub fn new(outcome: T, change: Option<LockChange>) -> Self {
        Self { outcome, change }
    }

    /// The outcome, for tests without a store.
    #[doc(hidden)]
    pub fn reveal(self) -> T {
        self.outcome
    }

    /// Hands the outcome to `tell`: at once where nothing changed, otherwise on the writer's thread
    /// when the change is on disk. While the disk refuses, it is told when the change is kept in
    /// memory, to be written later, and [`Store::health`](crate::Store::health) says so. A store
    /// that was closed tells nothing any more: the outcome is dropped.
    pub fn tell(
        self,
        store: &(impl LockStore + ?Sized),
        now: impl FnOnce() -> Now,
        tell: impl FnOnce(T) + Send + 'static,
    ) where
        T: Send + 'static,
    {
        let Self { outcome, change } = self;
        let Some(change) = change else {
            return tell(outcome);
        };
        let done = Box::new(move |_| tell(outcome));
        store.record_lock(change.stored(now()), Some(done));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{TryRecvError, channel};

    use portvakt_auth::{AccountId, LockRecord, Tick};

    use super::*;
    use crate::{DataFolder, SqliteStore, Store as _};

    fn now() -> Now {
        Now {
            tick: Tick::START,
            utc: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn failure() -> Option<LockChange> {
        Some(LockChange::Put(LockRecord {
            id: AccountId::new("kari").unwrap(),
            failures: 1,
            last_failure: Tick::START,
            locked_until: None,
            revision: 1,
        }))
    }

    #[test]
    fn failure_is_told_when_it_is_on_disk_and_not_after_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            Arc::new(SqliteStore::open(DataFolder::take(folder.path()).unwrap(), None).unwrap());
        let (told, heard) = channel();
        let tell = told.clone();
        let reader = store.clone();
        Untold::new("wrong", failure()).tell(&*store, now, move |outcome| {
            let is_pending = reader.is_dirty(&AccountId::new("kari").unwrap());
            tell.send((outcome, is_pending)).unwrap();
        });
        assert_eq!(heard.recv(), Ok(("wrong", false)));

        store.close();
        Untold::new("wrong", failure()).tell(&*store, now, move |outcome| {
            told.send((outcome, false)).unwrap();
        });
        assert_eq!(heard.try_recv(), Err(TryRecvError::Disconnected));
    }

    #[test]
    fn outcome_that_changes_nothing_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            Arc::new(SqliteStore::open(DataFolder::take(folder.path()).unwrap(), None).unwrap());
        let (told, heard) = channel();
        let tell = move |outcome| told.send(outcome).unwrap();
        Untold::new("right", None).tell(&*store, now, tell);
        assert_eq!(heard.try_recv(), Ok("right"));
    }
}
