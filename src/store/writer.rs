//! The one thread that writes: takes what waits, commits it, and only then reports it done.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use jiff::Timestamp;
use portvakt_auth::lock::StoredLock;
use rusqlite::Connection;
use tracing::{error, info};

use super::accounts::{self, AccountRow};
use super::attempts::{self, AttemptRow};
use super::folder::DataFolder;
use super::unwritten::Shared;
use super::{Done, Durability, StoreError, locks};

/// Most entries in one commit; bounds how long the first of them waits for the last.
const BATCH: usize = 1024;
/// Attempts kept in memory while the disk refuses; about 3 MB.
const KEPT_ATTEMPTS: usize = 10_000;
/// Pause between two tries while the disk refuses.
const RETRY: Duration = Duration::from_secs(1);

/// How long notes are gathered before they are written. Who reads them has them written first.
const GATHER: Duration = Duration::from_secs(10);
/// Between two looks at whether so many notes wait that they are written at once.
const LOOK: Duration = Duration::from_secs(1);

/// What the writer is asked to do. Locks come by way of [`Shared`].
pub(super) enum Message {
    Attempt(Option<AttemptRow>, Option<Done>),
    Accounts(Vec<AccountRow>, Sender<Result<(), StoreError>>),
    /// The notes are to be written now; told when that was tried.
    Notes(Sender<()>),
    RemoveAccount(String, Sender<Result<(), StoreError>>),
    Prune(Timestamp),
    LimitPages(u32, Sender<()>),
    Close,
}

pub(super) struct Writer {
    connection: Connection,
    shared: Arc<Shared>,
    queue: Receiver<Message>,
    /// Attempts still to be written, oldest first.
    attempts: VecDeque<AttemptRow>,
    /// Notes that were taken and go into the next commits, a part into each.
    notes: VecDeque<AttemptRow>,
    done: Vec<Done>,
    retry_at: Option<Instant>,
    notes_at: Instant,
    readers: Vec<Sender<()>>,
    prune_before: Option<Timestamp>,
    closing: bool,
    /// Dropped last, after the connection.
    _folder: DataFolder,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        shared: Arc<Shared>,
        queue: Receiver<Message>,
        folder: DataFolder,
    ) -> Self {
        Self {
            connection,
            shared,
            queue,
            attempts: VecDeque::new(),
            notes: VecDeque::new(),
            done: Vec::new(),
            retry_at: None,
            notes_at: Instant::now() + GATHER,
            readers: Vec::new(),
            prune_before: None,
            closing: false,
            _folder: folder,
        }
    }

    pub(super) fn run(mut self) {
        while !self.closing {
            self.take_waiting();
            self.commit_if_due();
            self.prune_some();
        }
        self.retry_at = None;
        self.commit_if_due();
        while !self.notes.is_empty() && self.retry_at.is_none() {
            self.add_notes();
            self.commit_if_due();
        }
        // The readers cannot; without this the log stays beside the database. Only tidiness.
        let _ = self
            .connection
            .pragma_update(None, "wal_checkpoint", "truncate");
    }

    /// Waits for work, then takes what else is there without waiting for more.
    fn take_waiting(&mut self) {
        match self.first_message() {
            Ok(message) => self.accept(message),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.closing = true,
        }
        for message in self.queue.clone().try_iter().take(BATCH - 1) {
            self.accept(message);
        }
        self.take_notes(Instant::now());
        self.add_notes();
    }

    /// Takes the notes, where it is time to write them.
    fn take_notes(&mut self, now: Instant) {
        let notes = self.shared.notes();
        let many = notes.are_many() && self.notes.is_empty();
        let early = many || !self.readers.is_empty() || self.closing;
        if now < self.notes_at && !early {
            return;
        }
        self.notes_at = now + GATHER;
        self.notes.extend(notes.take());
    }

    /// Fills the next commit up with notes: a failure never waits for all of them.
    fn add_notes(&mut self) {
        let room = BATCH.saturating_sub(self.attempts.len());
        let part = self.notes.drain(..room.min(self.notes.len()));
        self.attempts.extend(part);
    }

    fn first_message(&self) -> Result<Message, RecvTimeoutError> {
        let now = Instant::now();
        let has_more = self.prune_before.is_some() || !self.notes.is_empty();
        let look = self.notes_at.min(now + LOOK);
        let until = match self.retry_at {
            None if has_more => now,
            retry_at => retry_at.unwrap_or(look).min(look),
        };
        self.queue.recv_deadline(until)
    }

    fn accept(&mut self, message: Message) {
        match message {
            Message::Attempt(attempt, done) => {
                self.attempts.extend(attempt);
                self.done.extend(done);
            }
            Message::Accounts(rows, reply) => {
                let _ = reply.send(accounts::write(&mut self.connection, &rows));
            }
            Message::Notes(reader) => self.readers.push(reader),
            Message::RemoveAccount(id, reply) => {
                let _ = reply.send(accounts::remove(&self.connection, &id));
            }
            Message::Prune(before) => self.prune_before = Some(before),
            Message::LimitPages(pages, reply) => {
                let _ = self.connection.pragma_update(None, "max_page_count", pages);
                let _ = reply.send(());
            }
            Message::Close => self.closing = true,
        }
    }

    /// Commits, unless the disk refused less than [`RETRY`] ago; reports in either case.
    fn commit_if_due(&mut self) {
        let waits = self
            .retry_at
            .is_some_and(|retry_at| Instant::now() < retry_at);
        let durability = if waits {
            Durability::MemoryOnly
        } else {
            self.commit()
        };
        self.bound_attempts();
        for done in self.done.drain(..) {
            report(Some(done), durability);
        }
        if self.notes.is_empty() || durability == Durability::MemoryOnly {
            // Whoever asked may have stopped waiting.
            self.readers.drain(..).for_each(|reader| {
                let _ = reader.send(());
            });
        }
    }

    fn commit(&mut self) -> Durability {
        let locks = self.shared.unwritten().snapshot();
        self.shared.set_committing(Some(Instant::now()));
        let written = write(
            &mut self.connection,
            &locks,
            self.attempts.make_contiguous(),
        );
        self.shared.set_committing(None);
        match written {
            Ok(()) => self.succeeded(&locks),
            Err(error) => self.failed(&error),
        }
    }

    fn succeeded(&mut self, locks: &[StoredLock]) -> Durability {
        self.shared.unwritten().written(locks);
        self.attempts.clear();
        self.retry_at = None;
        if let Some(since) = self.shared.note_success() {
            info!(%since, locks = locks.len(), "the store writes again and has caught up");
        }
        Durability::OnDisk
    }

    fn failed(&mut self, cause: &rusqlite::Error) -> Durability {
        self.retry_at = Some(Instant::now() + RETRY);
        if self.shared.note_failure(cause) {
            error!(%cause, "the store cannot write; locks are kept in memory until it can");
        }
        Durability::MemoryOnly
    }

    fn bound_attempts(&mut self) {
        let excess = self.attempts.len().saturating_sub(KEPT_ATTEMPTS);
        self.attempts.drain(..excess);
        self.shared.count_dropped(excess as u64);
        self.shared.set_kept(self.attempts.len() + self.notes.len());
    }

    /// One small step, so that log-ons never wait for it.
    fn prune_some(&mut self) {
        let Some(before) = self.prune_before else {
            return;
        };
        // An error is left to the commits to notice; the next round prunes.
        let finished = attempts::prune_some(&self.connection, before).unwrap_or(true);
        if finished {
            self.prune_before = None;
        }
    }
}

fn write(
    connection: &mut Connection,
    locks: &[StoredLock],
    attempts: &[AttemptRow],
) -> Result<(), rusqlite::Error> {
    if locks.is_empty() && attempts.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for lock in locks {
        locks::write(&transaction, lock)?;
    }
    attempts::write(&transaction, attempts)?;
    transaction.commit()
}

/// Calls back. A panic in the callback must not end the writer, or nothing would be durable again.
pub(super) fn report(done: Option<Done>, durability: Durability) {
    let Some(done) = done else { return };
    if catch_unwind(AssertUnwindSafe(|| done(durability))).is_err() {
        error!("a callback of the store panicked; this is a bug in Portvakt");
    }
}
