//! Live sessions in memory.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ahash::RandomState;
use dashmap::{DashMap, Entry};
use portvakt_auth::AccountId;

use crate::{Session, SessionId, SessionKey};

/// Whether there was room for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is in memory, or over and no longer there.
    InMemory,
    /// It lives, and is on disk alone.
    BeyondCapacity,
}

/// Names of sessions.
type Keys = HashSet<Arc<SessionKey>, RandomState>;

/// Live sessions, as they are on disk. Written by the store alone; read from any thread.
///
/// A session beyond the capacity is not here; its records cost a read of the disk each.
pub struct LiveSessions {
    sessions: DashMap<Arc<SessionKey>, Arc<Session>, RandomState>,
    /// Sets, since a NAS that lies may give an account all the sessions there is room for.
    by_account: DashMap<AccountId, Keys, RandomState>,
    /// Counted apart: `DashMap::len` locks every shard.
    count: AtomicUsize,
    capacity: AtomicUsize,
}

impl LiveSessions {
    /// No sessions yet, and room for this many.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            sessions: DashMap::default(),
            by_account: DashMap::default(),
            count: AtomicUsize::new(0),
            capacity: AtomicUsize::new(capacity),
        }
    }

    /// Changes the bound; sessions beyond a smaller one stay until they end.
    pub fn set_capacity(&self, capacity: usize) {
        self.capacity.store(capacity, Ordering::Relaxed);
    }

    /// Number of sessions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The live session of this name.
    #[must_use]
    pub fn get(&self, key: &SessionKey) -> Option<Arc<Session>> {
        let found = self.sessions.get(key)?;
        Some(Arc::clone(&found))
    }

    /// The live sessions of an account, in no order.
    #[must_use]
    pub fn of_account(&self, account: &AccountId) -> Vec<Arc<Session>> {
        // Not while the entry is held: the writer takes the two maps in the other order.
        let keys: Vec<_> = match self.by_account.get(account) {
            Some(keys) => keys.iter().map(Arc::clone).collect(),
            None => return Vec::new(),
        };
        keys.iter().filter_map(|key| self.get(key)).collect()
    }

    /// Whether an account has live sessions.
    #[must_use]
    pub fn has_account(&self, account: &AccountId) -> bool {
        self.by_account.contains_key(account)
    }

    /// Accounts that have live sessions, in no order.
    #[must_use]
    pub fn accounts(&self) -> Vec<AccountId> {
        let accounts = self.by_account.iter();
        accounts.map(|entry| entry.key().clone()).collect()
    }

    /// Live sessions that `is_wanted` says yes to. Walks over all; `is_wanted` runs while a part of
    /// the table is locked, and must be quick.
    #[must_use]
    pub fn filter(&self, is_wanted: impl Fn(&Session) -> bool) -> Vec<Arc<Session>> {
        let all = self.sessions.iter();
        let wanted = all.filter(|entry| is_wanted(entry.value()));
        wanted.map(|entry| Arc::clone(entry.value())).collect()
    }

    /// Puts a session's state, which is on disk, in place of the one before; one that is over is
    /// taken out. For the one thread that writes.
    pub fn publish(&self, session: Arc<Session>) -> Published {
        if !session.is_live() {
            self.remove(&session.key, session.id);
            return Published::InMemory;
        }
        let has_room = self.len() < self.capacity.load(Ordering::Relaxed);
        let account = account_of(&session).cloned();
        let (key, before) = match self.sessions.entry(Arc::new(session.key.clone())) {
            Entry::Occupied(mut known) => {
                let key = Arc::clone(known.key());
                (key, Some(known.insert(session)))
            }
            Entry::Vacant(_) if !has_room => return Published::BeyondCapacity,
            Entry::Vacant(new) => {
                let key = Arc::clone(new.key());
                new.insert(session);
                self.count.fetch_add(1, Ordering::Relaxed);
                (key, None)
            }
        };
        let account_before = before.as_deref().and_then(account_of);
        if account_before != account.as_ref() {
            self.move_to(account, account_before, &key);
        }
        Published::InMemory
    }

    /// Takes out a session that is over, unless another has its name by now.
    fn remove(&self, key: &SessionKey, id: SessionId) {
        let removed = self.sessions.remove_if(key, |_, session| session.id == id);
        let Some((key, session)) = removed else {
            return;
        };
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.move_to(None, account_of(&session), &key);
    }

    fn move_to(&self, to: Option<AccountId>, from: Option<&AccountId>, key: &Arc<SessionKey>) {
        if let Some(from) = from
            && let Entry::Occupied(mut keys) = self.by_account.entry(from.clone())
        {
            keys.get_mut().remove(key);
            if keys.get().is_empty() {
                keys.remove();
            }
        }
        if let Some(to) = to {
            self.by_account
                .entry(to)
                .or_default()
                .insert(Arc::clone(key));
        }
    }
}

fn account_of(session: &Session) -> Option<&AccountId> {
    session.joined.as_ref().map(|joined| &joined.account)
}

#[cfg(test)]
mod tests;
