//! Outcomes of log-ons, taken by a database that several servers share.
//!
//! Six outcomes of guesses may be told of an account, at all servers together. So each outcome is
//! told only after the database has taken it as one of the six: one statement for each outcome, many
//! in one transaction, in the order of the accounts so that two servers cannot block one another.
//! Times in the statements are the database's: a server whose clock lies changes nothing.
//!
//! ```text
//!   Untold::tell ──> bounded queue ──> thread "locks"
//!                                        │ shared: one transaction ──> Settlement::adopt ──> told
//!                                        │ alone:  Settlement::decide ──> journal ──> told
//!                                        └ back:   journal merged, then shared
//! ```
//!
//! # Without the database
//!
//! A server whose taking fails, or gets no answer within the deadline, goes on *alone*: its memory
//! decides, and each failure is in its journal ([`journal`]) before it is told. What was on its way to
//! the database when the connection broke goes into the journal as well: it may count twice, and
//! is never lost. Several servers that are alone have six each.
//!
//! When the database is back, the journal is merged before anything is taken: the failures of both
//! add up, and a lock of either side stays ([`merge`]). The number of the last merged entry is
//! in the same transaction, so that a merge that was cut off is made again without counting
//! twice. The connection holds an advisory lock of this server's own, so that statements of one that
//! broke, which the database may still have to work off, come before the merge; and one that forgets
//! failures does nothing once this server has given it up.
//!
//! # Not told
//!
//! An outcome is dropped, and counted ([`StoreHealth::outcomes_dropped`](crate::StoreHealth)), when the
//! queue is full or when neither the database nor the journal takes it. Its client asks again.

mod database;
mod desk;
mod journal;
mod merge;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Sender, TrySendError, bounded};
use jiff::Timestamp;
use portvakt_auth::lock::Settlement;
use portvakt_auth::{AccountId, LockRecord, Now, Settled, Tick};

use crate::StoreError;
pub(crate) use database::{Answer, Asked, LockDatabase, LockState};
use desk::Desk;
pub(crate) use journal::Journal;
pub(crate) use merge::JournalledLock;

/// Outcomes that may wait. Beyond it they are not told.
const QUEUE: usize = 16 * 1024;

/// Called with what was settled, once it may be told.
pub(crate) type Told = Box<dyn FnOnce(Settled) + Send>;

/// An outcome that waits for its turn.
pub(crate) struct Waiting {
    settlement: Settlement,
    /// The time when it came.
    now: Now,
    since: Instant,
    told: Told,
}

impl Waiting {
    /// The present time, by the clock that the outcome came with.
    fn now(&self) -> Now {
        now_after(self.now, self.since)
    }
}

/// The time after `now` was read at `since`.
fn now_after(now: Now, since: Instant) -> Now {
    let passed = since.elapsed();
    Now {
        tick: now.tick.plus(passed),
        utc: now.utc.checked_add(passed).unwrap_or(Timestamp::MAX),
    }
}

/// Requests to the thread.
pub(crate) enum Request {
    Take(Box<Waiting>),
    Unlock(
        AccountId,
        Now,
        Sender<Result<Option<LockRecord>, StoreError>>,
    ),
    IsLocked(AccountId, Sender<Result<bool, StoreError>>),
    Close,
}

/// Why, and since when, this server is without the database.
#[derive(Clone, Debug)]
pub(crate) struct Alone {
    pub(crate) since: Timestamp,
    pub(crate) cause: String,
}

/// State that the thread and its callers share.
#[derive(Default)]
pub(crate) struct Shared {
    alone: Mutex<Option<Alone>>,
    dropped: AtomicU64,
    journalled: AtomicUsize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<Alone>> {
        self.alone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` while the database takes outcomes.
    pub(crate) fn alone(&self) -> Option<Alone> {
        self.lock().clone()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(crate) fn journalled(&self) -> usize {
        self.journalled.load(Ordering::Relaxed)
    }

    fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Outcomes on their way to the database. Dropping it takes what waits first.
pub struct Takings {
    requests: Sender<Request>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Takings {
    /// Merges what the journal has from an earlier process, and starts the thread.
    ///
    /// # Errors
    /// [`StoreError::Database`]: better no start than a forgotten failure.
    pub(crate) fn start(
        database: impl LockDatabase,
        journal: Journal,
        utc: Timestamp,
    ) -> Result<Self, StoreError> {
        let now = Now {
            tick: Tick::START,
            utc,
        };
        let shared = Arc::new(Shared::default());
        let desk = Desk::open(database, journal, Arc::clone(&shared), now)?;
        let (requests, queue) = bounded(QUEUE);
        let thread = std::thread::Builder::new().name("locks".to_owned());
        let thread = thread
            .spawn(move || desk.run(&queue))
            .map_err(|cause| StoreError::Database(Box::new(cause)))?;
        Ok(Self {
            requests,
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Has an outcome taken; `told` is called once it may be told, or dropped if it never may.
    pub(crate) fn take(&self, settlement: Settlement, now: Now, told: Told) {
        let waiting = Box::new(Waiting {
            settlement,
            now,
            since: Instant::now(),
            told,
        });
        match self.requests.try_send(Request::Take(waiting)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.shared.count_dropped();
            }
        }
    }

    /// Ends the lock of an account and forgets its failures; its state before, if it had one.
    ///
    /// # Errors
    /// [`StoreError::Away`] without the database.
    pub(crate) fn unlock(
        &self,
        id: &AccountId,
        now: Now,
    ) -> Result<Option<LockRecord>, StoreError> {
        let (reply, answer) = bounded(1);
        let request = Request::Unlock(id.clone(), now, reply);
        self.requests
            .send(request)
            .map_err(|_| StoreError::Closed)?;
        answer.recv().map_err(|_| StoreError::Closed)?
    }

    /// Whether an account is locked.
    ///
    /// # Errors
    /// [`StoreError::Away`] without the database.
    pub(crate) fn is_locked(&self, id: &AccountId) -> Result<bool, StoreError> {
        let (reply, answer) = bounded(1);
        let request = Request::IsLocked(id.clone(), reply);
        self.requests
            .send(request)
            .map_err(|_| StoreError::Closed)?;
        answer.recv().map_err(|_| StoreError::Closed)?
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Takes what waits and ends the thread.
    pub(crate) fn close(&self) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(thread) = thread.take() else { return };
        let _ = self.requests.send(Request::Close);
        // The last owner may be a callback, and a thread cannot wait for itself.
        if thread.thread().id() != std::thread::current().id() {
            let _ = thread.join();
        }
    }
}

impl Drop for Takings {
    fn drop(&mut self) {
        self.close();
    }
}
