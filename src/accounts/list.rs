//! Lists of accounts with their state.

use std::sync::Arc;

use jiff::Timestamp;
use portvakt_auth::{Account, Kind, Refusal};
use serde::{Deserialize, Serialize};

use super::explain::refusal_of;
use super::{Accounts, ActError};
use portvakt_directory::OpenDirectory;

/// Restricts a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// Locked after failed log-ons.
    Locked,
    /// Refused for any other reason.
    Closed,
}

/// Accounts, ordered by name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Listing {
    /// In the order of their names.
    pub accounts: Vec<Summary>,
    /// How many there are beyond the limit.
    pub more: usize,
    /// Names of directories that cannot list their accounts.
    #[serde(default)]
    pub unlisted: Vec<String>,
}

/// One account of a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// The account's name.
    pub name: String,
    /// Student, employee, guest, service or test.
    pub kind: Kind,
    /// The person's name.
    pub display_name: Option<String>,
    /// The reason for which every service would refuse the right password now; `None` is open.
    pub refusal: Option<Refusal>,
    /// When the lock after failed log-ons ends.
    pub locked_until: Option<Timestamp>,
}

impl Accounts {
    /// At most `limit` accounts, with their state.
    ///
    /// # Errors
    /// [`ActError::NotListable`].
    pub fn list(&self, filter: Option<Filter>, limit: usize) -> Result<Listing, ActError> {
        let (all, unlisted) = self.all()?;
        let wanted = |summary: &Summary| match filter {
            None => true,
            Some(Filter::Locked) => summary.locked_until.is_some(),
            Some(Filter::Closed) => summary.locked_until.is_none() && summary.refusal.is_some(),
        };
        let summaries = all.iter().map(|account| self.summary(account));
        let mut accounts: Vec<_> = summaries.filter(wanted).collect();
        let more = accounts.len().saturating_sub(limit);
        accounts.truncate(limit);
        Ok(Listing {
            accounts,
            more,
            unlisted,
        })
    }

    fn summary(&self, account: &Account) -> Summary {
        let now = self.state.clock.now();
        let locked_until = self.state.locks.locked_until(&account.id, now.tick);
        Summary {
            name: account.id.to_string(),
            kind: account.kind,
            display_name: account.display_name.clone(),
            refusal: refusal_of(&self.state, account),
            locked_until: locked_until.map(|tick| now.utc_at(tick)),
        }
    }

    /// All accounts, ordered by name, and the names of the directories that cannot list theirs.
    fn all(&self) -> Result<(Vec<Arc<Account>>, Vec<String>), ActError> {
        let (mut all, mut unlisted) = (Vec::new(), Vec::new());
        let directories = &self.state.directories;
        for OpenDirectory { name, directory } in directories {
            match directory.list() {
                Some(accounts) => all.extend(accounts),
                None => unlisted.push(name.clone()),
            }
        }
        if unlisted.len() == directories.len() {
            return Err(ActError::NotListable);
        }
        all.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        Ok((all, unlisted))
    }
}
