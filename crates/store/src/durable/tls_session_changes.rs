//! Changes of TLS sessions gathered in memory, from where the writer takes them about once a second.
//!
//! No log-on waits for them: what is lost costs a device a full log-on.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use portvakt_auth::name::AccountId;

use crate::{TlsSessionId, TlsSessionRow};

/// Changes that may wait, some 500 octets each; beyond it the oldest are dropped.
pub(crate) const CAPACITY: usize = 32 * 1024;

/// A change of the table.
#[derive(Clone, Debug)]
pub(crate) enum TlsSessionChange {
    Keep(TlsSessionRow),
    End(TlsSessionId, AccountId),
    Forget(AccountId),
}

impl TlsSessionChange {
    pub(crate) fn account(&self) -> &AccountId {
        match self {
            Self::Keep(row) => &row.account,
            Self::End(_, account) | Self::Forget(account) => account,
        }
    }
}

/// The changes that are not written, and what they end.
#[derive(Default)]
pub(crate) struct TlsSessionChanges(Mutex<Changes>);

#[derive(Default)]
struct Changes {
    waiting: VecDeque<TlsSessionChange>,
    /// Ended since the last write, and between that and the one before: a search that is under way
    /// may still see rows of these.
    ended: [Ended; 2],
}

#[derive(Default)]
struct Ended {
    ids: HashSet<TlsSessionId, ahash::RandomState>,
    accounts: HashSet<AccountId, ahash::RandomState>,
}

impl TlsSessionChanges {
    pub(crate) fn push(&self, change: TlsSessionChange) {
        let mut changes = self.locked();
        changes.note_end(&change);
        changes.waiting.push_back(change);
        changes.shorten();
    }

    pub(crate) fn take(&self) -> Vec<TlsSessionChange> {
        std::mem::take(&mut self.locked().waiting).into()
    }

    /// What was taken is written.
    pub(crate) fn written(&self) {
        let mut changes = self.locked();
        let [latest, before] = &mut changes.ended;
        *before = std::mem::take(latest);
    }

    /// Puts back what could not be written, before all newer changes.
    pub(crate) fn put_back(&self, unwritten: Vec<TlsSessionChange>) {
        let mut changes = self.locked();
        let newer = std::mem::replace(&mut changes.waiting, unwritten.into());
        changes.waiting.extend(newer);
        changes.shorten();
    }

    /// Whether a row that was found has been ended here.
    pub(crate) fn has_ended(&self, id: &TlsSessionId, account: &AccountId) -> bool {
        let changes = self.locked();
        let mut ended = changes.ended.iter();
        ended.any(|ended| ended.ids.contains(id) || ended.accounts.contains(account))
    }

    fn locked(&self) -> MutexGuard<'_, Changes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changes {
    fn note_end(&mut self, change: &TlsSessionChange) {
        let [latest, _] = &mut self.ended;
        if latest.ids.len() + latest.accounts.len() >= CAPACITY {
            return;
        }
        match change {
            TlsSessionChange::Keep(_) => {}
            TlsSessionChange::End(id, _) => drop(latest.ids.insert(*id)),
            TlsSessionChange::Forget(account) => drop(latest.accounts.insert(account.clone())),
        }
    }

    fn shorten(&mut self) {
        let excess = self.waiting.len().saturating_sub(CAPACITY);
        self.waiting.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use super::{CAPACITY, TlsSessionChange, TlsSessionChanges};
    use portvakt_auth::name::AccountId;

    fn forget(number: usize) -> TlsSessionChange {
        let account = AccountId::new(&format!("s{number}")).unwrap();
        TlsSessionChange::Forget(account)
    }

    fn accounts(changes: &TlsSessionChanges) -> Vec<String> {
        let taken = changes.take();
        taken.iter().map(|one| one.account().to_string()).collect()
    }

    #[test]
    fn what_could_not_be_written_comes_before_newer_changes() {
        let changes = TlsSessionChanges::default();
        changes.push(forget(1));
        let unwritten = changes.take();
        changes.push(forget(2));
        changes.put_back(unwritten);
        assert_eq!(accounts(&changes), ["s1", "s2"]);
    }

    #[test]
    fn what_has_ended_is_over_until_the_write_after_the_next() {
        let changes = TlsSessionChanges::default();
        let [anna, bo] = ["anna", "bo"].map(|name| AccountId::new(name).unwrap());
        changes.push(TlsSessionChange::End([1; 32], anna.clone()));
        changes.push(TlsSessionChange::Forget(bo.clone()));
        for _ in 0..2 {
            assert!(changes.has_ended(&[1; 32], &anna));
            assert!(!changes.has_ended(&[2; 32], &anna));
            assert!(changes.has_ended(&[2; 32], &bo));
            changes.written();
        }
        assert!(!changes.has_ended(&[1; 32], &anna));
        assert!(!changes.has_ended(&[2; 32], &bo));
    }

    #[test]
    fn the_oldest_give_way_where_there_is_no_room() {
        let changes = TlsSessionChanges::default();
        (0..CAPACITY + 3).for_each(|number| changes.push(forget(number)));
        let unwritten = changes.take();
        assert_eq!(unwritten.len(), CAPACITY);
        changes.push(forget(0));
        changes.put_back(unwritten);
        let accounts = accounts(&changes);
        assert_eq!((accounts.len(), accounts[0].as_str()), (CAPACITY, "s4"));
        assert_eq!(accounts[CAPACITY - 1], "s0");
    }
}
