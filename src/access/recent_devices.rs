//! Devices that logged on lately, by account. Their owner keeps normal priority in the hash pool though
//! guesses of others have failed at the account meanwhile. Priority and nothing else: a device's address
//! proves nothing.

use ahash::RandomState;
use portvakt_auth::AccountId;
use quick_cache::sync::Cache;

/// Pairs of account and device that are kept: of a large university all. Beyond it those that came
/// in least lately are forgotten. Some 50 octets each.
const CAPACITY: usize = 400_000;

/// Pairs of account and device, by a hash.
pub struct RecentDevices {
    hasher: RandomState,
    seen: Cache<u64, ()>,
}

impl Default for RecentDevices {
    fn default() -> Self {
        Self::new(CAPACITY)
    }
}

impl RecentDevices {
    fn new(capacity: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            seen: Cache::new(capacity),
        }
    }

    /// Keeps in mind that the account came in with the device of this Calling-Station-Id.
    pub(super) fn note(&self, account: &AccountId, calling_station: &str) {
        let key = self.key(account, calling_station);
        if self.seen.get(&key).is_none() {
            self.seen.insert(key, ());
        }
    }

    /// Whether the account came in with this device lately.
    pub(super) fn knows(&self, account: &AccountId, calling_station: &str) -> bool {
        self.seen.get(&self.key(account, calling_station)).is_some()
    }

    fn key(&self, account: &AccountId, calling_station: &str) -> u64 {
        self.hasher.hash_one((account.as_str(), calling_station))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> AccountId {
        AccountId::new(name).unwrap()
    }

    #[test]
    fn device_is_familiar_to_its_account_alone() {
        let devices = RecentDevices::default();
        devices.note(&account("kari"), "02-00-00-00-00-01");
        assert!(devices.knows(&account("kari"), "02-00-00-00-00-01"));
        assert!(!devices.knows(&account("kari"), "02-00-00-00-00-02"));
        assert!(!devices.knows(&account("ola"), "02-00-00-00-00-01"));
    }

    #[test]
    fn no_more_devices_are_kept_than_there_is_room_for() {
        let devices = RecentDevices::new(100);
        for number in 0..10_000 {
            devices.note(&account("kari"), &format!("device {number}"));
        }
        assert!(devices.seen.len() <= 100);
        assert!(devices.knows(&account("kari"), "device 9999"));
    }
}
