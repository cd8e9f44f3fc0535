//! Accounts whose sessions are to be judged anew.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portvakt_auth::AccountId;

/// Accounts that wait, each once. What comes beyond is judged in its turn, within a minute.
const MOST: usize = 100_000;

/// A set of accounts that one thread works off.
#[derive(Debug, Default)]
pub struct ChangedAccounts {
    state: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    accounts: HashSet<AccountId>,
    is_closed: bool,
}

impl ChangedAccounts {
    /// Adds an account.
    pub fn add(&self, account: &AccountId) {
        let mut waiting = self.lock();
        if waiting.accounts.len() < MOST && waiting.accounts.insert(account.clone()) {
            drop(waiting);
            self.changed.notify_one();
        }
    }

    /// Takes all accounts, waiting for the first at most so long; `None` after [`Self::close`].
    #[must_use]
    pub fn take(&self, patience: Duration) -> Option<HashSet<AccountId>> {
        let is_idle = |waiting: &mut Waiting| waiting.accounts.is_empty() && !waiting.is_closed;
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), patience, is_idle);
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (!waiting.is_closed).then(|| std::mem::take(&mut waiting.accounts))
    }

    /// Has [`Self::take`] return `None` from now on.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_is_taken_once() {
        let accounts = ChangedAccounts::default();
        let [anna, bo] = ["anna", "bo"].map(|name| AccountId::new(name).unwrap());
        for account in [&anna, &bo, &anna] {
            accounts.add(account);
        }
        let taken = accounts.take(Duration::ZERO).unwrap();
        assert_eq!(taken, [anna, bo].into());
        assert_eq!(accounts.take(Duration::ZERO), Some(HashSet::new()));
        accounts.close();
        assert_eq!(accounts.take(Duration::from_secs(60)), None);
    }
}
