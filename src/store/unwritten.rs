//! What is known but not on disk: shared between those who record and the writer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use portvakt_auth::lock::StoredLock;
use portvakt_auth::name::AccountId;

use super::StoreHealth;
use super::notes::Notes;

/// The newest lock of each account that is not on disk. Bounded by the number of accounts.
#[derive(Default)]
pub(super) struct Unwritten {
    locks: HashMap<AccountId, StoredLock, ahash::RandomState>,
}

impl Unwritten {
    /// Takes a lock in, unless a later one of the same account is here: changes of one account may
    /// arrive in another order than they were made.
    pub(super) fn put(&mut self, lock: StoredLock) {
        let waiting = self.locks.get(&lock.id);
        if waiting.is_none_or(|waiting| waiting.revision < lock.revision) {
            self.locks.insert(lock.id.clone(), lock);
        }
    }

    pub(super) fn holds(&self, id: &AccountId) -> bool {
        self.locks.contains_key(id)
    }

    pub(super) fn snapshot(&self) -> Vec<StoredLock> {
        self.locks.values().cloned().collect()
    }

    /// Forgets what has been written, unless something later came in meanwhile.
    pub(super) fn written(&mut self, snapshot: &[StoredLock]) {
        for StoredLock { id, revision, .. } in snapshot {
            if self
                .locks
                .get(id)
                .is_some_and(|waiting| waiting.revision == *revision)
            {
                self.locks.remove(id);
            }
        }
    }
}

/// What the writer and its callers both see.
#[derive(Default)]
pub(super) struct Shared {
    unwritten: Mutex<Unwritten>,
    notes: Notes,
    trouble: Mutex<Trouble>,
    committing: Mutex<Option<Instant>>,
    attempts_dropped: AtomicU64,
    attempts_kept: AtomicUsize,
}

#[derive(Default)]
struct Trouble {
    since: Option<Timestamp>,
    last_error: Option<String>,
}

impl Shared {
    pub(super) fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        locked(&self.unwritten)
    }

    pub(super) fn notes(&self) -> &Notes {
        &self.notes
    }

    pub(super) fn count_dropped(&self, attempts: u64) {
        self.attempts_dropped.fetch_add(attempts, Ordering::Relaxed);
    }

    pub(super) fn set_kept(&self, attempts: usize) {
        self.attempts_kept.store(attempts, Ordering::Relaxed);
    }

    pub(super) fn set_committing(&self, since: Option<Instant>) {
        *locked(&self.committing) = since;
    }

    /// Notes that the disk refuses; true the first time in a row.
    pub(super) fn note_failure(&self, error: &rusqlite::Error) -> bool {
        let mut trouble = locked(&self.trouble);
        trouble.last_error = Some(error.to_string());
        let first = trouble.since.is_none();
        trouble.since.get_or_insert_with(Timestamp::now);
        first
    }

    /// Notes that the disk obeys; since when it had not, if so.
    pub(super) fn note_success(&self) -> Option<Timestamp> {
        locked(&self.trouble).since.take()
    }

    pub(super) fn health(&self, queued: usize) -> StoreHealth {
        let locks_waiting = self.unwritten().locks.len();
        let trouble = locked(&self.trouble);
        StoreHealth {
            failing_since: trouble.since,
            last_error: trouble.last_error.clone(),
            locks_waiting,
            entries_waiting: queued + self.attempts_kept.load(Ordering::Relaxed) + self.notes.len(),
            attempts_dropped: self.attempts_dropped.load(Ordering::Relaxed),
            committing_for: locked(&self.committing).map(|since| since.elapsed()),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
