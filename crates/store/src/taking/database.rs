//! What the thread asks of a database, and its answers.

use portvakt_auth::lock::{LockRecord, Question, Ruling, Taken};
use portvakt_auth::{AccountId, Lockout, Now};

use super::merge::JournalledLock;
use crate::sql::SqlError;

/// An outcome to be taken.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) account: AccountId,
    pub(crate) question: Question,
    pub(crate) rules: Lockout,
}

/// The state of an account's lock in the database; all times in milliseconds since 1970, by the
/// database's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LockState {
    pub(crate) failures: u8,
    pub(crate) last_failure_ms: i64,
    pub(crate) locked_until_ms: Option<i64>,
    pub(crate) revision: u64,
    /// The time of the database when it answered.
    pub(crate) now_ms: i64,
}

impl LockState {
    /// The record for the table of this process; `now` is the time of the answer.
    pub(crate) fn record(&self, id: &AccountId, now: Now) -> LockRecord {
        let at = |ms: i64| {
            let after = ms.saturating_sub(self.now_ms);
            portvakt_auth::Tick::from_millis(now.tick.as_millis().saturating_add(after))
        };
        LockRecord {
            id: id.clone(),
            failures: self.failures,
            // A failure is not counted before it happened.
            last_failure: at(self.last_failure_ms.min(self.now_ms)),
            locked_until: self.locked_until_ms.map(at),
            revision: self.revision,
        }
    }
}

/// The answer to one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) ruling: Ruling,
    /// The state after it; `None` without a record.
    pub(crate) state: Option<LockState>,
}

impl Answer {
    pub(crate) fn taken(&self, id: &AccountId, now: Now) -> Taken {
        Taken {
            ruling: self.ruling,
            record: self.state.map(|state| state.record(id, now)),
        }
    }
}

/// A database that several servers share, as far as it decides about locks. Every call blocks, and has
/// a deadline. After an error nothing or all of it may have happened.
pub(crate) trait LockDatabase: Send + 'static {
    /// Takes outcomes in their order, in one transaction that is durable then; one answer each.
    ///
    /// # Errors
    /// [`SqlError`]: none may be told.
    fn take(&mut self, asked: &[Asked]) -> Result<Vec<Answer>, SqlError>;

    /// The number of the last entry of a journal that was merged; 0 without one.
    ///
    /// # Errors
    /// [`SqlError`].
    fn merged(&mut self, journal: &str) -> Result<i64, SqlError>;

    /// Merges what a journal has of some accounts, in one transaction, with the number of its last entry;
    /// the state of each account then. Fails where the number merged before is not `from`.
    ///
    /// # Errors
    /// [`SqlError`].
    fn merge(
        &mut self,
        journal: &str,
        from: i64,
        through: i64,
        locks: &[JournalledLock],
    ) -> Result<Vec<Answer>, SqlError>;

    /// Forgets failures and lock of an account; its state before, with the revision of the change.
    ///
    /// # Errors
    /// [`SqlError`].
    fn unlock(&mut self, id: &AccountId) -> Result<Option<LockState>, SqlError>;

    /// Whether there is a connection, without asking the database.
    fn is_connected(&mut self) -> bool;
}
