//! Accounts by name.

use std::sync::Arc;

use jiff::Timestamp;
use portvakt_auth::{Account, NetworkAccessIdentifier, PasswordKind};
use serde::{Deserialize, Serialize};

use super::{Accounts, ActError, DirectoryFault};
use crate::policy::{AccountSource, AccountSources};

/// One account, without hashes and secrets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountDetails {
    /// Without password hash, NT hash and CHAP secret.
    pub account: Box<Account>,
    /// The public facts of its password.
    pub password: Option<PasswordFacts>,
    /// Whether it has an NT hash, for MS-CHAP.
    #[serde(rename = "has_nt_hash")]
    pub nt_hash: bool,
    /// Whether it has a secret for CHAP.
    #[serde(rename = "has_legacy_chap_secret")]
    pub legacy_chap_secret: bool,
}

/// The public facts of a password.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PasswordFacts {
    /// The scheme of its hash; `None` where the directory checks it.
    pub scheme: Option<String>,
    /// When it was set, where that is known.
    pub changed_at: Option<Timestamp>,
    /// Chosen by its owner, or temporary.
    pub kind: PasswordKind,
}

impl Accounts {
    /// The account called `user`, by name or alias, with or without realm.
    ///
    /// # Errors
    /// Those of a name: [`ActError::is_of_name`].
    pub fn show(&self, user: &str) -> Result<AccountDetails, ActError> {
        self.find(user).map(|account| AccountDetails::of(&account))
    }

    pub(super) fn find(&self, user: &str) -> Result<Arc<Account>, ActError> {
        self.find_named(&self.name(user)?)
    }

    /// The account; while its directory does not answer, as the directory described it last. The
    /// lock is kept here, so it can be shown and ended all the same.
    pub(super) fn find_or_recall(&self, user: &str) -> Result<Arc<Account>, ActError> {
        let name = self.name(user)?;
        self.find_named(&name).or_else(|error| match error {
            ActError::Directory {
                fault: DirectoryFault::Unavailable,
                ..
            } => {
                let policy = self.state.policy.load();
                let recalled = policy.sources.recall(name.user(), name.realm());
                recalled.ok_or(error)
            }
            _ => Err(error),
        })
    }

    /// A name of one of our realms.
    pub(super) fn name(&self, user: &str) -> Result<NetworkAccessIdentifier, ActError> {
        let policy = self.state.policy.load();
        let name = policy.realms.read(user.as_bytes());
        let name = name.map_err(|cause| ActError::MalformedName {
            user: user.to_owned(),
            cause,
        })?;
        match name.realm() {
            Some(realm) if !policy.realms.ours.contains(realm) => Err(ActError::ForeignRealm {
                realm: realm.to_string(),
            }),
            _ => Ok(name),
        }
    }

    fn find_named(&self, name: &NetworkAccessIdentifier) -> Result<Arc<Account>, ActError> {
        let policy = self.state.policy.load();
        let Some(realm) = name.realm() else {
            return self.find_in_any(&policy.sources, name.user());
        };
        let found = policy
            .sources
            .find(name.user(), Some(realm))
            .wait(self.state.clock.instant())?;
        found.ok_or_else(|| ActError::UnknownAccount {
            name: name.to_string(),
        })
    }

    /// The account of this name in any directory, if there is exactly one. While a directory does not
    /// answer, a name without realm is the primary realm's, as in a log-on.
    fn find_in_any(&self, sources: &AccountSources, name: &str) -> Result<Arc<Account>, ActError> {
        let (mut found, mut full_names, mut unanswered) = (Vec::new(), Vec::new(), None);
        for (index, source) in sources.all().enumerate() {
            match source
                .directory
                .find(name, None)
                .wait(self.state.clock.instant())
            {
                Ok(Some(account)) => {
                    full_names.push(full_name(source, &account));
                    found.push(account);
                }
                Ok(None) => {}
                Err(error) if index == 0 => return Err(error.into()),
                Err(error) => unanswered = Some(error),
            }
        }
        let name = name.to_owned();
        let mut found = found.into_iter();
        match (found.next(), found.next(), unanswered) {
            (Some(one), None, _) => Ok(one),
            (None, _, None) => Err(ActError::UnknownAccount { name }),
            (None, _, Some(error)) => Err(error.into()),
            (Some(_), Some(_), _) => Err(ActError::AmbiguousName { name, full_names }),
        }
    }
}

/// A name that leads to this account alone.
fn full_name(source: &AccountSource, account: &Account) -> String {
    let plain = source.directory.naming().plain(&account.id);
    format!("{plain}@{}", source.realm)
}

impl AccountDetails {
    fn of(account: &Account) -> Self {
        let scheme = account
            .password
            .as_ref()
            .map(|password| password.hash.scheme().to_string());
        let facts = |(kind, changed_at)| PasswordFacts {
            scheme,
            changed_at,
            kind,
        };
        Self {
            account: Box::new(account.without_secrets()),
            password: account.password_age().map(facts),
            nt_hash: account.nt_hash.is_some(),
            legacy_chap_secret: account.legacy_chap_secret.is_some(),
        }
    }
}
