//! Log-ons of lately, for sessions whose NAS returns no Class.

use jiff::{SignedDuration, Timestamp};
use portvakt_auth::AccountId;
use quick_cache::sync::Cache;
use smallstr::SmallString;

use crate::{Joined, JoinedBy};

/// A session may begin this long after its log-on.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// The clock of a NAS may be behind.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// Client, device and name of a log-on; of most without a heap allocation.
type Key = SmallString<[u8; 96]>;

/// The facts by which a session is recognised as a log-on's: those that a NAS sends alike in
/// Access-Request and Accounting-Request.
#[derive(Clone, Copy, Debug)]
pub struct LogOn<'a> {
    /// The name of the RADIUS client in the configuration.
    pub client: &'a str,
    /// Calling-Station-Id without a port.
    pub device: &'a str,
    /// User-Name as sent.
    pub user_name: &'a str,
}

/// The newest accepted log-on of each device; beyond the capacity those that were used least lately
/// are forgotten. Some 200 octets each.
///
/// Only as sure as the NAS: of two people with one anonymous outer name at one device address, the one
/// who logged on last before the first news of a session has it. A Class is surer.
pub struct RecentLogOns {
    log_ons: Cache<Key, (AccountId, Timestamp)>,
}

impl RecentLogOns {
    /// Keeps at most so many log-ons.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            log_ons: Cache::new(capacity),
        }
    }

    /// Keeps a log-on that was accepted at `at`.
    pub fn note(&self, log_on: LogOn<'_>, account: &AccountId, at: Timestamp) {
        self.log_ons.insert(log_on.key(), (account.clone(), at));
    }

    /// The log-on of a session that a record of `event` tells of.
    #[must_use]
    pub fn find(&self, log_on: LogOn<'_>, event: Timestamp) -> Option<Joined> {
        let (account, logged_on) = self.log_ons.get(&log_on.key())?;
        let since = event.duration_since(logged_on);
        (-SKEW..=LONGEST).contains(&since).then_some(Joined {
            by: JoinedBy::LogOn,
            logged_on,
            account,
        })
    }
}

impl LogOn<'_> {
    /// The parts, with an octet between them that UTF-8 never has in a name of a client.
    fn key(self) -> Key {
        let mut key = Key::from(self.client);
        for part in [self.device, self.user_name] {
            key.push('\0');
            key.push_str(part);
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    const DEVICE: LogOn<'_> = LogOn {
        client: "ap-library",
        device: "02-00-00-00-00-01",
        user_name: "anonymous@campus.example",
    };

    #[test]
    fn session_belongs_to_the_newest_log_on_of_its_device_at_its_client() {
        let log_ons = RecentLogOns::new(100);
        let [anna, bo] = ["anna", "bo"].map(|name| AccountId::new(name).unwrap());
        log_ons.note(DEVICE, &anna, at(0));
        log_ons.note(DEVICE, &bo, at(10));
        let found = log_ons.find(DEVICE, at(12)).unwrap();
        assert_eq!((found.account, found.logged_on), (bo, at(10)));
        for other in [
            LogOn {
                client: "ap-canteen",
                ..DEVICE
            },
            LogOn {
                device: "02-00-00-00-00-02",
                ..DEVICE
            },
            LogOn {
                user_name: "anna@campus.example",
                ..DEVICE
            },
        ] {
            assert_eq!(log_ons.find(other, at(12)), None);
        }
    }

    #[test]
    fn log_on_of_long_ago_or_of_later_is_not_taken() {
        let log_ons = RecentLogOns::new(100);
        log_ons.note(DEVICE, &AccountId::new("anna").unwrap(), at(0));
        assert!(log_ons.find(DEVICE, at(-30)).is_some());
        assert!(log_ons.find(DEVICE, at(24 * 60 * 60)).is_some());
        assert_eq!(log_ons.find(DEVICE, at(-90)), None);
        assert_eq!(log_ons.find(DEVICE, at(24 * 60 * 60 + 1)), None);
    }

    #[test]
    fn log_ons_are_bounded() {
        let log_ons = RecentLogOns::new(100);
        let anna = AccountId::new("anna").unwrap();
        for number in 0..10_000 {
            let device = &number.to_string();
            log_ons.note(LogOn { device, ..DEVICE }, &anna, at(0));
        }
        assert!(log_ons.log_ons.len() <= 100);
    }
}
