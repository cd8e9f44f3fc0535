//! The registry's facts in memory, by account, for the decision about each log-on.
//!
//! Sharded maps: a look-up is a hash and a reference count, and takes no memory. While nothing was
//! ever imported and nobody is exempt, it is one load of an atomic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use dashmap::DashMap;
use jiff::Timestamp;
use portvakt_auth::{Account, AccountId, Kind, RegistryFacts, RegistryView, Subject};

#[cfg(test)]
mod tests;

/// The moment that stands for "never", in milliseconds.
const NEVER: i64 = i64::MAX;

/// Facts on persons by their key, exemptions by account, and the age of the news.
#[derive(Debug)]
pub struct RegistryTable {
    persons: DashMap<Box<str>, Arc<RegistryFacts>, ahash::RandomState>,
    exemptions: DashMap<AccountId, Timestamp, ahash::RandomState>,
    silent_from_ms: AtomicI64,
    in_use: AtomicBool,
    by_alias: AtomicBool,
    version: AtomicI64,
}

impl Default for RegistryTable {
    fn default() -> Self {
        Self {
            persons: DashMap::default(),
            exemptions: DashMap::default(),
            silent_from_ms: AtomicI64::new(NEVER),
            in_use: AtomicBool::new(false),
            by_alias: AtomicBool::new(false),
            version: AtomicI64::new(0),
        }
    }
}

/// What the registry has of one account, as it was at the look-up.
#[derive(Clone, Debug, Default)]
pub struct RegistryEntry {
    facts: Option<Arc<RegistryFacts>>,
    exempt_until: Option<Timestamp>,
    silent_from: Option<Timestamp>,
}

impl RegistryEntry {
    /// As the rules read it.
    #[must_use]
    pub fn view(&self) -> RegistryView<'_> {
        RegistryView {
            facts: self.facts.as_deref(),
            exempt_until: self.exempt_until,
            silent_from: self.silent_from,
        }
    }

    /// The account with this.
    #[must_use]
    pub fn subject<'a>(&'a self, account: &'a Account) -> Subject<'a> {
        Subject {
            account,
            registry: self.view(),
        }
    }
}

impl RegistryTable {
    /// What the registry has of the owner of `account`; nothing of one who is no student.
    #[must_use]
    pub fn of(&self, account: &Account) -> RegistryEntry {
        if account.kind != Kind::Student || !self.in_use.load(Ordering::Acquire) {
            return RegistryEntry::default();
        }
        RegistryEntry {
            facts: self.facts_of(account),
            exempt_until: self.exempt_until(&account.id),
            silent_from: self.silent_from(),
        }
    }

    fn facts_of(&self, account: &Account) -> Option<Arc<RegistryFacts>> {
        let by_name = self.facts(account.id.as_str());
        // An account of another realm than the primary one has its plain name as an alias, which
        // somebody else's key may be.
        let has_realm = account.id.as_str().contains('@');
        if by_name.is_some() || has_realm || !self.by_alias.load(Ordering::Relaxed) {
            return by_name;
        }
        account.aliases.iter().find_map(|alias| self.facts(alias))
    }

    /// The facts on the person with this key.
    #[must_use]
    pub fn facts(&self, key: &str) -> Option<Arc<RegistryFacts>> {
        self.persons.get(key).map(|facts| Arc::clone(&facts))
    }

    /// Until when an account is exempt.
    #[must_use]
    pub fn exempt_until(&self, account: &AccountId) -> Option<Timestamp> {
        self.exemptions.get(account).map(|until| *until)
    }

    /// Ends exemptions of accounts that are none of these.
    pub fn retain_exemptions(&self, is_known: impl Fn(&AccountId) -> bool) {
        self.exemptions.retain(|account, _| is_known(account));
    }

    /// Forgets persons whose key is none of these.
    pub fn retain(&self, is_known: impl Fn(&str) -> bool) {
        self.persons.retain(|key, _| is_known(key));
    }

    /// Whether a person's key may be another name of the account (a student number) rather than its
    /// own name.
    pub fn set_by_alias(&self, by_alias: bool) {
        self.by_alias.store(by_alias, Ordering::Relaxed);
    }

    /// Puts facts in place of what was known of a person; `None` forgets the person.
    pub fn put(&self, key: &str, facts: Option<RegistryFacts>) {
        match facts {
            Some(facts) => {
                self.persons.insert(key.into(), Arc::new(facts));
                self.in_use.store(true, Ordering::Release);
            }
            None => drop(self.persons.remove(key)),
        }
    }

    /// Exempts an account until a moment; `None` ends that.
    pub fn exempt(&self, account: AccountId, until: Option<Timestamp>) {
        match until {
            Some(until) => {
                self.exemptions.insert(account, until);
                self.in_use.store(true, Ordering::Release);
            }
            None => drop(self.exemptions.remove(&account)),
        }
    }

    /// Moment after which nobody is newly locked by the calendar; `None` where there is no such rule.
    pub fn set_silent_from(&self, silent_from: Option<Timestamp>) {
        let millis = silent_from.map_or(NEVER, Timestamp::as_millisecond);
        self.silent_from_ms.store(millis, Ordering::Release);
    }

    /// Moment after which nobody is newly locked by the calendar.
    #[must_use]
    pub fn silent_from(&self) -> Option<Timestamp> {
        match self.silent_from_ms.load(Ordering::Acquire) {
            NEVER => None,
            millis => Timestamp::from_millisecond(millis).ok(),
        }
    }

    /// Version of the store that the facts are of.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.version.load(Ordering::Acquire)
    }

    /// Says which version of the store the facts are of.
    pub fn set_version(&self, version: i64) {
        self.version.store(version, Ordering::Release);
    }

    /// Says that a version differs from the one before by a change that was made here; any other
    /// version is to be read anew.
    pub fn own_version(&self, version: i64) {
        let before = version.saturating_sub(1);
        let order = Ordering::AcqRel;
        let _ = (self.version).compare_exchange(before, version, order, Ordering::Acquire);
    }

    /// Number of persons.
    #[must_use]
    pub fn len(&self) -> usize {
        self.persons.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.persons.is_empty()
    }
}
