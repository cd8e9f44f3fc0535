//! The thread that has outcomes taken: by the database, or alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use jiff::Timestamp;
use portvakt_auth::lock::{Decided, LockTable, Question, Ruling};
use portvakt_auth::{AccountId, LockRecord, Lockout, Now, Settled};
use tracing::{error, info, warn};

use super::database::{Asked, LockDatabase};
use super::journal::{Change, Journal, ReadBy};
use super::merge::add_up;
use super::{Alone, Request, Shared, Told, Waiting, now_after};
use crate::StoreError;
use crate::sql::SqlError;

/// Outcomes in one transaction at most.
const BATCH: usize = 1024;
/// Pause between two looks for the database while this server is alone.
const LOOK: Duration = Duration::from_millis(100);
/// Pause between two tries to merge.
const RETRY: Duration = Duration::from_secs(1);

/// Outcomes, the database, and the journal.
pub(super) struct Desk<D> {
    database: D,
    journal: Journal,
    shared: Arc<Shared>,
    /// The table of this process, once an outcome came with it.
    table: Option<LockTable>,
    merge_at: Option<Instant>,
}

/// An outcome that memory has decided, until it is in the journal.
struct Journalled {
    decided: Decided,
    rules: Lockout,
    now: Now,
    told: Told,
}

impl<D: LockDatabase> Desk<D> {
    /// Merges what the journal has from an earlier process.
    pub(super) fn open(
        database: D,
        journal: Journal,
        shared: Arc<Shared>,
        now: Now,
    ) -> Result<Self, StoreError> {
        let mut desk = Self {
            database,
            journal,
            shared,
            table: None,
            merge_at: None,
        };
        desk.merge(now, ReadBy::Utc)?;
        Ok(desk)
    }

    pub(super) fn run(mut self, requests: &Receiver<Request>) {
        let mut last = None;
        loop {
            let first = match self.is_alone() {
                false => requests.recv().map_err(|_| RecvTimeoutError::Disconnected),
                true => requests.recv_timeout(LOOK),
            };
            let (mut waiting, mut is_over) = (Vec::new(), false);
            match first {
                Ok(request) => is_over |= self.accept(request, &mut waiting),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while !is_over && waiting.len() < BATCH {
                let Ok(request) = requests.try_recv() else {
                    break;
                };
                is_over |= self.accept(request, &mut waiting);
            }
            last = waiting
                .last()
                .map(|waiting| (waiting.now, waiting.since))
                .or(last);
            let is_due = self.merge_at.is_none_or(|at| at <= Instant::now());
            if let (Some((now, since)), true) = (last, is_due) {
                self.come_back(now_after(now, since));
            }
            self.serve(waiting);
            if is_over {
                return;
            }
        }
    }

    /// Takes a request in; whether it is the last one.
    fn accept(&mut self, request: Request, waiting: &mut Vec<Waiting>) -> bool {
        match request {
            Request::Take(outcome) => waiting.push(*outcome),
            Request::Unlock(id, now, reply) => {
                // In its order: outcomes before it are not undone by it.
                self.serve(std::mem::take(waiting));
                let _ = reply.send(self.unlock(&id, now));
            }
            Request::IsLocked(id, reply) => {
                self.serve(std::mem::take(waiting));
                let _ = reply.send(self.is_locked(id));
            }
            Request::Close => return true,
        }
        false
    }

    /// Has outcomes taken and told.
    pub(super) fn serve(&mut self, mut waiting: Vec<Waiting>) {
        if waiting.is_empty() {
            return;
        }
        let table = waiting
            .iter()
            .find_map(|waiting| waiting.settlement.table());
        self.table = table.or(self.table.take());
        waiting.sort_by(|one, next| one.settlement.account().cmp(next.settlement.account()));
        if self.is_alone() {
            return self.serve_alone(waiting);
        }
        let asked: Vec<_> = waiting.iter().map(asked).collect();
        match self.database.take(&asked) {
            Ok(answers) if answers.len() == waiting.len() => {
                for (waiting, answer) in waiting.into_iter().zip(answers) {
                    let now = waiting.now();
                    let taken = answer.taken(waiting.settlement.account(), now);
                    tell(waiting.told, waiting.settlement.adopt(&taken, now.tick));
                }
            }
            Ok(_) => {
                self.go_alone(&"the database answered fewer questions than it was asked");
                self.serve_alone(waiting);
            }
            Err(cause) => {
                self.go_alone(&cause);
                self.serve_alone(waiting);
            }
        }
    }

    /// Has memory decide, and tells what is in the journal.
    fn serve_alone(&mut self, waiting: Vec<Waiting>) {
        let decided: Vec<_> = waiting.into_iter().map(decide).collect();
        let changes: Vec<_> = decided.iter().filter_map(Journalled::change).collect();
        let written = self.journal.append(&changes);
        self.shared
            .journalled
            .store(self.journal.len(), Ordering::Relaxed);
        if let Err(cause) = &written {
            error!(%cause, "the journal can't be written: failed log-ons are not answered");
        }
        for one in decided {
            // A success that could not forget failures has only left the stricter count.
            if written.is_ok() || !one.is_counted() {
                let now = one.now.tick;
                tell(one.told, one.decided.durable(now));
            } else {
                self.shared.count_dropped();
            }
        }
    }

    fn unlock(&mut self, id: &AccountId, now: Now) -> Result<Option<LockRecord>, StoreError> {
        let before = self.ask(|database| database.unlock(id))?;
        Ok(before.map(|state| state.record(id, now)))
    }

    fn is_locked(&mut self, account: AccountId) -> Result<bool, StoreError> {
        let asked = Asked {
            account,
            question: Question::Look,
            rules: Lockout::default(),
        };
        let answers = self.ask(|database| database.take(&[asked]))?;
        Ok(answers
            .iter()
            .any(|answer| answer.ruling == Ruling::Stopped))
    }

    /// Asks the database what memory must not decide.
    fn ask<T>(&mut self, ask: impl FnOnce(&mut D) -> Result<T, SqlError>) -> Result<T, StoreError> {
        if let Some(Alone { cause, .. }) = self.shared.alone() {
            return Err(StoreError::Away { cause });
        }
        ask(&mut self.database).map_err(|error| {
            self.go_alone(&error);
            let cause = error.to_string();
            StoreError::Away { cause }
        })
    }

    fn is_alone(&self) -> bool {
        self.shared.lock().is_some()
    }

    fn go_alone(&mut self, cause: &dyn std::fmt::Display) {
        self.merge_at = Some(Instant::now() + LOOK);
        let mut alone = self.shared.lock();
        if alone.is_none() {
            warn!(%cause, "the database does not take outcomes of log-ons: this server goes on alone");
            *alone = Some(Alone {
                since: Timestamp::now(),
                cause: cause.to_string(),
            });
        }
    }

    /// Merges the journal and goes on with the database, if it is there again.
    pub(super) fn come_back(&mut self, now: Now) {
        if !self.is_alone() || !self.database.is_connected() {
            return;
        }
        match self.merge(now, ReadBy::Tick) {
            Ok(accounts) => {
                let alone = self.shared.lock().take();
                let since = alone.map(|alone| alone.since).unwrap_or(now.utc);
                info!(%since, accounts, "the database takes outcomes of log-ons again");
            }
            Err(cause) => {
                self.merge_at = Some(Instant::now() + RETRY);
                if let Some(alone) = &mut *self.shared.lock() {
                    alone.cause = cause.to_string();
                }
            }
        }
    }

    /// Has the database add what the journal has; the number of accounts. Done again after a crash, it
    /// adds nothing twice.
    fn merge(&mut self, now: Now, by: ReadBy) -> Result<usize, StoreError> {
        let journal = self.journal.id().to_owned();
        let from = self.database.merged(&journal)?;
        let entries = self.journal.after(from, by)?;
        let through = entries.last().map_or(from, |last| last.number);
        let locks = add_up(
            &entries,
            match by {
                ReadBy::Tick => now.tick.as_millis(),
                ReadBy::Utc => now.utc.as_millisecond(),
            },
        );
        let answers = self.database.merge(&journal, from, through, &locks)?;
        if let Err(cause) = self.journal.merged_through(through) {
            // Their numbers say that the database has them.
            warn!(%cause, "merged entries can't be removed from the journal");
        }
        self.shared
            .journalled
            .store(self.journal.len(), Ordering::Relaxed);
        if let Some(table) = &self.table {
            for (lock, answer) in locks.iter().zip(answers) {
                match answer.state {
                    Some(state) => table.adopt_merged(&state.record(&lock.account, now)),
                    None => table.forget_merged(&lock.account),
                }
            }
        }
        Ok(locks.len())
    }
}

impl Journalled {
    fn change(&self) -> Option<Change<'_>> {
        let change = self.decided.change()?;
        let (rules, now) = (&self.rules, self.now);
        Some(Change { change, rules, now })
    }

    fn is_counted(&self) -> bool {
        use portvakt_auth::LockChange::Put;
        matches!(self.decided.change(), Some(Put(_)))
    }
}

fn asked(waiting: &Waiting) -> Asked {
    Asked {
        account: waiting.settlement.account().clone(),
        question: waiting.settlement.question(),
        rules: waiting.settlement.rules(),
    }
}

fn decide(waiting: Waiting) -> Journalled {
    let (now, rules) = (waiting.now(), waiting.settlement.rules());
    Journalled {
        decided: waiting.settlement.decide(now.tick),
        rules,
        now,
        told: waiting.told,
    }
}

/// Calls back; catches a panic of the callback, which must not end the thread.
fn tell(told: Told, settled: Settled) {
    if catch_unwind(AssertUnwindSafe(|| told(settled))).is_err() {
        error!("a callback of the store panicked; this is a bug in Portvakt");
    }
}
