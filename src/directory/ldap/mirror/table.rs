//! The mirrored accounts in memory: each entry once, under all its names.
//!
//! The names lead to the entry and the entry has the account, so a changed account is one step for
//! whoever looks it up, by whichever name. What a look-up returns has the name that was looked for.

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
pub fn taken_in(mut account: Account) -> Arc<Account> {
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

/// What a name leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup {
    /// One entry's account.
    Found(Arc<Account>),
    /// No entry.
    Nobody,
    /// Several; none of them is it (P2).
    Ambiguous,
}

/// The entries under a name; nearly always one.
enum Claims {
    One(EntryId),
    Several(Box<[EntryId]>),
}

impl Claims {
    fn as_slice(&self) -> &[EntryId] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Several(ids) => ids,
        }
    }

    fn with(&self, id: EntryId) -> Self {
        if self.as_slice().contains(&id) {
            return Self::of(self.as_slice().to_vec());
        }
        let mut ids = self.as_slice().to_vec();
        ids.push(id);
        Self::of(ids)
    }

    fn of(ids: Vec<EntryId>) -> Self {
        match ids.as_slice() {
            [id] => Self::One(*id),
            _ => Self::Several(ids.into()),
        }
    }
}

/// Entries by id, and ids by name. One writer at a time; readers never wait for one another.
#[derive(Default)]
pub struct Table {
    entries: DashMap<EntryId, Arc<Account>, ahash::RandomState>,
    /// By the hash of the name: the name itself is in the account. Two names with one hash are told
    /// apart there.
    names: DashMap<u64, Claims, ahash::RandomState>,
    hasher: ahash::RandomState,
    writing: Mutex<()>,
}

impl Table {
    /// Looks up a normalised name.
    pub fn find(&self, name: &str) -> Lookup {
        let Some(claims) = self.names.get(&self.hasher.hash_one(name)) else {
            return Lookup::Nobody;
        };
        // The shard is let go before another is taken.
        if let Claims::One(id) = *claims {
            drop(claims);
            return self
                .with_name(&id, name)
                .map_or(Lookup::Nobody, Lookup::Found);
        }
        let ids = claims.as_slice().to_vec();
        drop(claims);
        let mut found = ids.iter().filter_map(|id| self.with_name(id, name));
        match (found.next(), found.next()) {
            (None, _) => Lookup::Nobody,
            (Some(entry), None) => Lookup::Found(entry),
            (Some(_), Some(_)) => Lookup::Ambiguous,
        }
    }

    fn with_name(&self, id: &EntryId, name: &str) -> Option<Arc<Account>> {
        self.entries
            .get(id)
            .filter(|account| has_name(account, name))
            .map(|account| Arc::clone(&account))
    }

    /// The entry of this id.
    pub fn entry(&self, id: &EntryId) -> Option<Arc<Account>> {
        self.entries.get(id).map(|account| Arc::clone(&account))
    }

    /// Puts an entry in the place of what had its id, and returns that.
    pub fn put(&self, id: EntryId, new: Arc<Account>) -> Option<Arc<Account>> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names(&new) {
            self.claim(name, id);
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

    fn claim(&self, name: &str, id: EntryId) {
        match self.names.entry(self.hasher.hash_one(name)) {
            Entry::Vacant(entry) => drop(entry.insert(Claims::One(id))),
            Entry::Occupied(mut entry) => {
                let claims = entry.get().with(id);
                entry.insert(claims);
            }
        }
    }

    /// `still` is the entry as it is now: another of its names may have the same hash.
    fn disclaim(&self, name: &str, id: EntryId, still: Option<&Account>) {
        let hash = self.hasher.hash_one(name);
        let mut names_left = still.into_iter().flat_map(names);
        if names_left.any(|name| self.hasher.hash_one(name) == hash) {
            return;
        }
        if let Entry::Occupied(mut entry) = self.names.entry(hash) {
            let ids = entry.get().as_slice().iter().copied();
            let rest: Vec<_> = ids.filter(|other| *other != id).collect();
            if rest.is_empty() {
                entry.remove();
            } else {
                entry.insert(Claims::of(rest));
            }
        }
    }
}
