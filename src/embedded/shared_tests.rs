//! Two directories on one store, as at two servers of which neither has heard of the other.

use portvakt_auth::account::{Closure, Kind};
use portvakt_store::{DataFolder, SqliteStore};

use super::*;

/// A store that other servers write to.
struct Shared(SqliteStore);

impl AccountStore for Shared {
    fn put_accounts(&self, accounts: &[Arc<Account>]) -> Result<(), StoreError> {
        self.0.put_accounts(accounts)
    }

    fn remove_account(&self, id: &AccountId) -> Result<(), StoreError> {
        self.0.remove_account(id)
    }

    fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        self.0.account(id)
    }

    fn has_other_writers(&self) -> bool {
        true
    }

    fn accounts(&self, visit: &mut dyn FnMut(Account)) -> Result<(), StoreError> {
        self.0.accounts(visit)
    }
}

fn two() -> (tempfile::TempDir, [Embedded; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::take(folder.path()).unwrap();
    let store = Arc::new(Shared(SqliteStore::open(data, None).unwrap()));
    let kari = Account::new(kari(), Kind::Student);
    store.put_accounts(&[Arc::new(kari)]).unwrap();
    let open = || Embedded::open(store.clone()).unwrap();
    (folder, [open(), open()])
}

fn kari() -> AccountId {
    AccountId::new("kari").unwrap()
}

fn change(directory: &Embedded, change: impl Fn(&mut Account)) {
    let changed = |found: Option<&Account>| {
        let mut account = found.cloned()?;
        change(&mut account);
        Some(account)
    };
    directory.apply(vec![(kari(), Box::new(changed))]).unwrap();
}

fn suspend(account: &mut Account) {
    account.suspended = Some(Closure {
        since: jiff::Timestamp::UNIX_EPOCH,
        until: None,
        by: "support".to_owned(),
        reason: "abuse".to_owned(),
    });
}

#[test]
fn change_does_not_undo_what_another_server_has_changed() {
    let (_folder, [a, b]) = two();
    change(&a, suspend);
    change(&b, |account| {
        account.mail = Some("kari@campus.example".to_owned())
    });
    for directory in [&a, &b] {
        directory.reload(&kari()).unwrap();
        let account = directory.account(&kari()).unwrap();
        assert!(account.suspended.is_some() && account.mail.is_some());
    }
}

/// It was taken over before it was heard of; its proofs are to be forgotten all the same.
#[test]
fn change_that_was_found_before_it_was_heard_of_is_judged_once() {
    let (_folder, [a, b]) = two();
    change(&a, suspend);
    change(&b, |account| account.mail = None);
    assert_eq!(b.reload(&kari()).unwrap(), Some(kari()));
    assert_eq!(b.reload(&kari()).unwrap(), None);
}

#[test]
fn account_that_another_server_removed_is_not_brought_back() {
    let (_folder, [a, b]) = two();
    a.remove(&kari()).unwrap();
    change(&b, |account| account.mail = None);
    assert_eq!(b.account(&kari()), None);
    assert_eq!(b.store.account(&kari()).unwrap(), None);
}

#[test]
fn hash_of_the_same_password_needs_no_new_proof() {
    let (_folder, [a, b]) = two();
    change(&a, |account| account.upgraded_from = None);
    assert_eq!(b.reload(&kari()).unwrap(), None);
    change(&a, suspend);
    assert_eq!(b.reload_all().unwrap(), [kari()]);
}
