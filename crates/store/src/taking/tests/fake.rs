//! A database in memory, and a network that loses, delays and repeats.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use portvakt_auth::AccountId;
use portvakt_auth::lock::{Question, Ruling};

use crate::sql::SqlError;
use crate::taking::merge::millis;
use crate::taking::{Answer, Asked, JournalledLock, LockDatabase, LockState};

/// The fate of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is done and answered.
    Answered,
    /// It never arrives.
    Lost,
    /// It is done, and the answer never arrives.
    AnswerLost,
    /// It is done when the node connects again, and the answer never arrives.
    Late,
}

/// A request that the server has to work off yet.
enum Request {
    Take(Vec<Asked>),
    Merge(String, i64, i64, Vec<JournalledLock>),
}

/// What all nodes see.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) locks: BTreeMap<AccountId, LockState>,
    merged: BTreeMap<String, i64>,
    revision: u64,
    pub(super) now_ms: i64,
}

impl Tables {
    pub(super) fn at(now_ms: i64) -> Self {
        Self {
            now_ms,
            ..Self::default()
        }
    }

    /// Failures that count now, and whether there is a lock.
    pub(super) fn state(&self, id: &AccountId, forget_ms: i64) -> (u8, bool) {
        let Some(row) = self.locks.get(id) else {
            return (0, false);
        };
        let is_locked = row.locked_until_ms.is_some_and(|until| until > self.now_ms);
        let is_over = row.locked_until_ms.is_some() && !is_locked
            || row.locked_until_ms.is_none() && row.last_failure_ms + forget_ms <= self.now_ms;
        (if is_over { 0 } else { row.failures }, is_locked)
    }

    fn put(&mut self, id: &AccountId, failures: u8, last: i64, until: Option<i64>) -> LockState {
        self.revision += 1;
        let state = LockState {
            failures,
            last_failure_ms: last,
            locked_until_ms: until,
            revision: self.revision,
            now_ms: self.now_ms,
        };
        self.locks.insert(id.clone(), state);
        state
    }

    fn answer(&self, id: &AccountId, ruling: Ruling) -> Answer {
        let state = self.locks.get(id);
        Answer {
            ruling,
            state: state.map(|state| LockState {
                now_ms: self.now_ms,
                ..*state
            }),
        }
    }

    fn take(&mut self, asked: &Asked) -> Answer {
        let (id, forget_ms) = (&asked.account, millis(asked.rules.forget_after));
        let (failures, is_locked) = self.state(id, forget_ms);
        match asked.question {
            _ if is_locked => self.answer(id, Ruling::Stopped),
            Question::Look => self.answer(id, Ruling::Done),
            Question::Count => {
                let failures = failures + 1;
                let locks = failures >= asked.rules.attempts;
                let until = locks.then(|| self.now_ms + millis(asked.rules.duration));
                self.put(id, failures, self.now_ms, until);
                self.answer(id, Ruling::Done)
            }
            Question::Clear => match self.locks.remove(id) {
                None => self.answer(id, Ruling::Done),
                Some(before) => {
                    self.revision += 1;
                    Answer {
                        ruling: Ruling::Done,
                        state: Some(LockState {
                            failures: 0,
                            locked_until_ms: None,
                            revision: self.revision,
                            now_ms: self.now_ms,
                            ..before
                        }),
                    }
                }
            },
        }
    }

    fn add(&mut self, lock: &JournalledLock) -> Answer {
        let id = &lock.account;
        if lock.failures == 0 {
            return self.answer(id, Ruling::Done);
        }
        let (before, is_locked) = self.state(id, millis(lock.rules.forget_after));
        let row = self.locks.get(id).copied();
        let old = row.filter(|_| before > 0 || is_locked);
        let last = self.now_ms - lock.last_failure_ago_ms;
        let last = old.map_or(last, |old| old.last_failure_ms.max(last));
        let failures = match is_locked {
            true => before.max(lock.failures),
            false => before + lock.failures,
        };
        let sixth = (!is_locked && failures >= lock.rules.attempts)
            .then(|| last + millis(lock.rules.duration));
        let own = lock.locked_for_ms.map(|length| self.now_ms + length);
        let held = old.and_then(|old| old.locked_until_ms);
        let until = [sixth, own, held].into_iter().flatten().max();
        self.put(id, failures, last, until);
        self.answer(id, Ruling::Done)
    }

    fn merge(
        &mut self,
        journal: &str,
        from: i64,
        through: i64,
        locks: &[JournalledLock],
    ) -> Result<Vec<Answer>, SqlError> {
        let merged = self.merged.get(journal).copied().unwrap_or_default();
        if merged != from {
            return Err(SqlError::refused("merged by somebody else"));
        }
        self.merged.insert(journal.to_owned(), through);
        Ok(locks.iter().map(|lock| self.add(lock)).collect())
    }
}

/// A node's connection.
pub(super) struct Fake {
    tables: Arc<Mutex<Tables>>,
    /// The fates of the next requests; beyond them, all are answered.
    fates: Arc<Mutex<Vec<Fate>>>,
    late: Vec<Request>,
}

impl Fake {
    pub(super) fn new(tables: &Arc<Mutex<Tables>>, fates: &Arc<Mutex<Vec<Fate>>>) -> Self {
        Self {
            tables: Arc::clone(tables),
            fates: Arc::clone(fates),
            late: Vec::new(),
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap()
    }

    /// A new connection waits for the end of the one before, which works off what it has.
    fn connect(&mut self) {
        for request in std::mem::take(&mut self.late) {
            let mut tables = self.tables();
            match request {
                // A success forgets nothing any more that came after its deadline.
                Request::Take(asked) => {
                    for asked in asked
                        .iter()
                        .filter(|asked| asked.question != Question::Clear)
                    {
                        let _ = tables.take(asked);
                    }
                }
                Request::Merge(journal, from, through, locks) => {
                    let _ = tables.merge(&journal, from, through, &locks);
                }
            }
        }
    }

    fn request<T>(
        &mut self,
        request: impl FnOnce() -> Request,
        work: impl FnOnce(&mut Tables) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let fate = self.fates.lock().unwrap().pop();
        let lost = Err(SqlError::refused("the connection is lost"));
        match fate.unwrap_or(Fate::Answered) {
            Fate::Answered => work(&mut self.tables()),
            Fate::Lost => lost,
            Fate::AnswerLost => work(&mut self.tables()).and(lost),
            Fate::Late => {
                self.late.push(request());
                lost
            }
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.connect();
    }
}

impl LockDatabase for Fake {
    fn take(&mut self, asked: &[Asked]) -> Result<Vec<Answer>, SqlError> {
        let later = || Request::Take(asked.to_vec());
        self.request(later, |tables| {
            Ok(asked.iter().map(|asked| tables.take(asked)).collect())
        })
    }

    fn merged(&mut self, journal: &str) -> Result<i64, SqlError> {
        self.connect();
        Ok(self
            .tables()
            .merged
            .get(journal)
            .copied()
            .unwrap_or_default())
    }

    fn merge(
        &mut self,
        journal: &str,
        from: i64,
        through: i64,
        locks: &[JournalledLock],
    ) -> Result<Vec<Answer>, SqlError> {
        let later = || Request::Merge(journal.to_owned(), from, through, locks.to_vec());
        self.request(later, |tables| tables.merge(journal, from, through, locks))
    }

    fn unlock(&mut self, id: &AccountId) -> Result<Option<LockState>, SqlError> {
        Ok(self.tables().locks.remove(id))
    }

    fn is_connected(&mut self) -> bool {
        true
    }
}
