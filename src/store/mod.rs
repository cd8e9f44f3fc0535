//! Durable facts: locks, recent attempts, accounts of the embedded directory.
//!
//! One SQLite file, `<data>/portvakt.db`, written by one thread in group commits (WAL,
//! `synchronous=FULL`): a change reported as [`Durability::OnDisk`] survives a power cut. While the
//! disk refuses, no lock is lost: the newest lock of each account stays in memory, is tried again
//! every second, and [`Store::health`] says so.
//!
//! ```text
//!  record_lock() ────> pending locks (newest per account) ─┐
//!     └──────────────> bounded queue ──> writer thread: takes all there is ──> one commit ──> done()
//!  record_attempt() ─> buffer, taken every 10 seconds ─────┘
//! ```

mod accounts;
mod attempt_buffer;
mod attempts;
mod folder;
mod locks;
mod pending;
mod schema;
mod untold;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use jiff::Timestamp;
use portvakt_auth::account::Account;
use portvakt_auth::lock::{LockRecord, StoredLock};
use portvakt_auth::name::AccountId;
use portvakt_auth::time::Now;
use portvakt_sealing::{SealingError, SealingKey};
use rusqlite::Connection;
use thiserror::Error;

pub use attempt_buffer::AttemptRef;
pub use attempts::{ATTEMPTS_PER_ACCOUNT, AttemptRow, Outcome};
pub use untold::Untold;

use folder::DataFolder;
use pending::Shared;
use writer::{Message, Writer};

/// Messages that may wait for the writer; a stalled disk fills the queue, a healthy one never does.
const QUEUE: usize = 16 * 1024;

/// How long a reader waits for buffered attempts to be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// Called once, when it is known whether a lock is durable.
pub type Done = Box<dyn FnOnce(Durability) + Send>;

/// Where a lock is when the answer that depends on it may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Written and synced.
    OnDisk,
    /// The disk refuses or does not keep up. The lock is kept in memory and written later.
    MemoryOnly,
}

/// Errors of the store; each a sentence for the operator.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The data folder or its lock file cannot be used.
    #[error(
        "the data folder {path} cannot be used: {cause}; it must exist and be writable by this user"
    )]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// Another process has the folder.
    #[error(
        "the data folder {path} is in use by process {holder}; stop it first or choose another folder"
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Its process id as it wrote it down, or `?`.
        holder: String,
    },
    /// The database was written by a newer Portvakt.
    #[error(
        "the database has schema {found}, this version of Portvakt knows {known}; \
         start the newer version, or restore the backup from before the upgrade"
    )]
    NewerSchema {
        /// The database's.
        found: u32,
        /// The newest known here.
        known: u32,
    },
    /// The database refused: disk full, read-only, damaged.
    #[error("the database refuses: {0}")]
    Database(#[from] rusqlite::Error),
    /// A row that this version cannot read.
    #[error("{table} of {key:?} cannot be read: {cause}")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The row's account.
        key: String,
        /// What is wrong with it.
        #[source]
        cause: serde_json::Error,
    },
    /// The key in the data folder is gone, and something is sealed with it.
    #[error(
        "the key {path} is missing, and NT hashes or CHAP secrets in the database are sealed with \
         it; put it back. If it is lost for good, docs/operating.md says under \"The sealing key\" \
         how to start without them"
    )]
    SealingKeyMissing {
        /// Where it was.
        path: PathBuf,
    },
    /// Another key than the one that sealed.
    #[error(
        "the key {path} does not open the NT hashes and CHAP secrets in the database: they are \
         sealed with another. Put the right one there (without `accounts.sealing-key-file` it was \
         sealing.key in the data folder), or see \"The sealing key\" in docs/operating.md"
    )]
    SealingKeyWrong {
        /// Where it is.
        path: PathBuf,
    },
    /// The key in the data folder cannot be read or made.
    #[error(
        "the key {path} cannot be read or made: {cause}; it must belong to the user that the \
         server runs as"
    )]
    SealingKeyUnusable {
        /// Where it is.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The sealing key is malformed, or the secrets of an account do not open.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// Health of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreHealth {
    /// Since when the disk refuses; `None` while all is well.
    pub failing_since: Option<Timestamp>,
    /// The last error, kept after the store recovered.
    pub last_error: Option<String>,
    /// Locks that are in memory only at this moment. Above zero for an instant on a busy server.
    pub locks_waiting: usize,
    /// Messages in the queue, and attempts that are not on disk.
    pub entries_waiting: usize,
    /// Attempts dropped since the start, for want of room in memory. Locks are never dropped.
    pub attempts_dropped: u64,
    /// Duration of the commit under way; a disk that hangs shows here first.
    pub committing_for: Option<Duration>,
}

impl StoreHealth {
    /// Whether answers are durable: the disk does not refuse and no commit hangs.
    pub fn is_ok(&self) -> bool {
        let hangs = self
            .committing_for
            .is_some_and(|duration| duration > Duration::from_secs(5));
        self.failing_since.is_none() && !hangs
    }
}

/// The store. Clones share it; dropping the last one writes what waits first.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    messages: Sender<Message>,
    shared: Arc<Shared>,
    /// Of its own, so that a reader never waits for the writer.
    reader: Mutex<Connection>,
    writer: Mutex<Option<JoinHandle<()>>>,
    sealing: SealingKey,
}

impl Store {
    /// Opens or makes the store in the folder `dir` and takes the folder for this process. Secrets
    /// are sealed with a key in that folder, made if it is missing.
    ///
    /// # Errors
    /// [`StoreError::Folder`], [`StoreError::InUse`], [`StoreError::NewerSchema`],
    /// [`StoreError::Database`], or about the key; each a sentence for the operator.
    pub fn open(dir: &Path) -> Result<Store, StoreError> {
        Self::open_with_key(dir, None)
    }

    /// As [`open`](Self::open), with a key that is kept elsewhere.
    ///
    /// # Errors
    /// As there.
    pub fn open_with_key(dir: &Path, key: Option<SealingKey>) -> Result<Store, StoreError> {
        let folder = DataFolder::take(dir)?;
        let mut connection = schema::open(&folder.database())?;
        let sealing = sealing_key(&connection, &folder, key)?;
        accounts::seal_old(&mut connection, &sealing)?;
        let reader = Mutex::new(schema::open_reader(&folder.database())?);
        let (messages, queue) = bounded(QUEUE);
        let shared = Arc::new(Shared::default());
        let writer = Writer::new(connection, Arc::clone(&shared), queue, folder);
        let thread = std::thread::Builder::new().name("store".to_owned());
        let writer = thread.spawn(|| writer.run());
        let writer = writer.map_err(|cause| StoreError::Folder {
            path: dir.to_owned(),
            cause,
        })?;
        let writer = Mutex::new(Some(writer));
        Ok(Store {
            inner: Arc::new(Inner {
                messages,
                shared,
                reader,
                writer,
                sealing,
            }),
        })
    }

    /// The locks as they were when the last process ended, for
    /// [`LockTable::restore`](portvakt_auth::lock::LockTable::restore).
    ///
    /// # Errors
    /// [`StoreError::Database`]: better no start than a forgotten lock.
    pub fn restore_locks(&self, now: Now) -> Result<Vec<LockRecord>, StoreError> {
        Ok(locks::restore(&self.reader(), now)?)
    }

    /// Takes the new state of a lock and returns at once; `done` is called when it is on disk, or
    /// known not to be.
    ///
    /// `done` runs on the writer thread and must be quick; on the caller's own thread if the queue
    /// is full, so the caller must hold no lock that `done` takes. If the disk hangs, `done` may
    /// come late: the caller keeps its deadline. Once the store is closed it is never called: an
    /// outcome that cannot be made durable is not told.
    pub fn record_lock(&self, lock: StoredLock, done: Option<Done>) {
        self.inner.shared.locks().put(lock);
        if let Err(TrySendError::Full(Message::Lock(done))) =
            self.inner.messages.try_send(Message::Lock(done))
        {
            writer::report(done, Durability::MemoryOnly);
        }
    }

    /// Buffers an attempt, to be written within ten seconds or so. Without room it is dropped and
    /// counted.
    pub fn record_attempt(&self, attempt: &AttemptRef<'_>) {
        if !self.inner.shared.attempts().push(attempt) {
            self.inner.shared.count_dropped(1);
        }
    }

    /// Whether the newest state of this account's lock is not on disk yet. Until it is, the lock
    /// must not be evicted from the lock table.
    pub fn is_dirty(&self, id: &AccountId) -> bool {
        self.inner.shared.locks().holds(id)
    }

    /// The health of the store, without waiting for it.
    pub fn health(&self) -> StoreHealth {
        self.inner.shared.health(self.inner.messages.len())
    }

    /// The newest attempts on an account, newest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn last_attempts(
        &self,
        id: &AccountId,
        limit: usize,
    ) -> Result<Vec<AttemptRow>, StoreError> {
        self.flush_attempts();
        Ok(attempts::last(&self.reader(), id, limit)?)
    }

    /// Removes attempts older than `before`, little by little behind the log-ons.
    pub fn prune_attempts(&self, before: Timestamp) {
        // A full queue means a stalled disk; the next round prunes.
        let _ = self.inner.messages.try_send(Message::Prune(before));
    }

    /// Writes accounts in one transaction and waits until they are on disk.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the disk refuses, and then none of them is written.
    pub fn put_accounts(&self, accounts: &[Arc<Account>]) -> Result<(), StoreError> {
        let rows = accounts::rows(accounts, &self.inner.sealing)?;
        self.ask(|reply| Message::Accounts(rows, reply))?
    }

    /// Removes an account and waits until that is on disk.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the disk refuses, and then it is still there.
    pub fn remove_account(&self, id: &AccountId) -> Result<(), StoreError> {
        self.ask(|reply| Message::RemoveAccount(id.to_string(), reply))?
    }

    /// The key that the secrets of accounts are sealed with.
    #[must_use]
    pub fn sealing_key(&self) -> &SealingKey {
        &self.inner.sealing
    }

    /// Calls `visit` with every stored account, in no order.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Unreadable`] or [`StoreError::Sealing`].
    pub fn accounts(&self, visit: impl FnMut(Account)) -> Result<(), StoreError> {
        accounts::load(&self.reader(), &self.inner.sealing, visit)
    }

    /// Writes what waits, ends the writer and frees the folder. Clones can still read; locks that
    /// they record afterwards stay in memory.
    pub fn close(self) {
        self.inner.close();
    }

    /// Lets the database grow to `pages` and no further, as a full disk would. For tests.
    #[doc(hidden)]
    pub fn limit_pages(&self, pages: u32) {
        let _ = self.ask(|reply| Message::LimitPages(pages, reply));
    }

    /// Has the buffered attempts written; gives up on a disk that hangs after [`PATIENCE`].
    fn flush_attempts(&self) {
        let (reply, written) = bounded(1);
        let message = Message::FlushAttempts(reply);
        if self.inner.messages.send_timeout(message, PATIENCE).is_ok() {
            let _ = written.recv_timeout(PATIENCE);
        }
    }

    fn ask<T>(&self, message: impl FnOnce(Sender<T>) -> Message) -> Result<T, StoreError> {
        let (reply, answer): (Sender<T>, Receiver<T>) = bounded(1);
        self.inner
            .messages
            .send(message(reply))
            .map_err(|_| StoreError::Closed)?;
        answer.recv().map_err(|_| StoreError::Closed)
    }

    fn reader(&self) -> std::sync::MutexGuard<'_, Connection> {
        self.inner
            .reader
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key to seal with, tried on a sealed row if there is one.
fn sealing_key(
    connection: &Connection,
    folder: &DataFolder,
    given: Option<SealingKey>,
) -> Result<SealingKey, StoreError> {
    let sealed = accounts::any_sealed(connection)?;
    let key = match given {
        Some(key) => key,
        None => folder.sealing_key(sealed.is_some())?,
    };
    match sealed {
        Some((account, text)) if !key.opens(&account, &text) => {
            let path = key.path().to_owned();
            Err(StoreError::SealingKeyWrong { path })
        }
        _ => Ok(key),
    }
}

impl Inner {
    fn close(&self) {
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(writer) = writer else { return };
        let _ = self.messages.send(Message::Close);
        // The last clone may live in a callback, and a thread cannot wait for itself.
        if writer.thread().id() != std::thread::current().id() {
            let _ = writer.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
