//! Accounts with live sessions that their directory knows no more: a brake.
//!
//! A wrong filter or search base makes every account unknown at once, and would end every session of
//! a campus within a minute. So few are believed at once, and many only if they stay few of all.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use portvakt_auth::AccountId;

use crate::disconnect::Urgency;

/// So many unknown accounts in a minute are believed at once.
const BELIEVED: usize = 20;

/// Of all accounts with live sessions at most one in so many may be unknown.
const ONE_IN: usize = 10;

/// Accounts found unknown in this sweep and in the one before.
#[derive(Default)]
pub(crate) struct UnknownAccounts(Mutex<Sweeps>);

#[derive(Default)]
struct Sweeps {
    now: HashSet<AccountId>,
    before: HashSet<AccountId>,
    /// Most that may be unknown.
    most: usize,
}

impl UnknownAccounts {
    /// A sweep over so many live accounts begins. `Some` is the number of accounts found unknown in
    /// the last one, if those were too many to be believed.
    pub(crate) fn begin_sweep(&self, live: usize) -> Option<usize> {
        let mut sweeps = self.sweeps();
        let now = std::mem::take(&mut sweeps.now);
        let (count, most) = (now.len(), sweeps.most.max(BELIEVED));
        sweeps.before = now;
        sweeps.most = (live / ONE_IN).max(BELIEVED);
        (count > most).then_some(count)
    }

    /// Whether an account found unknown is to be believed gone: at once while such accounts are few;
    /// at its turn if it was unknown a sweep ago as well, and they are still a small part of all.
    pub(crate) fn believes(&self, account: &AccountId, urgency: Urgency) -> bool {
        let mut sweeps = self.sweeps();
        sweeps.now.insert(account.clone());
        let (now, before) = (sweeps.now.len(), sweeps.before.len());
        match urgency {
            Urgency::Now => now <= BELIEVED,
            Urgency::InTurn => {
                let most = sweeps.most.max(BELIEVED);
                sweeps.before.contains(account) && now <= most && before <= most
            }
        }
    }

    fn sweeps(&self) -> MutexGuard<'_, Sweeps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: usize) -> AccountId {
        AccountId::new(&format!("a{number}")).unwrap()
    }

    #[test]
    fn few_are_believed_at_once() {
        let unknown = UnknownAccounts::default();
        unknown.begin_sweep(1000);
        for number in 0..BELIEVED {
            assert!(unknown.believes(&account(number), Urgency::Now));
        }
        assert!(!unknown.believes(&account(BELIEVED), Urgency::Now));
    }

    #[test]
    fn one_unknown_in_two_sweeps_is_believed() {
        let unknown = UnknownAccounts::default();
        for is_believed in [false, true] {
            assert_eq!(unknown.begin_sweep(1000), None);
            assert_eq!(unknown.believes(&account(7), Urgency::InTurn), is_believed);
        }
        unknown.begin_sweep(1000);
        assert!(!unknown.believes(&account(8), Urgency::InTurn), "new");
    }

    #[test]
    fn many_are_never_believed() {
        let unknown = UnknownAccounts::default();
        for told in [None, Some(1000), Some(1000)] {
            assert_eq!(unknown.begin_sweep(1000), told);
            // The first of a sweep must wait for what the others are.
            let believed = (0..1000).filter(|number| {
                let urgency = Urgency::InTurn;
                unknown.believes(&account(*number), urgency)
            });
            assert_eq!(believed.count(), 0);
        }
        assert_eq!(unknown.begin_sweep(1000), Some(1000));
        assert_eq!(unknown.begin_sweep(1000), None, "it is over");
    }
}
