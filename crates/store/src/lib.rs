//! Durable facts behind traits: locks, recent attempts, accounts of the embedded directory, sessions,
//! TLS sessions that may be resumed.
//!
//! Two engines: [`SqliteStore`], a file of this machine, and [`PostgresStore`], a database elsewhere.
//! Everything that outlives the process goes through [`Store`]; what an administrator did is in the
//! audit log, not here.
//!
//! ```text
//!  taking    outcomes of log-ons: taken by the database, or alone, with a journal
//!  durable   queues, writer thread, group commit, readers    over `dyn Connection`
//!  tables    the statements, one text for both engines       over `dyn Connection`
//!  sql       Connection, Value, Columns: the border
//!  sqlite, postgres    a connection each, and CREATE TABLE
//! ```
//!
//! A change of a lock is durable before the outcome that depends on it is told: [`Untold`] holds
//! the outcome back until there is a [`Verdict`]. With SQLite, memory decides about locks and
//! [`LockStore::record_lock`] calls back once the change is on disk; while the disk refuses, no lock is
//! lost: it stays in memory and is tried again, and [`Store::health`] says so. With PostgreSQL, which
//! several servers may share, the database decides ([`Takings`]).
//!
//! An accounting record is answered only when it is on disk ([`AccountingStore`]); while the disk
//! refuses nothing of it is kept, and its NAS sends it again.
//!
//! # One text for two engines
//!
//! Statements are written once, as SQL that both engines take: `INSERT … ON CONFLICT … DO UPDATE …
//! WHERE`, and parameters `$1`, `$2` in the order of their first use, which is the order SQLite binds
//! them in. rusqlite and tokio-postgres run them; only `CREATE TABLE` is written twice. For
//! PostgreSQL a connection keeps the statements of a commit and sends them pipelined.
//!
//! Tried on the table of locks with a compare-and-set, and on accounting sessions; batches of 64
//! upserts of locks, two cores, PostgreSQL 15 on the same machine:
//!
//! | | ms a batch | changes a second |
//! | --- | --- | --- |
//! | SQLite, a commit each | 13–16 | 4,100–4,800 |
//! | SQLite, one commit | 0.2 | 300,000–350,000 |
//! | SQLite, one commit, text built by sea-query each time | 0.45–0.5 | 130,000–140,000 |
//! | PostgreSQL, a commit each, as a blocking client has to | 15–16 | 4,000–4,400 |
//! | PostgreSQL, one commit, statements one by one | 5.3–6.1 | 10,000–12,000 |
//! | PostgreSQL, one commit, statements pipelined | 1.1–1.3 | 50,000–57,000 |
//!
//! So the group commit pays in both, and in PostgreSQL pipelining pays five times more. The others
//! were built and not chosen:
//! - diesel (`MultiConnection`) calls libpq, which waits for each statement: the fifth row at best,
//!   with a C library more. It takes libsqlite3-sys up to 0.38; rusqlite 0.41 links 0.39.
//! - sqlx sends one statement at a time on a connection, and its `Any` driver knows few types. It
//!   takes libsqlite3-sys 0.37, and two versions cannot be linked.
//! - sea-query builds the same text at run time, twice the CPU of a change, and still needs both
//!   drivers. It checks nothing that the tests of each engine do not.
//!
//! # Schema
//!
//! `user_version` of a SQLite file, and the table `portvakt_schema` in PostgreSQL, have the number of
//! migrations that ran; `sqlite/schema.rs` and `postgres/schema.rs` have them.
//! rusqlite_migration counts in the same way, but follows rusqlite at a distance: 2.5 takes 0.39 with
//! an older SQLite, 2.6 takes 0.40 and Rust 1.95. refinery takes up to 0.40 and keeps a table of its
//! own, which existing databases do not have.

mod attempt;
mod changes;
mod copy;
mod durable;
mod error;
mod folder;
mod postgres;
mod registry;
mod resets;
mod sessions;
mod sql;
mod sqlite;
mod tables;
mod taking;
mod tls_sessions;
mod unattributed;
mod untold;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use portvakt_accounting::{Closed, LiveSessions, NasKey, Record, Session, StaleAfter};
use portvakt_auth::account::Account;
use portvakt_auth::lock::{LockChange, LockRecord, LockTable, StoredLock};
use portvakt_auth::name::AccountId;
use portvakt_auth::time::Now;

pub use attempt::{ATTEMPTS_PER_ACCOUNT, AttemptOutcome, AttemptRef, AttemptRow};
pub use changes::{ChangeStore, Clock, Hear, Heard};
pub use copy::{CopyProgress, CopyTo, copy};
pub use durable::DurableStore;
pub use error::StoreError;
pub use folder::DataFolder;
pub use postgres::{
    Inspection, NodeEntry, PostgresError, PostgresSettings, PostgresStore, SettingsError,
    SynchronousCommit, inspect, migrate,
};
pub use registry::{
    Applying, Exemption, Import, ImportId, ImportState, NewImport, RegistryStore, RegistryVersion,
};
pub use resets::{MessageProgress, MessageRow, ResetStore};
pub use sessions::{Recorded, SessionChange, SessionDone, SessionQuery, SessionStep, SessionsOf};
pub use sqlite::SqliteStore;
pub use taking::Takings;
pub use tls_sessions::{
    TicketKeyRenewal, TicketKeyRow, TicketKeysDone, TlsSessionFound, TlsSessionId, TlsSessionRow,
};
pub use unattributed::{UNATTRIBUTED_AT_MOST, UnattributedAttempt};
pub use untold::{Untold, Verdict};

/// Called once, when it is known whether a lock is durable.
pub type Done = Box<dyn FnOnce(Durability) + Send>;

/// The state of a lock when the answer that depends on it may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Written and synced.
    OnDisk,
    /// The disk refuses or does not keep up. The lock is kept in memory and written later.
    MemoryOnly,
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
    /// How often a live session that changed had no room in memory, since the start.
    pub sessions_beyond_memory: u64,
    /// Since when this server decides about locks alone, because the database takes no outcomes; `None`
    /// while it does, and where no database decides.
    pub alone_since: Option<Timestamp>,
    /// Changes of locks in the journal, which the database does not have yet.
    pub journalled: usize,
    /// Outcomes that were not told since the start, because nothing made them durable.
    pub outcomes_dropped: u64,
    /// By how many milliseconds the clock of this machine is ahead of the database's; 0 without one.
    pub clock_offset_ms: i64,
    /// Duration of the commit under way; a disk that hangs shows here first.
    pub committing_for: Option<Duration>,
}

impl StoreHealth {
    /// Whether the clock of this machine is more than 30 seconds away from the database's. Locks are not
    /// touched by it: their times are the database's.
    pub fn clock_is_off(&self) -> bool {
        changes::is_off(self.clock_offset_ms)
    }

    /// Whether all is well: the disk does not refuse, no commit hangs, and the database that decides is
    /// there.
    pub fn is_ok(&self) -> bool {
        let hangs = self
            .committing_for
            .is_some_and(|duration| duration > Duration::from_secs(5));
        self.failing_since.is_none() && self.alone_since.is_none() && !hangs
    }
}

/// Who decides about the outcome of a log-on.
pub enum Decider<'s> {
    /// The memory of this process. [`LockStore::record_lock`] makes its changes durable.
    Memory,
    /// A database that several servers share.
    Database(&'s Takings),
}

/// The effect of [`LockStore::unlock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unlocked {
    /// There was a lock, or a failure that counted.
    pub was_locked: bool,
    /// It is on disk. If not, the lock is back after a crash.
    pub is_durable: bool,
}

/// An account's lock, as [`LockStore::shared_lock`] finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedLock {
    /// The memory of this process has the truth.
    OwnMemory,
    /// The database has no failures of the account and no lock.
    NoRecord,
    /// The state in the database.
    Record(LockRecord),
}

/// Locks of accounts after failed log-ons.
pub trait LockStore: Send + Sync {
    /// Who decides; it is asked by [`Untold::tell`].
    fn decider(&self) -> Decider<'_>;

    /// Takes the new state of a lock where memory decides, and returns at once; `done` is called when it
    /// is on disk, or known not to be. Of two states of an account the one of the higher revision stays,
    /// in whatever order they come.
    ///
    /// `done` runs on the writer thread and must be quick; on the caller's own thread if the queue
    /// is full, so the caller must hold no lock that `done` takes. If the disk hangs, `done` may
    /// come late: the caller keeps its deadline. Once the store is closed it is never called: an
    /// outcome that cannot be made durable is not told.
    fn record_lock(&self, lock: StoredLock, done: Option<Done>);

    /// Ends the lock of an account and forgets its failures, in `locks` and in the store. Blocks until
    /// the disk, or the database, has answered.
    ///
    /// # Errors
    /// [`StoreError::Away`] where a database decides and is away; [`StoreError::Closed`].
    fn unlock(&self, locks: &LockTable, id: &AccountId, now: Now) -> Result<Unlocked, StoreError>;

    /// Whether an account whose credential was right is locked at another server: before an act that
    /// cannot be taken back. `false` where memory decides, which knows. Blocks for the database.
    ///
    /// # Errors
    /// [`StoreError::Away`] where a database decides and is away; [`StoreError::Closed`].
    fn is_locked_elsewhere(&self, id: &AccountId) -> Result<bool, StoreError>;

    /// Forgets locks that have run out and were removed from the table
    /// ([`LockTable::forget_expired`](portvakt_auth::LockTable::forget_expired)), and returns at once.
    fn forget_locks(&self, removed: &[LockChange], now: Now);

    /// Whether the newest state of this account's lock is not on disk yet. Until it is, the lock
    /// must not be evicted from the lock table.
    fn is_dirty(&self, id: &AccountId) -> bool;

    /// The locks that are stored, for
    /// [`LockTable::restore`](portvakt_auth::lock::LockTable::restore).
    ///
    /// # Errors
    /// [`StoreError::Database`]: better no start than a forgotten lock.
    fn restore_locks(&self, now: Now) -> Result<Vec<LockRecord>, StoreError>;

    /// The lock of an account by the database that several servers share: failures below a lock are
    /// not told to the other servers, so that memory may know less. Blocks for the database.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn shared_lock(&self, id: &AccountId, now: Now) -> Result<SharedLock, StoreError>;
}

/// Recent attempts per account, for `explain`.
pub trait AttemptStore: Send + Sync {
    /// Buffers an attempt, to be written within ten seconds or so. Without room it is dropped and
    /// counted.
    fn record_attempt(&self, attempt: &AttemptRef<'_>);

    /// The newest attempts on an account, newest first, at most [`ATTEMPTS_PER_ACCOUNT`]. Buffered
    /// attempts are written first; that takes a second at most.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn last_attempts(&self, id: &AccountId, limit: usize) -> Result<Vec<AttemptRow>, StoreError>;

    /// Buffers an attempt that reached no account, to be written within ten seconds or so. Without
    /// room it displaces the oldest.
    fn record_unattributed(&self, attempt: UnattributedAttempt);

    /// The newest attempts that reached no account under names with the key `name`, or by one of
    /// the devices with these keys; newest first, each once, at most `limit`. Buffered attempts are
    /// written first; that takes a second at most.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn unattributed_attempts(
        &self,
        name: Option<&str>,
        devices: &[String],
        limit: u32,
    ) -> Result<Vec<UnattributedAttempt>, StoreError>;

    /// Removes attempts older than `before`, little by little behind the log-ons.
    fn prune_attempts(&self, before: Timestamp);
}

/// Accounts of the embedded directory. Every call blocks until the disk has answered.
pub trait AccountStore: Send + Sync {
    /// Writes accounts in one transaction: all or none.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the disk refuses.
    fn put_accounts(&self, accounts: &[Arc<Account>]) -> Result<(), StoreError>;

    /// Removes an account, if it is there.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the disk refuses, and then it is still there.
    fn remove_account(&self, id: &AccountId) -> Result<(), StoreError>;

    /// An account as it is stored now; `None` without one.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Unreadable`] or [`StoreError::Sealing`].
    fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError>;

    /// Whether other servers write accounts as well: what was read of one may be old.
    fn has_other_writers(&self) -> bool;

    /// Calls `visit` with every account, in no order.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Unreadable`] or [`StoreError::Sealing`].
    fn accounts(&self, visit: &mut dyn FnMut(Account)) -> Result<(), StoreError>;
}

/// Sessions of users, by the records of their NAS.
///
/// Callbacks run on the writer thread and must be quick; on the caller's own thread if the queue is
/// full. Once the store is closed they are dropped without a call: what cannot be made durable is
/// not answered.
pub trait AccountingStore: Send + Sync {
    /// Live sessions in memory; never ahead of the disk.
    fn live(&self) -> &Arc<LiveSessions>;

    /// Reads the live sessions into memory, the newest first; how many had no room there.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn restore_sessions(&self) -> Result<u64, StoreError>;

    /// Folds a record into its session, by [`settle`](portvakt_accounting::settle), and returns at
    /// once; `done` is called when it is on disk, or will not be.
    fn record_session(&self, record: Record, done: SessionDone);

    /// Ends the live sessions of a NAS that began before `closed.at` and had no news since: it has
    /// started, or shuts down.
    fn close_sessions_of_nas(&self, nas: NasKey, closed: Closed, done: SessionDone);

    /// Ends sessions that are stale at `now`, some thousands at once; `since` is when this server
    /// began to listen.
    fn close_stale_sessions(
        &self,
        rule: StaleAfter,
        since: Timestamp,
        now: Timestamp,
        done: SessionDone,
    );

    /// Sessions, newest first. Blocks for the disk.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn find_sessions(&self, query: &SessionQuery) -> Result<Vec<Session>, StoreError>;

    /// Removes sessions that ended before, little by little behind everything else.
    fn purge_sessions(&self, before: Timestamp);
}

/// TLS sessions that devices may resume, for a restart and for other nodes, and the keys that they
/// are sealed with.
///
/// Nothing here is waited for by a log-on that succeeds: a session that was not written costs its
/// device a full log-on.
pub trait TlsSessionStore: Send + Sync {
    /// Keeps a session, written within about a second.
    fn keep_tls_session(&self, row: TlsSessionRow);

    /// Removes a session of an account, within about a second.
    fn end_tls_session(&self, id: TlsSessionId, account: &AccountId);

    /// Removes all sessions of an account, within about a second.
    fn forget_tls_sessions(&self, account: &AccountId);

    /// Looks for a session on a thread that calls `found`, within half a second; on the caller's own
    /// thread where too many wait. Once the store is closed `found` is dropped.
    fn find_tls_session(&self, id: TlsSessionId, found: TlsSessionFound);

    /// Removes sessions that are too old at this time, in seconds since 1970, little by little behind
    /// everything else.
    fn purge_tls_sessions(&self, now_s: i64);

    /// Adds ticket keys, removes old ones and calls `done` with all there are, on the writer's
    /// thread.
    fn renew_ticket_keys(&self, renewal: TicketKeyRenewal, done: TicketKeysDone);
}

/// All durable facts of a server.
pub trait Store:
    LockStore
    + AttemptStore
    + AccountStore
    + AccountingStore
    + ChangeStore
    + TlsSessionStore
    + RegistryStore
    + ResetStore
{
    /// The health of the store, without waiting for it.
    fn health(&self) -> StoreHealth;

    /// Writes what waits and ends the writer. Reading still works; locks recorded afterwards stay in
    /// memory.
    fn close(&self);
}
