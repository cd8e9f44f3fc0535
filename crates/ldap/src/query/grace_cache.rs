//! The accounts that the directory told of lately, for those who have proven themselves and come
//! again while it is away.
//!
//! Bounded in number, by a cache that keeps longest what is asked for often; one that is too old is
//! not told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portvakt_auth::{Account, AccountId, Realm};

use portvakt_directory::{FindError, LookupResult};
use quick_cache::sync::Cache;

/// The most accounts, and the most names: some 30 MB in all.
const MAX: usize = 40_000;

/// A name as it was asked for.
type Name = (String, Option<Realm>);

/// The accounts of lately.
pub(crate) struct GraceCache {
    keep: Duration,
    names: Cache<Name, AccountId>,
    /// When the directory last told of each.
    accounts: Cache<AccountId, (Arc<Account>, Instant)>,
}

impl GraceCache {
    /// Keeps each account for `keep` after the directory last told of it; nothing if that is zero.
    pub(crate) fn new(keep: Duration) -> Self {
        Self {
            keep,
            names: Cache::new(MAX),
            accounts: Cache::new(MAX),
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
        match answer {
            Ok(Some(account)) if account.is_sure_of_password(Timestamp::now()) => {
                self.names.insert(name, account.id.clone());
                let told = (Arc::clone(account), now);
                self.accounts.insert(account.id.clone(), told);
            }
            // Nothing that was proven of them is remembered.
            Ok(Some(_) | None) | Err(FindError::Ambiguous(_) | FindError::NotUnderstood(_)) => {
                if let Some((_, id)) = self.names.remove(&name) {
                    self.forget(&id);
                }
            }
            Err(FindError::Unavailable(_)) => {}
        }
    }

    /// Forgets an account that the directory lets nobody in to.
    pub(crate) fn forget(&self, id: &AccountId) {
        self.accounts.remove(id);
    }

    /// The account as the directory last had it, if that is not too long ago.
    pub(crate) fn find(
        &self,
        name: &str,
        realm: Option<&Realm>,
        now: Instant,
    ) -> Option<Arc<Account>> {
        let name = (name.to_owned(), realm.cloned());
        let (account, at) = self.accounts.get(&self.names.get(&name)?)?;
        (now.saturating_duration_since(at) < self.keep).then_some(account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portvakt_auth::account::Kind;
    use portvakt_directory::EntryFault;

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
            Err(FindError::NotUnderstood(EntryFault::NoUserName(Vec::new()))),
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
    fn flood_of_names_stays_within_its_bounds_and_does_not_push_out_the_newest() {
        let (recent, now) = (GraceCache::new(KEEP), Instant::now());
        for number in 0..2 * MAX {
            told(&recent, &format!("s{number}"), now);
        }
        let last = format!("s{}", 2 * MAX - 1);
        assert!(recent.find(&last, None, now).is_some());
        assert!(recent.accounts.len() <= MAX && recent.names.len() <= MAX);
    }
}
