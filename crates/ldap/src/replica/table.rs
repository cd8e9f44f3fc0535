//! The mirrored accounts in memory: each once, under all its names and under its entry's id.
//!
//! A name leads straight to the account, so that a look-up touches as little of a large memory as can
//! be. What it returns has the name that was looked for.

use std::sync::{Arc, Mutex, PoisonError};

use dashmap::{DashMap, Entry};
use portvakt_auth::account::Account;
use portvakt_auth::name::AccountId;

use super::EntryId;
use super::sync::Ids;

#[cfg(test)]
mod tests;

/// Takes an account in: aliases normalised, without one that nobody could ever send, and all
/// trimmed to the memory it needs.
pub fn normalized(mut account: Account) -> Arc<Account> {
    let alias = |alias: &String| AccountId::new(alias).ok().map(String::from);
    let mut aliases: Vec<_> = account.aliases.iter().filter_map(alias).collect();
    aliases.retain(|alias| alias != account.id.as_str());
    aliases.sort_unstable();
    aliases.dedup();
    account.aliases = aliases;
    trim(&mut account);
    Arc::new(account)
}

fn names(account: &Account) -> impl Iterator<Item = &str> {
    let aliases = account.aliases.iter().map(String::as_str);
    std::iter::once(account.id.as_str()).chain(aliases)
}

fn has_name(account: &Account, name: &str) -> bool {
    names(account).any(|own| own == name)
}

/// Gives back what the strings were allotted beyond their length.
fn trim(account: &mut Account) {
    let texts = [
        &mut account.display_name,
        &mut account.mail,
        &mut account.mobile,
        &mut account.vlan,
    ];
    for text in texts.into_iter().flatten() {
        text.shrink_to_fit();
    }
    account.aliases.shrink_to_fit();
    account.previous.shrink_to_fit();
    account.previous_nt_hashes.shrink_to_fit();
}

/// The accounts of a name.
#[derive(Clone, Debug, PartialEq)]
pub enum TableLookup {
    /// One entry's account.
    Found(Arc<Account>),
    /// No entry.
    Nobody,
    /// Several; none of them is it (P2).
    Ambiguous,
}

/// An entry under one of its names.
#[derive(Clone)]
struct Claim {
    id: EntryId,
    account: Arc<Account>,
}

/// The entries under a name; nearly always one.
enum Claims {
    One(Claim),
    Several(Box<[Claim]>),
}

impl Claims {
    fn as_slice(&self) -> &[Claim] {
        match self {
            Self::One(claim) => std::slice::from_ref(claim),
            Self::Several(claims) => claims,
        }
    }

    /// With this claim in the place of one of the same entry.
    fn with(&self, claim: Claim) -> Self {
        let mut claims = self.others_than(claim.id);
        claims.push(claim);
        Self::of(claims)
    }

    fn others_than(&self, id: EntryId) -> Vec<Claim> {
        let claims = self.as_slice().iter();
        claims.filter(|claim| claim.id != id).cloned().collect()
    }

    fn of(mut claims: Vec<Claim>) -> Self {
        match claims.pop() {
            Some(only) if claims.is_empty() => Self::One(only),
            last => Self::Several(claims.into_iter().chain(last).collect()),
        }
    }
}

/// Accounts by name, and by their entry's id. One writer at a time; readers never wait for one
/// another.
#[derive(Default)]
pub struct Table {
    /// By the hash of the name: the name itself is in the account. Two names with one hash are told
    /// apart there.
    names: DashMap<u64, Claims, ahash::RandomState>,
    entries: DashMap<EntryId, Arc<Account>, ahash::RandomState>,
    hasher: ahash::RandomState,
    writing: Mutex<()>,
}

impl Table {
    /// Looks up a normalised name.
    pub fn find(&self, name: &str) -> TableLookup {
        let Some(claims) = self.names.get(&self.hasher.hash_one(name)) else {
            return TableLookup::Nobody;
        };
        let accounts = claims.as_slice().iter().map(|claim| &claim.account);
        let mut found = accounts.filter(|account| has_name(account, name));
        match (found.next(), found.next()) {
            (None, _) => TableLookup::Nobody,
            (Some(account), None) => TableLookup::Found(Arc::clone(account)),
            (Some(_), Some(_)) => TableLookup::Ambiguous,
        }
    }

    /// The entry of this id.
    pub fn entry(&self, id: &EntryId) -> Option<Arc<Account>> {
        self.entries.get(id).map(|account| Arc::clone(&account))
    }

    /// Puts an entry in the place of what had its id, and returns that.
    pub fn put(&self, id: EntryId, new: Arc<Account>) -> Option<Arc<Account>> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names(&new) {
            let account = Arc::clone(&new);
            self.claim(name, Claim { id, account });
        }
        let old = self.entries.insert(id, Arc::clone(&new));
        let given_up = old.iter().flat_map(|old| names(old));
        for name in given_up.filter(|name| !has_name(&new, name)) {
            self.disclaim(name, id, Some(&new));
        }
        old
    }

    /// Removes an entry and returns it.
    pub fn remove(&self, id: &EntryId) -> Option<Arc<Account>> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, old) = self.entries.remove(id)?;
        for name in names(&old) {
            self.disclaim(name, *id, None);
        }
        Some(old)
    }

    /// The ids that are not among these.
    pub fn others_than(&self, ids: &Ids) -> Vec<EntryId> {
        let others = self.entries.iter().map(|entry| *entry.key());
        others.filter(|id| !ids.contains(id)).collect()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Visits all entries. Not a moment's picture if they change meanwhile.
    pub fn for_each(&self, mut visit: impl FnMut(&EntryId, &Arc<Account>)) {
        for entry in &self.entries {
            visit(entry.key(), entry.value());
        }
    }

    fn claim(&self, name: &str, claim: Claim) {
        match self.names.entry(self.hasher.hash_one(name)) {
            Entry::Vacant(entry) => drop(entry.insert(Claims::One(claim))),
            Entry::Occupied(mut entry) => {
                let claims = entry.get().with(claim);
                entry.insert(claims);
            }
        }
    }

    /// `still` is the account as it is now: another of its names may have the same hash.
    fn disclaim(&self, name: &str, id: EntryId, still: Option<&Account>) {
        let hash = self.hasher.hash_one(name);
        let mut names_left = still.into_iter().flat_map(names);
        if names_left.any(|name| self.hasher.hash_one(name) == hash) {
            return;
        }
        if let Entry::Occupied(mut entry) = self.names.entry(hash) {
            let rest = entry.get().others_than(id);
            if rest.is_empty() {
                entry.remove();
            } else {
                entry.insert(Claims::of(rest));
            }
        }
    }
}
