//! Items that wait under a State: bounded as a whole and for each device, found by one look-up.
//!
//! ```text
//!   slots    State  -> what waits, since when                  sharded
//!   devices  device -> the States under which it waits         sharded; slot first, then device
//!   yielding States of those that have waited longest          filled once a second, when it is full
//! ```

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use dashmap::{DashMap, Entry};

/// The octets of the State attribute.
pub(in crate::access) type StateToken = [u8; 16];

/// Most that wait for one device. Sound devices have one, or two for a moment; a device that begins
/// again and again holds no more than this. A device that takes another's name
/// would have to do so this often between two packets of that device to displace it.
const PER_DEVICE_AT_MOST: usize = 4;

/// A waiting item, and how it may be displaced.
pub(super) struct Waiting<T> {
    pub(super) item: T,
    /// The device; items without one are bounded as a whole alone.
    pub(super) device: Option<u64>,
    /// Whether little has been spent on it yet: such give way first.
    pub(super) is_early: bool,
}

struct Slot<T> {
    waiting: Waiting<T>,
    since: Instant,
}

/// One of a device's States.
struct AccountTurn {
    state: StateToken,
    is_early: bool,
}

/// No room, and nothing that may give way.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::access) struct Full;

/// The table.
pub(super) struct Table<T> {
    slots: DashMap<StateToken, Slot<T>, ahash::RandomState>,
    /// Each in the order of waiting, the longest first.
    devices: DashMap<u64, Vec<AccountTurn>, ahash::RandomState>,
    /// How many slots there are: the map would lock each shard to tell.
    count: AtomicUsize,
    /// The one that has waited longest is last.
    yielding: Mutex<Vec<StateToken>>,
    capacity: usize,
    patience: Duration,
}

impl<T> Table<T> {
    pub(super) fn new(capacity: usize, patience: Duration) -> Self {
        Self {
            slots: DashMap::default(),
            devices: DashMap::default(),
            count: AtomicUsize::new(0),
            yielding: Mutex::default(),
            capacity,
            patience,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Has it wait under `state`; returns what gives way to it, of the same device.
    pub(super) fn insert(&self, state: StateToken, waiting: Waiting<T>, now: Instant) -> Option<T> {
        let (device, is_early) = (waiting.device, waiting.is_early);
        let slot = Slot {
            waiting,
            since: now,
        };
        if self.slots.insert(state, slot).is_none() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        let displaced = self.list(device?, AccountTurn { state, is_early })?;
        self.remove_if(&displaced, |_| true)
    }

    /// Takes out what waits under `state`, if its time is not over and it fits.
    pub(super) fn take(
        &self,
        state: &StateToken,
        fits: impl Fn(&T) -> bool,
        now: Instant,
    ) -> Option<T> {
        self.remove_if(state, |slot| {
            now < slot.since + self.patience && fits(&slot.waiting.item)
        })
    }

    /// Takes out all whose time is over.
    pub(super) fn take_expired(&self, now: Instant) -> Vec<T> {
        let is_over = |slot: &Slot<T>| slot.since + self.patience <= now;
        let over: Vec<_> = self
            .slots
            .iter()
            .filter(|slot| is_over(slot))
            .map(|slot| *slot.key())
            .collect();
        over.iter()
            .filter_map(|state| self.remove_if(state, is_over))
            .collect()
    }

    /// Makes sure that one more may begin: where the table is full, the early one that had waited
    /// longest when [`Self::note_yielding`] last looked, and has waited since, gives way.
    pub(super) fn make_room(&self) -> Result<Option<T>, Full> {
        if self.len() < self.capacity {
            return Ok(None);
        }
        while let Some(state) = self.next_yielding() {
            if let Some(displaced) = self.remove_if(&state, |_| true) {
                return Ok(Some(displaced));
            }
        }
        Err(Full)
    }

    /// Looks who would give way, where the table is full or soon will be. It looks at every slot, so
    /// it is to be called about once a second, and not by those who need room.
    pub(super) fn note_yielding(&self) {
        let is_scarce = self.len() >= self.capacity - self.capacity / 4;
        let mut early: Vec<_> = self
            .slots
            .iter()
            .filter(|slot| is_scarce && slot.waiting.is_early)
            .map(|slot| (slot.since, *slot.key()))
            .collect();
        early.sort_unstable_by(|one, other| other.cmp(one));
        let states = early.into_iter().map(|(_, state)| state).collect();
        *self.yielding.lock().unwrap_or_else(PoisonError::into_inner) = states;
    }

    fn next_yielding(&self) -> Option<StateToken> {
        let mut yielding = self.yielding.lock().unwrap_or_else(PoisonError::into_inner);
        yielding.pop()
    }

    fn remove_if(&self, state: &StateToken, fits: impl Fn(&Slot<T>) -> bool) -> Option<T> {
        let (_, slot) = self.slots.remove_if(state, |_, slot| fits(slot))?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        if let Some(device) = slot.waiting.device {
            self.unlist(device, state);
        }
        Some(slot.waiting.item)
    }

    /// Adds to what a device has waiting; returns which is too much: an early one, or where there is
    /// none any, the one that has waited longest. Never the newest.
    fn list(&self, device: u64, place: AccountTurn) -> Option<StateToken> {
        let mut places = self.devices.entry(device).or_default();
        let surplus = (places.len() >= PER_DEVICE_AT_MOST).then(|| {
            let early = places.iter().position(|place| place.is_early);
            places.remove(early.unwrap_or(0)).state
        });
        places.push(place);
        surplus
    }

    fn unlist(&self, device: u64, state: &StateToken) {
        if let Entry::Occupied(mut places) = self.devices.entry(device) {
            places.get_mut().retain(|place| place.state != *state);
            if places.get().is_empty() {
                places.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests;
