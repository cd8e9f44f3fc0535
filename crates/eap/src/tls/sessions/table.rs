//! Sessions in memory: two sharded maps, records by id, and ids by account. Where both are locked,
//! the account comes first.

use super::SessionId;
use ahash::RandomState;
use dashmap::DashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use zeroize::Zeroize as _;

/// Most sessions of one account: a person's devices, each a few times. Beyond it the oldest ends,
/// so that nobody fills the table with the log-ons of one account.
pub(super) const PER_ACCOUNT_AT_MOST: usize = 32;

/// Most sessions of one device: the one that it will come back on, and the one before, in case the
/// answer with the newest was lost.
pub(super) const PER_DEVICE_AT_MOST: usize = 2;

/// Octets of an entry in both maps besides its record, reckoned with half-full maps.
pub(super) const ENTRY_OCTETS: usize = 256;

/// A session that waits in memory.
pub(super) struct Entry {
    pub(super) expires: Duration,
    /// With the session's secrets.
    pub(super) record: Box<[u8]>,
}

impl Entry {
    fn octets(&self) -> usize {
        self.record.len() + ENTRY_OCTETS
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.record.zeroize();
    }
}

/// A session in the list of its account.
struct Listed {
    id: SessionId,
    /// Hash of the device's name; `None` where it is unknown.
    device: Option<u64>,
}

pub(super) struct Table {
    sessions: DashMap<SessionId, Entry, RandomState>,
    accounts: DashMap<Box<str>, Vec<Listed>, RandomState>,
    octets: AtomicUsize,
    octets_at_most: usize,
}

impl Table {
    pub(super) fn new(octets_at_most: usize) -> Self {
        Table {
            sessions: DashMap::default(),
            accounts: DashMap::default(),
            octets: AtomicUsize::new(0),
            octets_at_most,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn octets(&self) -> usize {
        self.octets.load(Ordering::Relaxed)
    }

    pub(super) fn octets_at_most(&self) -> usize {
        self.octets_at_most
    }

    /// Calls `read` with a record that is there.
    pub(super) fn with<T>(&self, id: &SessionId, read: impl FnOnce(&Entry) -> T) -> Option<T> {
        self.sessions.get(id).map(|entry| read(&entry))
    }

    /// Adds a session, for which an older one of its device or account may have to end: its id. A
    /// table that is full stays as it is.
    pub(super) fn insert(
        &self,
        id: SessionId,
        account: &str,
        device: &[u8],
        entry: Entry,
    ) -> Option<SessionId> {
        let octets = entry.octets();
        if self.octets() + octets > self.octets_at_most {
            return None;
        }
        let mut ids = self.accounts.entry(account.into()).or_default();
        let device = (!device.is_empty()).then(|| self.accounts.hasher().hash_one(device));
        let known = ids.iter().position(|listed| listed.id == id);
        known.map(|place| ids.remove(place));
        let place = ids.iter().position(|listed| listed.device == device);
        let of_device = ids.iter().filter(|listed| listed.device == device).count();
        let superseded = place.filter(|_| device.is_some() && of_device >= PER_DEVICE_AT_MOST);
        let crowded_out = (ids.len() >= PER_ACCOUNT_AT_MOST).then_some(0);
        let ended = superseded.or(crowded_out).map(|place| ids.remove(place).id);
        ids.reserve_exact(1);
        ids.push(Listed { id, device });
        ended.and_then(|ended| self.take_out(&ended));
        self.octets.fetch_add(octets, Ordering::Relaxed);
        if let Some(former) = self.sessions.insert(id, entry) {
            self.octets.fetch_sub(former.octets(), Ordering::Relaxed);
        }
        ended
    }

    fn take_out(&self, id: &SessionId) -> Option<Entry> {
        let (_, entry) = self.sessions.remove(id)?;
        self.octets.fetch_sub(entry.octets(), Ordering::Relaxed);
        Some(entry)
    }

    /// Ends one session of an account.
    pub(super) fn remove(&self, id: &SessionId, account: &str) -> Option<Entry> {
        let entry = self.take_out(id);
        if let Some(mut ids) = self.accounts.get_mut(account) {
            ids.retain(|listed| listed.id != *id);
        }
        self.accounts.remove_if(account, |_, ids| ids.is_empty());
        entry
    }

    /// Ends all sessions of an account; returns how many.
    pub(super) fn forget(&self, account: &str) -> usize {
        let Some((_, ids)) = self.accounts.remove(account) else {
            return 0;
        };
        ids.iter()
            .filter(|listed| self.take_out(&listed.id).is_some())
            .count()
    }

    /// The sessions that `is_wanted` of; copies nothing but ids.
    pub(super) fn ids(&self, is_wanted: impl Fn(&Entry) -> bool) -> Vec<SessionId> {
        let entries = self.sessions.iter();
        let wanted = entries.filter(|entry| is_wanted(entry.value()));
        wanted.map(|entry| *entry.key()).collect()
    }
}
