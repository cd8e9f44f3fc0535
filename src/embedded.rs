//! The embedded directory: all accounts in memory, written through to the local store.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;
use portvakt_auth::account::Account;
use portvakt_auth::name::{AccountId, Realm};
use portvakt_store::{AccountStore, StoreError};
use thiserror::Error;

use portvakt_directory::{
    Change, Directory, DirectoryWriter, Found, Naming, NamingError, WriteError,
};

#[cfg(test)]
mod import_tests;
#[cfg(test)]
mod shared_tests;

/// Accounts of one change that are read anew before it, where other servers write accounts too.
const REFRESHED: usize = 500;

/// Accounts in a sharded map, every name and alias pointing to its account: a look-up costs the
/// same whether there are ten accounts or a million.
pub struct Embedded {
    names: Names,
    naming: Naming,
    /// Accounts are in it under their plain names.
    store: Arc<dyn AccountStore>,
    /// One change at a time. Held while waiting for the disk: only other changes wait, no look-up.
    changing: Mutex<Unjudged>,
}

/// Accounts that were read anew for a change of this server's own, and found changed by another: what was
/// proven of them is yet to be forgotten.
type Unjudged = HashSet<AccountId>;
type Names = DashMap<Box<str>, Arc<Account>, ahash::RandomState>;
/// The accounts of one call to `apply`, as they will be.
type Staged = HashMap<AccountId, Arc<Account>, ahash::RandomState>;

/// Why the accounts of the store cannot be served.
#[derive(Debug, Error)]
pub enum OpenError {
    /// They cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database was changed by other hands, and who would be let in is chance (P2).
    #[error(
        "two accounts have the name {name}: {first} and {second}; take the alias from one of them"
    )]
    NameTwice {
        /// The name or alias.
        name: String,
        /// The account that has it.
        first: AccountId,
        /// The other account that has it.
        second: AccountId,
    },
    /// An account can't have the name that it has, beside the other directories.
    #[error("{0}; rename it, or give the other directory's realm another name")]
    Naming(#[from] NamingError),
}

impl Embedded {
    /// Loads all accounts of the store, the only directory there is.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(store: Arc<dyn AccountStore>) -> Result<Self, OpenError> {
        Self::open_beside_others(store, Naming::default())
    }

    /// Loads all accounts of the store.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_beside_others(
        store: Arc<dyn AccountStore>,
        naming: Naming,
    ) -> Result<Self, OpenError> {
        let names = Names::default();
        let mut conflict = None;
        store.accounts(&mut |mut account| {
            let named = naming.make_full(&mut account).err().map(OpenError::from);
            let wrong = named.or_else(|| publish(&names, &Arc::new(account)));
            conflict = conflict.take().or(wrong);
        })?;
        match conflict {
            Some(conflict) => Err(conflict),
            None => Ok(Self {
                names,
                naming,
                store,
                changing: Mutex::default(),
            }),
        }
    }

    /// Takes over an account as another server has written or removed it; its full name, if what was
    /// proven of it is to be proven anew. Blocks for the disk.
    ///
    /// # Errors
    /// [`OpenError`]; the account stays as it was.
    pub fn reload(&self, plain: &AccountId) -> Result<Option<AccountId>, OpenError> {
        // No change of this server's own comes between what is read and what is published then.
        let mut unjudged = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = self.read_anew(plain)?;
        let full = self.naming.full(plain);
        Ok(changed.or(full.filter(|full| unjudged.remove(full))))
    }

    fn read_anew(&self, plain: &AccountId) -> Result<Option<AccountId>, OpenError> {
        let Some(mut stored) = self.store.account(plain)? else {
            let full = self.naming.full(plain);
            return Ok(full.and_then(|full| self.drop_removed(&full)));
        };
        self.naming.make_full(&mut stored)?;
        Ok(self.take_over(Arc::new(stored)))
    }

    /// Where other servers write accounts too, has those to be changed as they are now: a change of one of
    /// their facts must not bring back the others as they were.
    fn refresh(
        &self,
        changes: &[(AccountId, Change<'_>)],
        unjudged: &mut Unjudged,
    ) -> Result<(), WriteError> {
        if !self.store.has_other_writers() || changes.len() > REFRESHED {
            return Ok(());
        }
        for (id, _) in changes {
            let Ok(plain) = AccountId::new(self.naming.plain(id)) else {
                continue;
            };
            let changed = self.read_anew(&plain).map_err(|error| match error {
                OpenError::Store(error) => stored(error),
                other => WriteError::Store(Box::new(other)),
            })?;
            unjudged.extend(changed);
        }
        Ok(())
    }

    /// As [`Self::reload`], of all accounts.
    ///
    /// # Errors
    /// [`OpenError`]; nothing is taken over.
    pub fn reload_all(&self) -> Result<Vec<AccountId>, OpenError> {
        let mut unjudged = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut stored, mut wrong) = (Staged::default(), None);
        self.store.accounts(&mut |mut account| {
            let named = self.naming.make_full(&mut account);
            wrong = wrong.take().or(named.err());
            stored.insert(account.id.clone(), Arc::new(account));
        })?;
        if let Some(wrong) = wrong {
            return Err(wrong.into());
        }
        let known = self.list().unwrap_or_default();
        let gone = known.iter().map(|account| &account.id);
        let gone = gone.filter(|id| !stored.contains_key(*id));
        let mut changed: Vec<_> = gone.filter_map(|id| self.drop_removed(id)).collect();
        let stored = stored.into_values();
        changed.extend(stored.filter_map(|account| self.take_over(account)));
        changed.extend(unjudged.drain());
        Ok(changed)
    }

    fn take_over(&self, account: Arc<Account>) -> Option<AccountId> {
        let before = self.account(&account.id);
        if before.as_ref() == Some(&account) {
            return None;
        }
        self.publish(std::slice::from_ref(&account));
        let has_new_hash = before.is_some_and(|before| differs_in_hash_alone(&before, &account));
        (!has_new_hash).then(|| account.id.clone())
    }

    fn drop_removed(&self, id: &AccountId) -> Option<AccountId> {
        let account = self.account(id)?;
        for name in names(&account) {
            self.names.remove_if(name, |_, owner| owner.id == *id);
        }
        Some(account.id.clone())
    }

    fn owner(&self, name: &str) -> Option<Arc<Account>> {
        self.names.get(name).map(|account| Arc::clone(&account))
    }

    fn account(&self, id: &AccountId) -> Option<Arc<Account>> {
        self.owner(id.as_str()).filter(|account| account.id == *id)
    }

    fn stage(&self, changes: Vec<(AccountId, Change<'_>)>) -> Result<Staged, WriteError> {
        let mut staged = Staged::default();
        for (id, change) in changes {
            if !self.naming.has(&id) {
                return Err(NamingError::Foreign(id).into());
            }
            let found = staged.get(&id).cloned().or_else(|| self.account(&id));
            let Some(mut account) = change(found.as_deref()) else {
                continue;
            };
            if account.id != id {
                return Err(WriteError::Renamed(id));
            }
            normalise_aliases(&mut account)?;
            staged.insert(id, Arc::new(account));
        }
        self.check_names(&staged)?;
        Ok(staged)
    }

    /// As the store has it.
    fn plain(&self, account: &Arc<Account>) -> Arc<Account> {
        let plain = self.naming.made_plain(account).map(Arc::new);
        plain.unwrap_or_else(|| Arc::clone(account))
    }

    /// No name may lead to two accounts, staged or not (P2).
    fn check_names(&self, staged: &Staged) -> Result<(), WriteError> {
        let mut claimed: HashMap<&str, &AccountId, ahash::RandomState> = HashMap::default();
        for account in staged.values() {
            for name in names(account) {
                if let Some(owner) = claimed.insert(name, &account.id) {
                    return Err(name_taken(name, owner, &account.id));
                }
                if let Some(owner) = self
                    .owner(name)
                    .filter(|owner| !staged.contains_key(&owner.id))
                {
                    return Err(name_taken(name, &owner.id, &account.id));
                }
            }
        }
        Ok(())
    }

    fn publish(&self, staged: &[Arc<Account>]) {
        for account in staged {
            self.withdraw(account);
        }
        for account in staged {
            publish(&self.names, account);
        }
    }

    /// Takes back the aliases that an account no longer has.
    fn withdraw(&self, new: &Account) {
        let Some(old) = self.account(&new.id) else {
            return;
        };
        let kept: HashSet<&str> = names(new).collect();
        for name in names(&old).filter(|name| !kept.contains(name)) {
            self.names.remove(name);
        }
    }
}

impl Directory for Embedded {
    fn find(&self, name: &str, _realm: Option<&Realm>) -> Found {
        self.owner(name).map_or(Found::Unknown, Found::Account)
    }

    fn naming(&self) -> &Naming {
        &self.naming
    }

    fn list(&self) -> Option<Vec<Arc<Account>>> {
        let own_name = |name: &str, account: &Account| name == account.id.as_str();
        let entries = self
            .names
            .iter()
            .filter(|entry| own_name(entry.key(), entry.value()));
        let mut accounts: Vec<_> = entries.map(|entry| Arc::clone(entry.value())).collect();
        accounts.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        Some(accounts)
    }

    fn writer(&self) -> Option<&dyn DirectoryWriter> {
        Some(self)
    }
}

impl DirectoryWriter for Embedded {
    fn apply(
        &self,
        changes: Vec<(AccountId, Change<'_>)>,
    ) -> Result<Vec<Arc<Account>>, WriteError> {
        let mut unjudged = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.refresh(&changes, &mut unjudged)?;
        let staged: Vec<_> = self.stage(changes)?.into_values().collect();
        if !staged.is_empty() {
            let plain: Vec<_> = staged.iter().map(|account| self.plain(account)).collect();
            self.store.put_accounts(&plain).map_err(stored)?;
        }
        self.publish(&staged);
        Ok(staged)
    }

    fn upgrades_hashes(&self) -> bool {
        true
    }

    fn remove(&self, id: &AccountId) -> Result<(), WriteError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let account = self
            .account(id)
            .ok_or_else(|| WriteError::Unknown(id.clone()))?;
        self.store
            .remove_account(&self.plain(&account).id)
            .map_err(stored)?;
        for name in names(&account) {
            self.names.remove(name);
        }
        Ok(())
    }
}

/// Whether a stronger hash of the same password is all that is new.
fn differs_in_hash_alone(before: &Account, after: &Account) -> bool {
    let mut expected = before.clone();
    if let (Some(expected), Some(after)) = (&mut expected.password, &after.password) {
        expected.hash = after.hash.clone();
    }
    expected.upgraded_from.clone_from(&after.upgraded_from);
    expected == *after
}

fn names(account: &Account) -> impl Iterator<Item = &str> {
    std::iter::once(account.id.as_str()).chain(account.aliases.iter().map(String::as_str))
}

/// Makes an account visible under all its names; tells if one of them led to somebody else.
fn publish(map: &Names, account: &Arc<Account>) -> Option<OpenError> {
    let mut conflict = None;
    for name in names(account) {
        let before = map.insert(name.into(), Arc::clone(account));
        if let Some(before) = before.filter(|before| before.id != account.id) {
            let (first, second) = (before.id.clone(), account.id.clone());
            conflict = Some(OpenError::NameTwice {
                name: name.to_owned(),
                first,
                second,
            });
        }
    }
    conflict
}

/// As they are looked up: normalised, ordered, each once, without the account's own name.
fn normalise_aliases(account: &mut Account) -> Result<(), WriteError> {
    let mut aliases = Vec::with_capacity(account.aliases.len());
    for alias in &account.aliases {
        let wrong = |cause| WriteError::Alias {
            account: account.id.clone(),
            alias: alias.clone(),
            cause,
        };
        aliases.push(AccountId::new(alias).map_err(wrong)?.to_string());
    }
    aliases.sort_unstable();
    aliases.dedup();
    aliases.retain(|alias| alias != account.id.as_str());
    account.aliases = aliases;
    Ok(())
}

fn name_taken(name: &str, owner: &AccountId, account: &AccountId) -> WriteError {
    let (owner, account) = (owner.clone(), account.clone());
    WriteError::NameTaken {
        name: name.to_owned(),
        owner,
        account,
    }
}

fn stored(error: StoreError) -> WriteError {
    WriteError::Store(Box::new(error))
}
