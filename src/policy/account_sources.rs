//! The account source of each realm: the directory of its accounts, and their rules.
//!
//! An account has one source whatever name it came by: the directory that it was found in. So its
//! rules are chosen by the account and not by the name that was used, and two spellings of one
//! account never meet two limits.

use std::sync::Arc;

use portvakt_auth::{Account, AccountId, Realm, Rules};

use super::PolicyError;
use crate::config::Config;
use portvakt_directory::{Directory, Found, OpenDirectory};

/// The accounts of one directory, and their rules.
pub struct AccountSource {
    /// The name of the directory.
    pub name: String,
    /// The realm of its people; the first, if there are several.
    pub realm: Realm,
    /// The accounts.
    pub directory: Arc<dyn Directory>,
    /// The rules that they live by.
    pub rules: Rules,
}

/// All sources, and whose they are.
pub struct AccountSources {
    /// That of the primary realm.
    primary: Arc<AccountSource>,
    /// All of them, the primary realm's first.
    all: Vec<Arc<AccountSource>>,
    /// Each realm of ours with its source, the primary one first.
    realms: Vec<(Realm, Arc<AccountSource>)>,
}

impl AccountSources {
    /// The sources that a configuration describes, in directories that are open. `before` is the
    /// sources so far: a realm whose directory is not open yet stays where it was, and one that was
    /// nowhere is not served, until a restart opens it.
    ///
    /// # Errors
    /// [`PolicyError::NoAccountSource`]: no realm has a source.
    pub fn new(
        config: &Config,
        open: &[OpenDirectory],
        before: Option<&Self>,
    ) -> Result<Self, PolicyError> {
        let mut all: Vec<Arc<AccountSource>> = Vec::new();
        let mut realms = Vec::new();
        for realm in &config.realms {
            let Some(source) = config
                .account_sources
                .iter()
                .find(|source| source.realms.contains(realm))
            else {
                continue;
            };
            let Some(directory) = directory(source.name(), realm, open, before) else {
                continue;
            };
            let known = all.iter().find(|known| known.name == directory.name);
            let source = match known {
                Some(known) => Arc::clone(known),
                None => {
                    all.push(Arc::new(AccountSource::new(
                        realm,
                        directory,
                        &source.rules,
                    )));
                    all.last()
                        .map(Arc::clone)
                        .ok_or(PolicyError::NoAccountSource)?
                }
            };
            realms.push((realm.clone(), source));
        }
        let primary = all
            .first()
            .map(Arc::clone)
            .ok_or(PolicyError::NoAccountSource)?;
        Ok(Self {
            primary,
            all,
            realms,
        })
    }

    /// The realms that have a source, the primary one first.
    pub fn realms(&self) -> impl Iterator<Item = &Realm> {
        self.realms.iter().map(|(realm, _)| realm)
    }

    /// That of the primary realm.
    #[must_use]
    pub fn primary(&self) -> &AccountSource {
        &self.primary
    }

    /// All of them, that of the primary realm first.
    pub fn all(&self) -> impl Iterator<Item = &AccountSource> {
        self.all.iter().map(Arc::as_ref)
    }

    /// The source of people with this realm in their names; names without one are the primary
    /// realm's. Below a realm of ours people belong to it, unless their own is one of ours too.
    #[must_use]
    pub fn of_realm(&self, realm: Option<&Realm>) -> Option<&AccountSource> {
        let Some(realm) = realm.filter(|_| self.all.len() > 1) else {
            return Some(&self.primary);
        };
        let above = self
            .realms
            .iter()
            .filter(|(ours, _)| realm.is_or_is_below(ours));
        let nearest = above.max_by_key(|(ours, _)| ours.as_str().len());
        nearest.map(|(_, source)| source.as_ref())
    }

    /// The source of an account.
    #[must_use]
    pub fn of_account(&self, id: &AccountId) -> Option<&AccountSource> {
        match &*self.all {
            [only] => Some(only),
            all => {
                let source = all.iter().find(|source| source.directory.naming().has(id));
                source.map(Arc::as_ref)
            }
        }
    }

    /// The rules that an account lives by.
    #[must_use]
    pub fn rules(&self, id: &AccountId) -> &Rules {
        // What is known of accounts whose directory is gone runs out by the primary realm's.
        &self.of_account(id).unwrap_or(&self.primary).rules
    }

    /// Whether people of both realms have one directory.
    #[must_use]
    pub fn share_source(&self, one: Option<&Realm>, other: Option<&Realm>) -> bool {
        let name = |realm| self.of_realm(realm).map(|source| source.name.as_str());
        name(one).is_some_and(|source| Some(source) == name(other))
    }

    /// Looks a name up where its people are; see [`Directory::find`].
    #[must_use]
    pub fn find(&self, name: &str, realm: Option<&Realm>) -> Found {
        let source = self.of_realm(realm);
        source.map_or(Found::Unknown, |source| source.directory.find(name, realm))
    }

    /// The account as its directory last told it; see [`Directory::recall`].
    #[must_use]
    pub fn recall(&self, name: &str, realm: Option<&Realm>) -> Option<Arc<Account>> {
        self.of_realm(realm)?.directory.recall(name, realm)
    }

    fn exactly(&self, realm: &Realm) -> Option<&AccountSource> {
        let source = self.realms.iter().find(|(ours, _)| ours == realm);
        source.map(|(_, source)| source.as_ref())
    }
}

/// The directory of this name, or else the one that the realm has had.
fn directory(
    name: &str,
    realm: &Realm,
    open: &[OpenDirectory],
    before: Option<&AccountSources>,
) -> Option<OpenDirectory> {
    let of_name = open.iter().find(|directory| directory.name == name);
    of_name.cloned().or_else(|| {
        let source = before?.exactly(realm)?;
        Some(OpenDirectory {
            name: source.name.clone(),
            directory: Arc::clone(&source.directory),
        })
    })
}

impl AccountSource {
    fn new(realm: &Realm, directory: OpenDirectory, rules: &Rules) -> Self {
        Self {
            name: directory.name,
            realm: realm.clone(),
            directory: directory.directory,
            rules: rules.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
