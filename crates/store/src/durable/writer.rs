//! The writing thread: takes the work that waits, commits it at once, then reports it done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, Sender, TryRecvError};
use jiff::Timestamp;
use portvakt_accounting::{LiveSessions, Session};
use portvakt_auth::lock::StoredLock;
use portvakt_auth::name::AccountId;
use portvakt_sealing::SealingKey;
use tracing::{debug, error, info};

use super::backlog::{Backlog, Batch};
use super::pending::Shared;
use super::session_batch::{SessionBatch, SessionIds, Taken, Waiting, publish};
use crate::sql::{Connection, SqlError};
use crate::tables::accounts::{self, AccountRow};
use crate::tables::{attempts, changes, locks, sessions, tls_sessions, unattributed};
use crate::{
    DataFolder, Done, Durability, Recorded, SessionDone, StoreError, TicketKeyRenewal,
    TicketKeysDone,
};

/// Most messages in one commit: bounds how long a failure waits for the others.
const BATCH: usize = 1024;
/// Most jobs on sessions in one commit: some ten milliseconds, which a failure may wait as well.
const SESSION_JOBS: usize = 512;
/// Jobs that take several commits, at once; of more the NAS must ask again.
const LONG_JOBS: usize = 64;
/// Pause between two tries while the disk refuses.
const RETRY: Duration = Duration::from_secs(1);
/// How long attempts are gathered before they are written; a reader has them written at once.
const GATHER: Duration = Duration::from_secs(10);
/// Between two looks at whether the buffer of attempts is filling up.
const LOOK: Duration = Duration::from_secs(1);

/// Work on the writer's connection; it reports by itself.
pub(crate) type Job = Box<dyn FnOnce(&mut dyn Connection) + Send>;

/// Requests to the writer.
pub(crate) enum Message {
    /// A lock is pending in [`Shared`]; called back when it is durable.
    Lock(Option<Done>),
    Accounts(Vec<AccountRow>, Sender<Result<(), StoreError>>),
    RemoveAccount(String, Sender<Result<(), StoreError>>),
    Announce(AccountId, Sender<Result<(), StoreError>>),
    /// Buffered attempts are to be written now; answered once that was tried.
    FlushAttempts(Sender<()>),
    Prune(Timestamp),
    PurgeSessions(Timestamp),
    PurgeTlsSessions(i64),
    TicketKeys(TicketKeyRenewal, TicketKeysDone),
    /// A short piece of work between two commits.
    Job(Job),
    LimitPages(u32, Sender<()>),
    Close,
}

/// The queues of the writer.
pub(crate) struct Queues {
    pub(crate) messages: Receiver<Message>,
    pub(crate) session_jobs: Receiver<Waiting>,
}

/// Work on sessions, and the sessions in memory.
pub(crate) struct Sessions {
    live: Arc<LiveSessions>,
    ids: SessionIds,
    jobs: Vec<Waiting>,
    purge_before: Option<Timestamp>,
}

impl Sessions {
    pub(crate) fn new(live: Arc<LiveSessions>, ids: SessionIds) -> Self {
        Self {
            live,
            ids,
            jobs: Vec::new(),
            purge_before: None,
        }
    }

    /// Reports a job, or keeps the rest of it for the next commit.
    fn settle(&mut self, mut waiting: Waiting, taken: Option<Taken>) {
        let Some(taken) = taken else {
            return report_session(waiting.done, Recorded::NotStored);
        };
        waiting.changes.extend(taken.changes);
        match taken.rest {
            None => report_session(waiting.done, Recorded::OnDisk(waiting.changes)),
            Some(_) if self.jobs.len() >= LONG_JOBS => {
                report_session(waiting.done, Recorded::NotStored);
            }
            Some(job) => self.jobs.push(Waiting { job, ..waiting }),
        }
    }
}

/// The sessions of a commit as they were written, and what it made of each job; `None` where that
/// failed.
#[derive(Default)]
struct Folded {
    sessions: Vec<Arc<Session>>,
    taken: Vec<Option<Taken>>,
}

pub(crate) struct Writer<C> {
    connection: C,
    shared: Arc<Shared>,
    queues: Queues,
    sessions: Sessions,
    /// Attempts taken from their buffers.
    attempts: Backlog,
    take_attempts_at: Instant,
    done: Vec<Done>,
    flushes: Vec<Sender<()>>,
    retry_at: Option<Instant>,
    prune_before: Option<Timestamp>,
    write_tls_sessions_at: Instant,
    purge_tls_sessions: Option<i64>,
    closing: bool,
    sealing: SealingKey,
    /// Dropped last, after the connection.
    _folder: DataFolder,
}

impl<C: Connection> Writer<C> {
    pub(crate) fn new(
        connection: C,
        shared: Arc<Shared>,
        queues: Queues,
        sessions: Sessions,
        sealing: SealingKey,
        folder: DataFolder,
    ) -> Self {
        Self {
            connection,
            shared,
            queues,
            sessions,
            attempts: Backlog::default(),
            take_attempts_at: Instant::now() + GATHER,
            done: Vec::new(),
            flushes: Vec::new(),
            retry_at: None,
            prune_before: None,
            write_tls_sessions_at: Instant::now(),
            purge_tls_sessions: None,
            closing: false,
            sealing,
            _folder: folder,
        }
    }

    pub(crate) fn run(mut self) {
        while !self.closing {
            self.take_work();
            self.commit_if_due();
            self.write_tls_sessions();
            self.prune_some();
        }
        self.retry_at = None;
        self.sessions
            .jobs
            .extend(self.queues.session_jobs.try_iter());
        self.commit_if_due();
        while !self.attempts.is_empty() && self.retry_at.is_none() {
            self.commit_if_due();
        }
        self.write_tls_sessions();
        self.connection.close();
    }

    /// Waits for work, then takes the rest of the queues without waiting for more.
    fn take_work(&mut self) {
        self.wait_for_work();
        for _ in 0..BATCH {
            match self.queues.messages.try_recv() {
                Ok(message) => self.accept(message),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.closing = true;
                    break;
                }
            }
        }
        let jobs = self.queues.session_jobs.try_iter().take(SESSION_JOBS);
        self.sessions.jobs.extend(jobs);
        self.take_attempts(Instant::now());
    }

    fn wait_for_work(&self) {
        let now = Instant::now();
        let prunes = self.prune_before.or(self.sessions.purge_before).is_some()
            || self.purge_tls_sessions.is_some();
        let has_more = prunes || !self.attempts.is_empty() || !self.sessions.jobs.is_empty();
        let look = self.take_attempts_at.min(now + LOOK);
        let until = match self.retry_at {
            None if has_more => now,
            retry_at => retry_at.unwrap_or(look).min(look),
        };
        let mut select = Select::new();
        select.recv(&self.queues.messages);
        select.recv(&self.queues.session_jobs);
        let _ = select.ready_deadline(until);
    }

    fn accept(&mut self, message: Message) {
        match message {
            Message::Lock(done) => self.done.extend(done),
            Message::Accounts(rows, reply) => {
                let _ = reply.send(accounts::write(&mut self.connection, &rows));
            }
            Message::RemoveAccount(id, reply) => {
                let _ = reply.send(accounts::remove(&mut self.connection, &id));
            }
            Message::Job(job) => {
                let connection = &mut self.connection;
                guarded(Some(|| job(connection)));
            }
            Message::Announce(account, reply) => {
                let _ = reply.send(changes::announce(&mut self.connection, &account));
            }
            Message::FlushAttempts(reply) => self.flushes.push(reply),
            Message::Prune(before) => self.prune_before = Some(before),
            Message::PurgeSessions(before) => self.sessions.purge_before = Some(before),
            Message::PurgeTlsSessions(now_s) => self.purge_tls_sessions = Some(now_s),
            Message::TicketKeys(renewal, done) => {
                let keys = tls_sessions::renew_keys(&mut self.connection, &self.sealing, &renewal);
                guarded(Some(|| done(keys)));
            }
            Message::LimitPages(pages, reply) => {
                self.connection.limit_pages(pages);
                let _ = reply.send(());
            }
            Message::Close => self.closing = true,
        }
    }

    /// Takes the buffered attempts, if they are due.
    fn take_attempts(&mut self, now: Instant) {
        let buffer = self.shared.attempts();
        let is_filling = buffer.is_filling() && self.attempts.is_empty();
        let early = is_filling || !self.flushes.is_empty() || self.closing;
        if now < self.take_attempts_at && !early {
            return;
        }
        self.take_attempts_at = now + GATHER;
        self.attempts.take(&self.shared);
    }

    /// Commits, unless the disk refused less than [`RETRY`] ago; reports in either case.
    fn commit_if_due(&mut self) {
        let waits = self
            .retry_at
            .is_some_and(|retry_at| Instant::now() < retry_at);
        let durability = if waits {
            self.refuse_session_jobs();
            Durability::MemoryOnly
        } else {
            self.commit()
        };
        self.shared.set_backlog(self.attempts.len());
        for done in self.done.drain(..) {
            report(Some(done), durability);
        }
        if self.attempts.is_empty() || durability == Durability::MemoryOnly {
            for reply in self.flushes.drain(..) {
                // The reader may have stopped waiting.
                let _ = reply.send(());
            }
        }
    }

    /// Writes every pending lock, attempts up to [`BATCH`], and the sessions of the jobs. Where it
    /// fails, the locks are tried once more without the sessions.
    fn commit(&mut self) -> Durability {
        let locks = self.shared.locks().snapshot();
        let written = self.write(&locks);
        let written = match written {
            Err(_) if !self.sessions.jobs.is_empty() => {
                self.refuse_session_jobs();
                self.write(&locks)
            }
            written => written,
        };
        match written {
            Ok(folded) => self.succeeded(&locks, folded),
            Err(error) => self.failed(&error),
        }
    }

    fn write(&mut self, locks: &[StoredLock]) -> Result<Folded, SqlError> {
        let attempts = self.attempts.batch();
        self.shared.set_committing(Some(Instant::now()));
        let is_beyond = self.shared.is_beyond();
        let sessions = &mut self.sessions;
        let written = write(&mut self.connection, locks, &attempts, sessions, is_beyond);
        self.shared.set_committing(None);
        written
    }

    fn refuse_session_jobs(&mut self) {
        for waiting in self.sessions.jobs.drain(..) {
            report_session(waiting.done, Recorded::NotStored);
        }
    }

    fn succeeded(&mut self, locks: &[StoredLock], folded: Folded) -> Durability {
        self.shared.locks().written(locks);
        let beyond = publish(&self.sessions.live, folded.sessions);
        self.shared.count_beyond(beyond);
        let jobs = std::mem::take(&mut self.sessions.jobs);
        for (waiting, taken) in jobs.into_iter().zip(folded.taken) {
            self.sessions.settle(waiting, taken);
        }
        self.attempts.written();
        self.retry_at = None;
        if let Some(since) = self.shared.set_succeeded() {
            info!(%since, locks = locks.len(), "the store writes again and has caught up");
        }
        Durability::OnDisk
    }

    fn failed(&mut self, cause: &SqlError) -> Durability {
        self.retry_at = Some(Instant::now() + RETRY);
        if self.shared.set_failed(cause) {
            error!(%cause, "the store cannot write; locks are kept in memory until it can");
        }
        Durability::MemoryOnly
    }

    /// Writes the changes of TLS sessions in a commit of their own, which nothing waits for. Where it
    /// fails, they wait for the next.
    fn write_tls_sessions(&mut self) {
        let now = Instant::now();
        if self.retry_at.is_some() || (now < self.write_tls_sessions_at && !self.closing) {
            return;
        }
        self.write_tls_sessions_at = now + LOOK;
        let shared = Arc::clone(&self.shared);
        let changes = shared.tls_sessions().take();
        if changes.is_empty() {
            return shared.tls_sessions().written();
        }
        let connection = &mut self.connection;
        let written = connection.begin().and_then(|()| {
            let written = tls_sessions::write(connection, &changes);
            match written {
                Ok(()) => connection.commit(),
                Err(error) => {
                    connection.roll_back();
                    Err(error)
                }
            }
        });
        match written {
            Ok(()) => shared.tls_sessions().written(),
            Err(error) => {
                debug!(%error, "TLS sessions are not written yet");
                shared.tls_sessions().put_back(changes);
            }
        }
    }

    /// Removes some old attempts and sessions: a small step, so that log-ons never wait for it.
    fn prune_some(&mut self) {
        if let Some(before) = self.sessions.purge_before
            && sessions::purge_some(&mut self.connection, before).unwrap_or(true)
        {
            self.sessions.purge_before = None;
        }
        if let Some(now_s) = self.purge_tls_sessions
            && tls_sessions::purge_some(&mut self.connection, now_s).unwrap_or(true)
        {
            self.purge_tls_sessions = None;
        }
        let Some(before) = self.prune_before else {
            return;
        };
        // An error is left to the commits to report; the next round prunes.
        let finished = attempts::prune_some(&mut self.connection, before).unwrap_or(true);
        let others = unattributed::prune_some(&mut self.connection, before).unwrap_or(true);
        if finished && others {
            self.prune_before = None;
        }
    }
}

fn write(
    connection: &mut dyn Connection,
    locks: &[StoredLock],
    attempts: &Batch<'_>,
    sessions: &mut Sessions,
    is_beyond: bool,
) -> Result<Folded, SqlError> {
    if locks.is_empty() && attempts.is_empty() && sessions.jobs.is_empty() {
        // So that health tells of a database that is away while nothing is to be written.
        return connection.ready().map(|()| Folded::default());
    }
    connection.begin()?;
    let written = write_within(connection, locks, attempts, sessions, is_beyond);
    match written {
        Ok(folded) => connection.commit().map(|()| folded),
        Err(error) => {
            connection.roll_back();
            Err(error)
        }
    }
}

fn write_within(
    connection: &mut dyn Connection,
    locks: &[StoredLock],
    attempts: &Batch<'_>,
    sessions: &mut Sessions,
    is_beyond: bool,
) -> Result<Folded, SqlError> {
    for lock in locks {
        locks::write(connection, lock)?;
    }
    attempts::write(connection, attempts.attempts)?;
    unattributed::write(connection, attempts.unattributed)?;
    write_sessions(connection, sessions, is_beyond)
}

fn write_sessions(
    connection: &mut dyn Connection,
    sessions: &mut Sessions,
    is_beyond: bool,
) -> Result<Folded, SqlError> {
    let Sessions {
        live, ids, jobs, ..
    } = sessions;
    let mut batch = SessionBatch::new(connection, live, ids, is_beyond);
    let mut taken = Vec::with_capacity(jobs.len());
    for waiting in jobs {
        taken.push(batch.take_guarded(&waiting.job)?);
    }
    batch.write()?;
    let sessions = batch.finish();
    Ok(Folded { sessions, taken })
}

/// Calls back; catches a panic of the callback, which must not end the writer.
pub(crate) fn report(done: Option<Done>, durability: Durability) {
    guarded(done.map(|done| || done(durability)));
}

/// The same for sessions.
pub(crate) fn report_session(done: Option<SessionDone>, recorded: Recorded) {
    guarded(done.map(|done| || done(recorded)));
}

/// Catches a panic of a callback, which must not end its thread.
pub(super) fn guarded(done: Option<impl FnOnce()>) {
    let Some(done) = done else { return };
    if catch_unwind(AssertUnwindSafe(done)).is_err() {
        error!("a callback of the store panicked; this is a bug in Portvakt");
    }
}
