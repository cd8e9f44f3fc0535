//! State shared by the writer and its callers: locks that are not on disk, buffered attempts,
//! health.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use portvakt_auth::lock::StoredLock;
use portvakt_auth::name::AccountId;

use super::attempt_buffer::AttemptBuffer;
use super::tls_session_changes::TlsSessionChanges;
use super::unattributed_buffer::UnattributedBuffer;
use crate::StoreHealth;

/// The newest lock of each account that is not on disk. Bounded by the number of accounts.
#[derive(Default)]
pub(crate) struct PendingLocks {
    locks: HashMap<AccountId, StoredLock, ahash::RandomState>,
}

impl PendingLocks {
    /// Adds a lock, unless a later one of the account is pending: changes of one account may
    /// arrive in another order than they were made.
    pub(crate) fn put(&mut self, lock: StoredLock) {
        let pending = self.locks.get(&lock.id);
        if pending.is_none_or(|pending| pending.revision < lock.revision) {
            self.locks.insert(lock.id.clone(), lock);
        }
    }

    pub(crate) fn holds(&self, id: &AccountId) -> bool {
        self.locks.contains_key(id)
    }

    pub(crate) fn snapshot(&self) -> Vec<StoredLock> {
        self.locks.values().cloned().collect()
    }

    /// Removes the locks of a snapshot that was written, except those changed meanwhile.
    pub(crate) fn written(&mut self, snapshot: &[StoredLock]) {
        for StoredLock { id, revision, .. } in snapshot {
            let pending = self.locks.get(id);
            if pending.is_some_and(|pending| pending.revision == *revision) {
                self.locks.remove(id);
            }
        }
    }
}

/// State that the writer and its callers share.
#[derive(Default)]
pub(crate) struct Shared {
    locks: Mutex<PendingLocks>,
    attempts: AttemptBuffer,
    unattributed: Mutex<UnattributedBuffer>,
    tls_sessions: TlsSessionChanges,
    failure: Mutex<Failure>,
    committing: Mutex<Option<Instant>>,
    attempts_dropped: AtomicU64,
    backlog: AtomicUsize,
    sessions_beyond: AtomicU64,
}

#[derive(Default)]
struct Failure {
    since: Option<Timestamp>,
    last_error: Option<String>,
}

impl Shared {
    pub(crate) fn locks(&self) -> MutexGuard<'_, PendingLocks> {
        locked(&self.locks)
    }

    pub(crate) fn attempts(&self) -> &AttemptBuffer {
        &self.attempts
    }

    pub(crate) fn unattributed(&self) -> MutexGuard<'_, UnattributedBuffer> {
        locked(&self.unattributed)
    }

    pub(crate) fn tls_sessions(&self) -> &TlsSessionChanges {
        &self.tls_sessions
    }

    pub(crate) fn count_dropped(&self, attempts: u64) {
        self.attempts_dropped.fetch_add(attempts, Ordering::Relaxed);
    }

    /// Counts live sessions that memory had no room for.
    pub(crate) fn count_beyond(&self, sessions: u64) {
        self.sessions_beyond.fetch_add(sessions, Ordering::Relaxed);
    }

    /// Whether there were any.
    pub(crate) fn is_beyond(&self) -> bool {
        self.sessions_beyond.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn set_backlog(&self, attempts: usize) {
        self.backlog.store(attempts, Ordering::Relaxed);
    }

    pub(crate) fn set_committing(&self, since: Option<Instant>) {
        *locked(&self.committing) = since;
    }

    /// Records that a commit failed; true for the first failure in a row.
    pub(crate) fn set_failed(&self, error: &dyn std::fmt::Display) -> bool {
        let mut failure = locked(&self.failure);
        failure.last_error = Some(error.to_string());
        let first = failure.since.is_none();
        failure.since.get_or_insert_with(Timestamp::now);
        first
    }

    /// Records that a commit succeeded; since when commits had failed, if they had.
    pub(crate) fn set_succeeded(&self) -> Option<Timestamp> {
        locked(&self.failure).since.take()
    }

    pub(crate) fn health(&self, queued: usize) -> StoreHealth {
        let locks_waiting = self.locks().locks.len();
        let buffered = self.attempts.len() + self.unattributed().len();
        let failure = locked(&self.failure);
        StoreHealth {
            failing_since: failure.since,
            last_error: failure.last_error.clone(),
            locks_waiting,
            entries_waiting: queued + self.backlog.load(Ordering::Relaxed) + buffered,
            attempts_dropped: self.attempts_dropped.load(Ordering::Relaxed),
            sessions_beyond_memory: self.sessions_beyond.load(Ordering::Relaxed),
            committing_for: locked(&self.committing).map(|since| since.elapsed()),
            ..StoreHealth::default()
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
