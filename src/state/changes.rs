//! Changes that other servers of the same database make.
//!
//! A lock is in force here from then on, for remembered passwords too; an account of the embedded
//! directory is as the other server has written it, and what was proven of it is forgotten; its
//! sessions are judged anew.

use std::sync::{Arc, Weak};

use portvakt_auth::{AccountId, LockRecord};
use portvakt_store::{Heard, StoreError};

use super::State;

/// Changes of accounts at once, beyond which all of them are read: that is one statement.
const READ_SINGLY: usize = 500;

impl State {
    /// Applies what other servers change from now on.
    ///
    /// # Errors
    /// [`StoreError::Database`]: there is no thread.
    pub(super) fn listen(self: &Arc<Self>) -> Result<(), StoreError> {
        let (weak, clock) = (Arc::downgrade(self), self.clock);
        let hear = Box::new(move |heard| apply(&weak, heard));
        self.store.listen(Box::new(move || clock.now()), hear)
    }

    /// As [`Self::invalidate`], at the other servers as well. Blocks for the database.
    pub fn invalidate_everywhere(&self, account: &AccountId) {
        self.invalidate(account);
        if let Err(cause) = self.store.announce(account) {
            tracing::warn!(%account, %cause, "the other servers were not told of a change");
        }
    }

    fn apply_heard(&self, heard: Vec<Heard>) {
        let mut accounts = Vec::new();
        for heard in heard {
            match heard {
                Heard::Lock(lock) => self.take_over_lock(&lock),
                Heard::Account(account) => accounts.push(account),
                Heard::Proofs(account) => self.invalidate(&account),
                Heard::Everything => return self.reload_everything(),
            }
        }
        accounts.sort_unstable();
        accounts.dedup();
        match accounts.len() {
            0..READ_SINGLY => accounts
                .iter()
                .for_each(|account| self.reload_account(account)),
            _ => self.reload_accounts(),
        }
    }

    fn take_over_lock(&self, lock: &LockRecord) {
        self.locks.adopt(lock);
        if lock.locked_until.is_some() {
            self.sessions.forget(lock.id.as_str());
        }
    }

    fn reload_account(&self, plain: &AccountId) {
        let Some(embedded) = &self.embedded else {
            return;
        };
        match embedded.reload(plain) {
            Ok(changed) => changed.iter().for_each(|account| self.invalidate(account)),
            Err(cause) => {
                tracing::error!(account = %plain, %cause, "a change by another server is not in force");
            }
        }
    }

    fn reload_accounts(&self) {
        let Some(embedded) = &self.embedded else {
            return;
        };
        match embedded.reload_all() {
            Ok(changed) => changed.iter().for_each(|account| self.invalidate(account)),
            Err(cause) => tracing::error!(%cause, "changes by other servers are not in force"),
        }
        self.resize_locks();
    }

    /// After a long absence. A lock that was ended meanwhile runs out by itself.
    fn reload_everything(&self) {
        match self.store.restore_locks(self.clock.now()) {
            Ok(locks) => locks.iter().for_each(|lock| self.take_over_lock(lock)),
            Err(cause) => tracing::error!(%cause, "locks set by other servers are not in force"),
        }
        self.reload_accounts();
    }
}

fn apply(state: &Weak<State>, heard: Vec<Heard>) {
    if let Some(state) = state.upgrade() {
        state.apply_heard(heard);
    }
}
