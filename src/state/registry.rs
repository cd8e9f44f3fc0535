//! The student registry's facts in memory: read at the start, published after each import.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use portvakt_auth::{AccountId, NetworkAccessIdentifier, RegistryFacts};
use portvakt_registry::{Join, Person};
use portvakt_store::{RegistryVersion, StoreError};

use super::State;
use crate::policy::AccountSources;

impl State {
    /// Reads persons, exemptions and the age of the news from the store. Blocks for the disk.
    ///
    /// # Errors
    /// [`StoreError`]: better no start than a student let in who should not be.
    pub(super) fn restore_registry(&self) -> Result<(), StoreError> {
        let join = self.policy.load().registry.columns.join;
        self.registry.set_by_alias(join == Join::StudentNumber);
        self.read_registry()?;
        self.renew_silence()
    }

    /// Reads everything anew if another node put something in force; whether it did. Blocks for the
    /// disk.
    ///
    /// # Errors
    /// [`StoreError`]; what is known stays then.
    pub fn follow_registry(&self) -> Result<bool, StoreError> {
        let version = self.store.registry_version()?;
        if version.0 == self.registry.version() {
            return Ok(false);
        }
        self.read_registry()?;
        self.renew_silence()?;
        Ok(true)
    }

    /// Says that a change was made here, and is in memory already.
    pub fn own_registry_change(&self, version: RegistryVersion) {
        self.registry.own_version(version.0);
    }

    fn read_registry(&self) -> Result<(), StoreError> {
        let policy = self.policy.load();
        let join = policy.registry.columns.join;
        let mut persons: HashSet<String, ahash::RandomState> = HashSet::default();
        let version = self.store.registry_persons(&mut |key, person| {
            if let Some(name) = account_name(&policy.sources, join, &key) {
                self.replace_facts(&policy.sources, &name, person.facts());
                persons.insert(name);
            }
        })?;
        self.registry.retain(|name| persons.contains(name));
        let exemptions = self.store.exemptions()?.into_iter();
        let exemptions: HashMap<_, _, ahash::RandomState> = exemptions
            .map(|exemption| (exemption.account, exemption.until))
            .collect();
        self.registry
            .retain_exemptions(|id| exemptions.contains_key(id));
        for (account, until) in exemptions {
            self.registry.exempt(account, Some(until));
        }
        self.registry.set_version(version.0);
        Ok(())
    }

    /// Puts facts in place; live sessions are judged anew where the facts are others.
    fn replace_facts(&self, sources: &AccountSources, name: &str, facts: RegistryFacts) {
        let known = self.registry.facts(name);
        if known.is_none_or(|known| *known != facts) {
            self.registry.put(name, Some(facts));
            self.judge_sessions(sources, name);
        }
    }

    /// Follows a policy that was put in force: the way persons are joined, the patience with the
    /// registry. A store that does not answer leaves the patience as it was.
    pub(super) fn follow_registry_policy(&self) {
        let join = self.policy.load().registry.columns.join;
        self.registry.set_by_alias(join == Join::StudentNumber);
        if let Err(error) = self.renew_silence() {
            tracing::warn!(%error, "the age of the registry's news is not known");
        }
    }

    /// Puts persons in force in memory, and has live sessions of their accounts judged. `None` is a
    /// person who is not known any more.
    pub fn publish_persons<'p>(
        &self,
        persons: impl Iterator<Item = (&'p str, Option<&'p Person>)>,
    ) {
        let policy = self.policy.load();
        let join = policy.registry.columns.join;
        for (key, person) in persons {
            let Some(name) = account_name(&policy.sources, join, key) else {
                continue;
            };
            self.registry.put(&name, person.map(Person::facts));
            self.judge_sessions(&policy.sources, &name);
        }
    }

    /// Has live sessions of an account judged anew, if they are in memory.
    fn judge_sessions(&self, sources: &AccountSources, name: &str) {
        let Ok(named) = AccountId::new(name) else {
            return;
        };
        let id = match sources.find(name, None) {
            portvakt_directory::Found::Account(account) => account.id.clone(),
            _ => named,
        };
        if self.store.live().has_account(&id) {
            self.changed_accounts.add(&id);
        }
    }

    /// Reckons anew from when on the registry is silent.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn renew_silence(&self) -> Result<(), StoreError> {
        let news = self.store.registry_news()?;
        let days = self.policy.load().registry.news_days;
        self.registry.set_silent_from(silent_from(news, days));
        Ok(())
    }
}

/// The moment from which a registry whose last news is of `news` is silent.
pub(crate) fn silent_from(news: Option<Timestamp>, days: Option<u16>) -> Option<Timestamp> {
    let patience = SignedDuration::from_hours(24 * i64::from(days?));
    Some(news?.checked_add(patience).unwrap_or(Timestamp::MAX))
}

/// The name of the account that a person's key is joined with; `None` for one of a realm that is not
/// ours.
pub(crate) fn account_name(sources: &AccountSources, join: Join, key: &str) -> Option<String> {
    let is_plain = join == Join::StudentNumber || !key.contains('@');
    if is_plain {
        return Some(key.to_owned());
    }
    let name = NetworkAccessIdentifier::parse(key.as_bytes()).ok()?;
    let realm = name.realm()?;
    if !sources.realms().any(|ours| ours == realm) {
        return None;
    }
    let source = sources.of_realm(Some(realm))?;
    let user = AccountId::new(name.user()).ok()?;
    let full = source.directory.naming().full(&user)?;
    Some(full.to_string())
}
