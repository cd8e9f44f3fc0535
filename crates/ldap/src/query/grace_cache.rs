//! The accounts that the directory told of lately, for those who have proven themselves and come
//! again while it is away.
//!
//! Bounded in time and number: what is new goes to one half, and when that is full or old the other
//! half is thrown away and they change places.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portvakt_auth::{Account, AccountId, Realm};

use portvakt_directory::{FindError, LookupResult};

/// The most accounts in a half, and the most names: some 30 MB in all.
const MAX: usize = 20_000;

/// A name as it was asked for.
type Name = (String, Option<Realm>);

/// The accounts of lately.
pub(crate) struct GraceCache {
    keep: Duration,
    halves: Mutex<Halves>,
}

struct Halves {
    young: Half,
    old: Half,
    /// When the young half was begun.
    begun: Instant,
}

#[derive(Default)]
struct Half {
    names: HashMap<Name, AccountId>,
    accounts: HashMap<AccountId, (Arc<Account>, Instant)>,
}

impl GraceCache {
    /// Keeps each account for `keep` after the directory last told of it; nothing if that is zero.
    pub(crate) fn new(keep: Duration) -> Self {
        let halves = Halves {
            young: Half::default(),
            old: Half::default(),
            begun: Instant::now(),
        };
        Self {
            keep,
            halves: Mutex::new(halves),
        }
    }

    /// How long an account is kept.
    pub(crate) fn keep(&self) -> Duration {
        self.keep
    }

    /// Takes down what the directory answered. Whoever it does not know any more, or not for sure,
    /// is not known here either.
    pub(crate) fn note(
        &self,
        name: &str,
        realm: Option<&Realm>,
        answer: &LookupResult,
        now: Instant,
    ) {
        if self.keep.is_zero() {
            return;
        }
        let name = (name.to_owned(), realm.cloned());
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(Some(account)) if account.is_sure_of_password(Timestamp::now()) => {
                halves.put(name, account, now, self.keep);
            }
            // Nothing that was proven of them is remembered.
            Ok(Some(_) | None) | Err(FindError::Ambiguous(_) | FindError::NotUnderstood(_)) => {
                halves.remove(&name);
            }
            Err(FindError::Unavailable(_)) => {}
        }
    }

    /// Forgets an account that the directory lets nobody in to.
    pub(crate) fn forget(&self, id: &AccountId) {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves.forget(id);
    }

    /// The account as the directory last had it, if that is not too long ago.
    pub(crate) fn find(
        &self,
        name: &str,
        realm: Option<&Realm>,
        now: Instant,
    ) -> Option<Arc<Account>> {
        let name = (name.to_owned(), realm.cloned());
        let halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        let (account, at) = halves.account(halves.id(&name)?)?;
        (now.saturating_duration_since(*at) < self.keep).then(|| Arc::clone(account))
    }
}

impl Halves {
    fn put(&mut self, name: Name, account: &Arc<Account>, now: Instant, keep: Duration) {
        let is_full = self.young.names.len() >= MAX || self.young.accounts.len() >= MAX;
        if is_full || now.saturating_duration_since(self.begun) >= keep {
            self.old = std::mem::take(&mut self.young);
            self.begun = now;
        }
        self.young.names.insert(name, account.id.clone());
        let entry = (Arc::clone(account), now);
        self.young.accounts.insert(account.id.clone(), entry);
    }

    fn id(&self, name: &Name) -> Option<&AccountId> {
        let young = self.young.names.get(name);
        young.or_else(|| self.old.names.get(name))
    }

    fn account(&self, id: &AccountId) -> Option<&(Arc<Account>, Instant)> {
        let young = self.young.accounts.get(id);
        young.or_else(|| self.old.accounts.get(id))
    }

    fn remove(&mut self, name: &Name) {
        let Some(id) = self.id(name).cloned() else {
            return;
        };
        self.forget(&id);
        self.young.names.remove(name);
        self.old.names.remove(name);
    }

    fn forget(&mut self, id: &AccountId) {
        self.young.accounts.remove(id);
        self.old.accounts.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portvakt_auth::account::Kind;

    const KEEP: Duration = Duration::from_secs(900);

    fn account(name: &str) -> Arc<Account> {
        Arc::new(Account::new(AccountId::new(name).unwrap(), Kind::Employee))
    }

    fn told(recent: &GraceCache, name: &str, now: Instant) {
        recent.note(name, None, &Ok(Some(account(name))), now);
    }

    #[test]
    fn account_is_known_for_as_long_as_it_is_kept() {
        let (recent, now) = (GraceCache::new(KEEP), Instant::now());
        told(&recent, "anna", now);
        let before = now + KEEP - Duration::from_secs(1);
        assert!(recent.find("anna", None, before).is_some());
        assert_eq!(recent.find("anna", None, now + KEEP), None);
        let off = GraceCache::new(Duration::ZERO);
        told(&off, "anna", now);
        assert_eq!(off.find("anna", None, now), None);
    }

    #[test]
    fn name_in_another_realm_is_another_name() {
        let (recent, now) = (GraceCache::new(KEEP), Instant::now());
        told(&recent, "anna", now);
        let realm = Realm::parse("campus.example").unwrap();
        assert_eq!(recent.find("anna", Some(&realm), now), None);
    }

    #[test]
    fn whoever_the_directory_denies_is_forgotten_under_all_names() {
        let (recent, now) = (GraceCache::new(KEEP), Instant::now());
        for denial in [
            Ok(None),
            Err(FindError::Ambiguous(Vec::new())),
            Err(FindError::NotUnderstood("no kind".to_owned())),
        ] {
            told(&recent, "anna", now);
            recent.note("alias", None, &Ok(Some(account("anna"))), now);
            recent.note("anna", None, &denial, now);
            assert_eq!(recent.find("anna", None, now), None);
            assert_eq!(recent.find("alias", None, now), None);
        }
        told(&recent, "anna", now);
        let away = Err(FindError::Unavailable("away".into()));
        recent.note("anna", None, &away, now);
        assert!(recent.find("anna", None, now).is_some());
    }

    #[test]
    fn more_accounts_than_there_is_room_for_push_out_the_oldest() {
        let (recent, now) = (GraceCache::new(KEEP), Instant::now());
        told(&recent, "first", now);
        for number in 0..2 * MAX {
            told(&recent, &format!("s{number}"), now);
        }
        assert_eq!(recent.find("first", None, now), None);
        let last = format!("s{}", 2 * MAX - 1);
        assert!(recent.find(&last, None, now).is_some());
        let halves = recent.halves.lock().unwrap();
        assert!(halves.young.accounts.len() + halves.old.accounts.len() <= 2 * MAX);
    }
}
