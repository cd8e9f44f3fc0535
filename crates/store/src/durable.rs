//! The store over a connection of either engine.
//!
//! One thread writes in group commits; a change reported as [`Durability::OnDisk`] survives a power
//! cut.
//!
//! ```text
//!  record_lock() ────> pending locks (newest per account) ─┐
//!     └──────────────> bounded queue ──> writer thread: takes all there is ──> one commit ──> done()
//!  record_attempt() ─> buffer, taken every 10 seconds ─────┤
//!  record_session() ─> bounded queue of their own ─────────┘ then published to the live sessions
//!  keep_tls_session() > changes, taken every second ──────── a commit of their own
//!  find_tls_session() > bounded queue ──> finder thread, a connection of its own ──> found()
//! ```
//!
//! Accounting has a queue of its own: a flood of it must not push a lock aside.

mod attempt_buffer;
mod backlog;
mod pending;
mod registry_store;
mod session_batch;
mod tls_session_changes;
mod tls_session_finder;
mod unattributed_buffer;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use jiff::Timestamp;
use portvakt_accounting::{Closed, LiveSessions, NasKey, Record, Session, SessionId, StaleAfter};
use portvakt_auth::account::Account;
use portvakt_auth::lock::{LockChange, LockRecord, LockTable, StoredLock};
use portvakt_auth::name::AccountId;
use portvakt_auth::time::Now;
use portvakt_resets::{NumberSeen, Opening, OpeningKind};
use portvakt_sealing::SealingKey;

use crate::changes::{ChangeStore, Clock, Hear, Listener};
use crate::resets::{MessageProgress, MessageRow, ResetStore};
use crate::sql::Connection;
use crate::tables::{accounts, attempts, locks, resets, session_query, sessions, unattributed};
use crate::{
    AccountStore, AccountingStore, AttemptRef, AttemptRow, AttemptStore, DataFolder, Decider, Done,
    Durability, LockStore, Recorded, SessionDone, SessionQuery, SharedLock, Store, StoreError,
    StoreHealth, Takings, TicketKeyRenewal, TicketKeysDone, TlsSessionFound, TlsSessionId,
    TlsSessionRow, TlsSessionStore, UnattributedAttempt, Unlocked,
};
use pending::Shared;
use session_batch::{SessionIds, SessionJob, Waiting};
pub(crate) use tls_session_changes::TlsSessionChange;
pub(crate) use tls_session_finder::DEADLINE as FIND_DEADLINE;
use tls_session_finder::TlsSessionFinder;
use writer::{Message, Writer};

/// Messages that may wait for the writer; a stalled disk fills the queue, a healthy one never does.
const QUEUE: usize = 16 * 1024;

/// Accounting records that may wait for the writer; beyond it they are not stored, and their NAS
/// sends them again.
const SESSION_QUEUE: usize = 8 * 1024;

/// Live sessions in memory, unless [`LiveSessions::set_capacity`] says otherwise.
const LIVE_SESSIONS: usize = 100_000;

/// How long a reader waits for buffered attempts to be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// A store over connections of one engine. Dropping it writes what waits first.
pub struct DurableStore<C: Connection> {
    messages: Sender<Message>,
    session_jobs: Sender<Waiting>,
    live: Arc<LiveSessions>,
    shared: Arc<Shared>,
    /// Of its own, so that a reader never waits for the writer.
    reader: Mutex<C>,
    finder: TlsSessionFinder,
    writer: Mutex<Option<JoinHandle<()>>>,
    sealing: SealingKey,
    /// Where a database is shared with other servers.
    shared_database: Option<SharedDatabase>,
}

/// What a server does where others use the same database.
pub(crate) struct SharedDatabase {
    /// The database decides about locks.
    pub(crate) takings: Takings,
    pub(crate) changes: Listener,
}

impl<C: Connection> DurableStore<C> {
    /// Starts the writer. The connections are set up, and the schema is up to date.
    pub(crate) fn start(
        mut connection: C,
        [reader, finder]: [C; 2],
        sealing: SealingKey,
        folder: DataFolder,
        shared_database: Option<SharedDatabase>,
    ) -> Result<Self, StoreError> {
        let (messages, queue) = bounded(QUEUE);
        let (session_jobs, session_queue) = bounded(SESSION_QUEUE);
        let shared = Arc::new(Shared::default());
        let live = Arc::new(LiveSessions::new(LIVE_SESSIONS));
        let path = folder.path().to_owned();
        let last = sessions::last_id(&mut connection)?;
        let ids = SessionIds::after(last, Timestamp::now(), chance());
        let queues = writer::Queues {
            messages: queue,
            session_jobs: session_queue,
        };
        let sessions = writer::Sessions::new(Arc::clone(&live), ids);
        let writer = Writer::new(
            connection,
            Arc::clone(&shared),
            queues,
            sessions,
            sealing.clone(),
            folder,
        );
        let no_thread = |cause| StoreError::Folder {
            path: path.clone(),
            cause,
        };
        let finder = TlsSessionFinder::start(finder, Arc::clone(&shared)).map_err(no_thread)?;
        let thread = std::thread::Builder::new().name("store".to_owned());
        let writer = thread.spawn(|| writer.run()).map_err(no_thread)?;
        Ok(Self {
            messages,
            session_jobs,
            live,
            shared,
            reader: Mutex::new(reader),
            finder,
            writer: Mutex::new(Some(writer)),
            sealing,
            shared_database,
        })
    }

    /// The key that the secrets of accounts are sealed with.
    #[must_use]
    pub fn sealing_key(&self) -> &SealingKey {
        &self.sealing
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
        if self.messages.send_timeout(message, PATIENCE).is_ok() {
            let _ = written.recv_timeout(PATIENCE);
        }
    }

    /// Writes a lock and waits for the disk.
    fn write(&self, lock: StoredLock) -> Durability {
        let (sender, receiver) = bounded(1);
        let done = Box::new(move |durability| {
            let _ = sender.send(durability);
        });
        self.record_lock(lock, Some(done));
        receiver.recv().unwrap_or(Durability::MemoryOnly)
    }

    fn ask<T>(&self, message: impl FnOnce(Sender<T>) -> Message) -> Result<T, StoreError> {
        let (reply, answer): (Sender<T>, Receiver<T>) = bounded(1);
        self.messages
            .send(message(reply))
            .map_err(|_| StoreError::Closed)?;
        answer.recv().map_err(|_| StoreError::Closed)
    }

    fn work_on_sessions(&self, job: SessionJob, done: Option<SessionDone>) {
        let waiting = Waiting::new(job, done);
        if let Err(TrySendError::Full(refused) | TrySendError::Disconnected(refused)) =
            self.session_jobs.try_send(waiting)
        {
            writer::report_session(refused.done, Recorded::NotStored);
        }
    }

    fn takings(&self) -> Option<&Takings> {
        self.shared_database.as_ref().map(|shared| &shared.takings)
    }

    fn reader(&self) -> std::sync::MutexGuard<'_, C> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Connection> LockStore for DurableStore<C> {
    fn decider(&self) -> Decider<'_> {
        match self.takings() {
            None => Decider::Memory,
            Some(takings) => Decider::Database(takings),
        }
    }

    fn record_lock(&self, lock: StoredLock, done: Option<Done>) {
        self.shared.locks().put(lock);
        if let Err(TrySendError::Full(Message::Lock(done))) =
            self.messages.try_send(Message::Lock(done))
        {
            writer::report(done, Durability::MemoryOnly);
        }
    }

    fn unlock(&self, locks: &LockTable, id: &AccountId, now: Now) -> Result<Unlocked, StoreError> {
        let Some(takings) = self.takings() else {
            let change = locks.unlock(id);
            let written = change.as_ref().map(|change| self.write(change.stored(now)));
            return Ok(Unlocked {
                was_locked: change.is_some(),
                is_durable: written != Some(Durability::MemoryOnly),
            });
        };
        let before = takings.unlock(id, now)?;
        if let Some(before) = &before {
            locks.adopt(&LockRecord {
                failures: 0,
                locked_until: None,
                ..before.clone()
            });
        }
        Ok(Unlocked {
            was_locked: before.is_some_and(|before| before.failures > 0),
            is_durable: true,
        })
    }

    fn is_locked_elsewhere(&self, id: &AccountId) -> Result<bool, StoreError> {
        self.takings()
            .map_or(Ok(false), |takings| takings.is_locked(id))
    }

    fn forget_locks(&self, removed: &[LockChange], now: Now) {
        // A database that several servers share purges its table itself.
        for change in removed.iter().filter(|_| self.takings().is_none()) {
            self.record_lock(change.stored(now), None);
        }
    }

    fn is_dirty(&self, id: &AccountId) -> bool {
        self.shared.locks().holds(id)
    }

    fn restore_locks(&self, now: Now) -> Result<Vec<LockRecord>, StoreError> {
        Ok(locks::restore(&mut *self.reader(), now)?)
    }

    fn shared_lock(&self, id: &AccountId, now: Now) -> Result<SharedLock, StoreError> {
        let mut reader = self.reader();
        if !reader.is_shared() {
            return Ok(SharedLock::OwnMemory);
        }
        Ok(match locks::find(&mut *reader, id, now)? {
            Some(record) => SharedLock::Record(record),
            None => SharedLock::NoRecord,
        })
    }
}

impl<C: Connection> ChangeStore for DurableStore<C> {
    fn listen(&self, clock: Clock, hear: Hear) -> Result<(), StoreError> {
        match &self.shared_database {
            Some(shared) => shared.changes.listen(clock, hear),
            None => Ok(()),
        }
    }

    fn announce(&self, account: &AccountId) -> Result<(), StoreError> {
        if self.shared_database.is_none() {
            return Ok(());
        }
        self.ask(|reply| Message::Announce(account.clone(), reply))?
    }
}

impl<C: Connection> AttemptStore for DurableStore<C> {
    fn record_attempt(&self, attempt: &AttemptRef<'_>) {
        if !self.shared.attempts().push(attempt) {
            self.shared.count_dropped(1);
        }
    }

    fn last_attempts(&self, id: &AccountId, limit: usize) -> Result<Vec<AttemptRow>, StoreError> {
        self.flush_attempts();
        Ok(attempts::last(&mut *self.reader(), id, limit)?)
    }

    fn record_unattributed(&self, attempt: UnattributedAttempt) {
        let displaced = self.shared.unattributed().push(attempt);
        self.shared.count_dropped(displaced);
    }

    fn unattributed_attempts(
        &self,
        name: Option<&str>,
        devices: &[String],
        limit: u32,
    ) -> Result<Vec<UnattributedAttempt>, StoreError> {
        self.flush_attempts();
        let reader = &mut *self.reader();
        let mut found = match name {
            Some(name) => unattributed::of_name(reader, name, limit)?,
            None => Vec::new(),
        };
        for device in devices {
            found.extend(unattributed::of_device(reader, device, limit)?);
        }
        found.sort_by_key(|attempt| std::cmp::Reverse(attempt.time));
        found.dedup();
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    fn prune_attempts(&self, before: Timestamp) {
        // A full queue means a stalled disk; the next round prunes.
        let _ = self.messages.try_send(Message::Prune(before));
    }
}

impl<C: Connection> AccountStore for DurableStore<C> {
    fn put_accounts(&self, accounts: &[Arc<Account>]) -> Result<(), StoreError> {
        let rows = accounts::to_rows(accounts, &self.sealing)?;
        self.ask(|reply| Message::Accounts(rows, reply))?
    }

    fn remove_account(&self, id: &AccountId) -> Result<(), StoreError> {
        self.ask(|reply| Message::RemoveAccount(id.to_string(), reply))?
    }

    fn accounts(&self, visit: &mut dyn FnMut(Account)) -> Result<(), StoreError> {
        accounts::load(&mut *self.reader(), &self.sealing, visit)
    }

    fn has_other_writers(&self) -> bool {
        self.shared_database.is_some()
    }

    fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        accounts::find(&mut *self.reader(), &self.sealing, id)
    }
}

impl<C: Connection> AccountingStore for DurableStore<C> {
    fn live(&self) -> &Arc<LiveSessions> {
        &self.live
    }

    fn restore_sessions(&self) -> Result<u64, StoreError> {
        let mut beyond = 0;
        for session in sessions::live(&mut *self.reader())? {
            beyond += session_batch::publish(&self.live, vec![Arc::new(session)]);
        }
        self.shared.count_beyond(beyond);
        Ok(beyond)
    }

    fn record_session(&self, record: Record, done: SessionDone) {
        self.work_on_sessions(SessionJob::Record(Box::new(record)), Some(done));
    }

    fn close_sessions_of_nas(&self, nas: NasKey, closed: Closed, done: SessionDone) {
        let after = SessionId(0);
        self.work_on_sessions(SessionJob::CloseNas { nas, closed, after }, Some(done));
    }

    fn close_stale_sessions(
        &self,
        rule: StaleAfter,
        since: Timestamp,
        now: Timestamp,
        done: SessionDone,
    ) {
        let job = SessionJob::CloseStale { rule, since, now };
        self.work_on_sessions(job, Some(done));
    }

    fn find_sessions(&self, query: &SessionQuery) -> Result<Vec<Session>, StoreError> {
        Ok(session_query::find(&mut *self.reader(), query)?)
    }

    fn purge_sessions(&self, before: Timestamp) {
        let _ = self.messages.try_send(Message::PurgeSessions(before));
    }
}

impl<C: Connection> TlsSessionStore for DurableStore<C> {
    fn keep_tls_session(&self, row: TlsSessionRow) {
        let changes = self.shared.tls_sessions();
        changes.push(TlsSessionChange::Keep(row));
    }

    fn end_tls_session(&self, id: TlsSessionId, account: &AccountId) {
        let changes = self.shared.tls_sessions();
        changes.push(TlsSessionChange::End(id, account.clone()));
    }

    fn forget_tls_sessions(&self, account: &AccountId) {
        let changes = self.shared.tls_sessions();
        changes.push(TlsSessionChange::Forget(account.clone()));
    }

    fn find_tls_session(&self, id: TlsSessionId, found: TlsSessionFound) {
        self.finder.ask(id, found);
    }

    fn purge_tls_sessions(&self, now_s: i64) {
        let _ = self.messages.try_send(Message::PurgeTlsSessions(now_s));
    }

    fn renew_ticket_keys(&self, renewal: TicketKeyRenewal, done: TicketKeysDone) {
        // A full queue means a stalled disk; the keys that are known go on.
        let message = Message::TicketKeys(renewal, done);
        if let Err(TrySendError::Full(Message::TicketKeys(_, done))) =
            self.messages.try_send(message)
        {
            done(Err(StoreError::Busy));
        }
    }
}

impl<C: Connection> DurableStore<C> {
    /// Has the writer do something between two commits, and waits for it.
    fn on_writer<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(|reply| {
            Message::Job(Box::new(move |connection| {
                // Whoever asked may have gone.
                let _ = reply.send(work(connection));
            }))
        })?
    }
}

impl<C: Connection> ResetStore for DurableStore<C> {
    fn opening(
        &self,
        account: &AccountId,
        kind: OpeningKind,
    ) -> Result<Option<Opening>, StoreError> {
        resets::opening(&mut *self.reader(), account, kind)
    }

    fn put_opening(
        &self,
        opening: &Opening,
        replaced: u64,
        message: Option<&MessageRow>,
    ) -> Result<bool, StoreError> {
        let row = resets::to_row(opening, replaced, message)?;
        self.on_writer(move |connection| resets::put(connection, &row))
    }

    fn messages(&self, since: Timestamp, limit: u32) -> Result<Vec<MessageRow>, StoreError> {
        Ok(resets::messages(&mut *self.reader(), since, limit)?)
    }

    fn move_message(&self, progress: MessageProgress<'_>) -> Result<bool, StoreError> {
        let progress = resets::Progress::from(progress);
        self.on_writer(move |connection| resets::move_message(connection, &progress))
    }

    fn number_seen(&self, account: &AccountId) -> Result<Option<NumberSeen>, StoreError> {
        Ok(resets::number_seen(&mut *self.reader(), account)?)
    }

    fn numbers_seen(&self) -> Result<Vec<(AccountId, NumberSeen)>, StoreError> {
        Ok(resets::numbers_seen(&mut *self.reader())?)
    }

    fn put_numbers_seen(&self, numbers: &[(AccountId, NumberSeen)]) -> Result<(), StoreError> {
        let numbers = numbers.to_vec();
        self.on_writer(move |connection| resets::put_numbers(connection, &numbers))
    }

    fn messages_switched_off(&self) -> Result<Option<String>, StoreError> {
        Ok(resets::switched_off(&mut *self.reader())?)
    }

    fn switch_messages(&self, off_by: Option<&str>) -> Result<(), StoreError> {
        let off_by = off_by.map(str::to_owned);
        self.on_writer(move |connection| resets::switch(connection, off_by.as_deref()))
    }

    fn purge_resets(&self, before: Timestamp) -> Result<(), StoreError> {
        self.on_writer(move |connection| resets::purge(connection, before))
    }
}

impl<C: Connection> Store for DurableStore<C> {
    fn health(&self) -> StoreHealth {
        let health = self.shared.health(self.messages.len());
        let Some(takings) = self.takings() else {
            return health;
        };
        let shared_database = self.shared_database.as_ref();
        let clock_offset_ms = shared_database.map_or(0, |shared| shared.changes.clock_offset_ms());
        let (shared, alone) = (takings.shared(), takings.shared().alone());
        StoreHealth {
            clock_offset_ms,
            alone_since: alone.as_ref().map(|alone| alone.since),
            last_error: alone.map(|alone| alone.cause).or(health.last_error),
            journalled: shared.journalled(),
            outcomes_dropped: shared.dropped(),
            ..health
        }
    }

    fn close(&self) {
        self.finder.close();
        if let Some(shared) = &self.shared_database {
            shared.changes.close();
            shared.takings.close();
        }
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(writer) = writer else { return };
        let _ = self.messages.send(Message::Close);
        // The last owner may be a callback, and a thread cannot wait for itself.
        if writer.thread().id() != std::thread::current().id() {
            let _ = writer.join();
        }
    }
}

impl<C: Connection> Drop for DurableStore<C> {
    fn drop(&mut self) {
        self.close();
    }
}

/// A random number.
fn chance() -> u32 {
    use std::hash::{BuildHasher as _, RandomState};
    let [first, second, third, fourth, ..] = RandomState::new().hash_one(()).to_ne_bytes();
    u32::from_ne_bytes([first, second, third, fourth])
}

/// The key to seal with, tried on a sealed row if there is one.
pub(crate) fn sealing_key(
    connection: &mut dyn Connection,
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
