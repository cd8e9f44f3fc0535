//! IP addresses and prefixes of a session.

use ipnet::IpNet;
use jiff::Timestamp;

/// Addresses that a session keeps. A device with more has those that were told last; the store keeps
/// the others as they were.
pub const MOST_ADDRESSES: usize = 32;

/// An address or prefix, and the records that told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldAddress {
    /// Framed-IP-Address (/32), Framed-IPv6-Address (/128, RFC 6911), Framed-IPv6-Prefix or
    /// Delegated-IPv6-Prefix; host bits are zero.
    pub net: IpNet,
    /// The first record that told it.
    pub first: Timestamp,
    /// The last record that told it.
    pub last: Timestamp,
}

/// The addresses of a session over time, at most [`MOST_ADDRESSES`], ordered by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    held: Vec<HeldAddress>,
    reported: Option<Timestamp>,
}

impl Addresses {
    /// Addresses as one record tells them at `at`.
    pub fn told(nets: impl IntoIterator<Item = IpNet>, at: Timestamp) -> Self {
        let held = nets
            .into_iter()
            .take(MOST_ADDRESSES)
            .map(|net| HeldAddress {
                net: net.trunc(),
                first: at,
                last: at,
            });
        Self::stored(held)
    }

    /// Addresses as they were stored.
    pub fn stored(held: impl IntoIterator<Item = HeldAddress>) -> Self {
        let mut addresses = Self::default();
        for held in held {
            addresses.add(held);
        }
        addresses.forget_oldest();
        addresses
    }

    /// All of them, ordered by address.
    pub fn all(&self) -> &[HeldAddress] {
        &self.held
    }

    /// The last record that told any address.
    pub fn reported(&self) -> Option<Timestamp> {
        self.reported
    }

    /// Those that the last record with any address told: the session's own by now.
    pub fn current(&self) -> impl Iterator<Item = &HeldAddress> {
        self.held.iter().filter(|held| self.is_current(held))
    }

    /// Whether an address is one of [`Self::current`].
    pub fn is_current(&self, held: &HeldAddress) -> bool {
        Some(held.last) == self.reported
    }

    /// Takes in the addresses of another record; whether anything changed.
    pub fn merge(&mut self, other: &Addresses) -> bool {
        let mut changed = false;
        for held in &other.held {
            changed |= self.add(*held);
        }
        self.forget_oldest();
        changed
    }

    fn add(&mut self, other: HeldAddress) -> bool {
        self.reported = self.reported.max(Some(other.last));
        match self.held.binary_search_by_key(&other.net, |held| held.net) {
            Err(place) => {
                self.held.insert(place, other);
                true
            }
            Ok(place) => self.held.get_mut(place).is_some_and(|held| {
                let before = *held;
                held.first = held.first.min(other.first);
                held.last = held.last.max(other.last);
                *held != before
            }),
        }
    }

    fn forget_oldest(&mut self) {
        while self.held.len() > MOST_ADDRESSES {
            let oldest = self.held.iter().enumerate();
            let oldest = oldest.min_by_key(|(_, held)| (held.last, held.net));
            let Some((place, _)) = oldest else { return };
            self.held.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn told(net: &str, second: i64) -> Addresses {
        Addresses::told([net.parse().unwrap()], at(second))
    }

    #[test]
    fn address_is_kept_from_its_first_to_its_last_record_in_whatever_order() {
        let mut addresses = told("192.0.2.7/32", 20);
        assert!(addresses.merge(&told("192.0.2.7/32", 10)));
        assert!(addresses.merge(&told("192.0.2.9/32", 30)));
        assert!(!addresses.merge(&told("192.0.2.7/32", 15)));
        let [first, second] = addresses.all() else {
            panic!("{addresses:?}");
        };
        assert_eq!((first.first, first.last), (at(10), at(20)));
        assert_eq!((second.first, second.last), (at(30), at(30)));
        let current: Vec<_> = addresses.current().map(|held| held.net).collect();
        assert_eq!(current, ["192.0.2.9/32".parse().unwrap()]);
    }

    #[test]
    fn oldest_address_goes_first_beyond_the_bound() {
        let mut addresses = Addresses::default();
        for number in 0..100_u8 {
            let net = format!("2001:db8::{number:x}/128");
            addresses.merge(&told(&net, number.into()));
        }
        assert_eq!(addresses.all().len(), MOST_ADDRESSES);
        assert!(addresses.all().iter().all(|held| held.last >= at(68)));
    }
}
