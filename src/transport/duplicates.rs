//! The duplicate cache (R4, RFC 5080 §2.2.2): a retransmission gets the same bytes again, or
//! silence while the first copy is still worked on, and never counts twice.
//!
//! A copy has the authenticator and the credentials of the first. RFC 5080 compares the authenticator
//! alone, which must not repeat (RFC 2865 §3); but there were clients whose did, and an Accept must
//! not answer another password. The rest is not compared: some NAS send another Event-Timestamp or
//! Acct-Delay-Time with a retransmission.
//!
//! Each socket has its own: the kernel hands a retransmission to the socket that had the first copy.
//! So its lock is hardly ever waited for: one thread receives, and few answers come from others.
//!
//! ```text
//!  Key ──> number ──> ring, in order of arrival: what is oldest is forgotten at its front,
//!                     and its memory serves what is new at its back
//! ```

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, Hasher as _};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portvakt_radius::{Packet, deciding};

/// Of the exchanges that have run out, so many are forgotten with each that comes in: more than
/// one, so that the ring gets shorter when it has been long.
const FORGOTTEN_AT_ONCE: usize = 2;
/// Forgotten by [`Duplicates::sweep`] before others may have the lock.
const SWEPT_AT_ONCE: usize = 500;
/// Buffers of answers that are kept to be used again, and the largest of them: a TLS flight is
/// rare, and would fill memory that small answers don't need.
const SPARE_BUFFERS: usize = 1024;
const LARGEST_SPARE: usize = 512;

/// The key of an exchange: the client's address and port, our port, and the Identifier octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The address and port that the request came from.
    pub peer: SocketAddr,
    /// The port that it was sent to.
    pub local_port: u16,
    /// Its Identifier octet.
    pub identifier: u8,
}

/// The part that a request shares with its copies, and with no other request of its [`Key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// The Request Authenticator.
    pub authenticator: [u8; 16],
    /// Keyed digest of the attributes that decide; see [`Duplicates::fingerprint`].
    pub credentials: u64,
}

/// The kind of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A new request, to be worked on.
    New,
    /// A copy of a request that is still being worked on: silence.
    InProgress,
    /// A copy of a request that was answered with these bytes: send them again.
    Answered(Vec<u8>),
}

struct Remembered {
    key: Key,
    fingerprint: Fingerprint,
    arrived: Instant,
    /// Empty until there is one.
    answer: Vec<u8>,
}

/// The exchanges of the last few seconds.
pub struct Duplicates {
    exchanges: Mutex<Exchanges>,
    /// Makes digests unlike those of any other process.
    keys: ahash::RandomState,
    lifetime: Duration,
    capacity: usize,
}

#[derive(Default)]
struct Exchanges {
    /// In order of arrival, so that forgetting costs what is forgotten and not what is kept.
    ring: VecDeque<Remembered>,
    /// The number of the ring's first exchange; they are numbered as they arrive.
    first: u64,
    /// The latest exchange of each key.
    latest: HashMap<Key, u64, ahash::RandomState>,
    spare: Vec<Vec<u8>>,
}

impl Duplicates {
    /// An empty cache whose entries live for `lifetime` (R4: 5 to 30 s); beyond `capacity` of them
    /// the oldest is forgotten early.
    #[must_use]
    pub fn new(lifetime: Duration, capacity: usize) -> Self {
        Self {
            exchanges: Mutex::default(),
            keys: ahash::RandomState::new(),
            lifetime,
            capacity,
        }
    }

    /// The fingerprint that tells a copy of `request` from another request.
    #[must_use]
    pub fn fingerprint(&self, request: &Packet<'_>) -> Fingerprint {
        let mut hasher = self.keys.build_hasher();
        deciding::hash(request, &mut hasher);
        Fingerprint {
            authenticator: *request.authenticator(),
            credentials: hasher.finish(),
        }
    }

    /// Notes that a request came in and says what it is.
    ///
    /// Another fingerprint under a used identifier is a new request and takes the old one's place.
    pub fn arrive(&self, key: Key, fingerprint: Fingerprint, now: Instant) -> Arrival {
        let mut exchanges = self.exchanges();
        if let Some(known) = exchanges.find(&key, &fingerprint) {
            return match known.answer.as_slice() {
                [] => Arrival::InProgress,
                answer => Arrival::Answered(answer.to_vec()),
            };
        }
        exchanges.add(key, fingerprint, now);
        exchanges.forget_old(now, self.lifetime, FORGOTTEN_AT_ONCE);
        if exchanges.ring.len() > self.capacity {
            exchanges.forget_first();
        }
        Arrival::New
    }

    /// Keeps the answer's bytes for later copies of the request.
    pub fn answered(&self, key: &Key, fingerprint: &Fingerprint, answer: &[u8]) {
        if let Some(known) = self.exchanges().find(key, fingerprint) {
            known.answer.clear();
            known.answer.extend_from_slice(answer);
        }
    }

    /// Forgets a request that will get no answer, so that a retransmission gets its chance.
    pub fn remove(&self, key: &Key, fingerprint: &Fingerprint) {
        let mut exchanges = self.exchanges();
        if exchanges.find(key, fingerprint).is_some() {
            exchanges.latest.remove(key);
        }
    }

    /// Forgets what is older than the lifetime.
    pub fn sweep(&self, now: Instant) {
        while self
            .exchanges()
            .forget_old(now, self.lifetime, SWEPT_AT_ONCE)
        {}
    }

    /// How many exchanges are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.exchanges().ring.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn exchanges(&self) -> MutexGuard<'_, Exchanges> {
        self.exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchanges {
    fn find(&mut self, key: &Key, fingerprint: &Fingerprint) -> Option<&mut Remembered> {
        let number = self.latest.get(key)?;
        let place = usize::try_from(number - self.first).ok()?;
        let known = self.ring.get_mut(place)?;
        (known.fingerprint == *fingerprint).then_some(known)
    }

    fn add(&mut self, key: Key, fingerprint: Fingerprint, now: Instant) {
        let number = self.first + self.ring.len() as u64;
        self.latest.insert(key, number);
        self.ring.push_back(Remembered {
            key,
            fingerprint,
            arrived: now,
            answer: self.spare.pop().unwrap_or_default(),
        });
    }

    /// Forgets at most `most` of those that have run out; whether there may be more.
    fn forget_old(&mut self, now: Instant, lifetime: Duration, most: usize) -> bool {
        for _ in 0..most {
            let first = self.ring.front();
            if first.is_none_or(|first| now.duration_since(first.arrived) < lifetime) {
                return false;
            }
            self.forget_first();
        }
        true
    }

    fn forget_first(&mut self) {
        let Some(mut forgotten) = self.ring.pop_front() else {
            return;
        };
        if self.latest.get(&forgotten.key) == Some(&self.first) {
            self.latest.remove(&forgotten.key);
        }
        self.first += 1;
        forgotten.answer.clear();
        if self.spare.len() < SPARE_BUFFERS && forgotten.answer.capacity() <= LARGEST_SPARE {
            self.spare.push(forgotten.answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(10);

    fn key(identifier: u8) -> Key {
        Key {
            peer: "192.0.2.1:1024".parse().unwrap(),
            local_port: 1812,
            identifier,
        }
    }

    fn of(authenticator: u8) -> Fingerprint {
        Fingerprint {
            authenticator: [authenticator; 16],
            credentials: 1,
        }
    }

    /// R4.
    #[test]
    fn a_copy_meets_silence_until_the_answer_and_then_the_same_bytes() {
        let (cache, now) = (Duplicates::new(LIFETIME, 100), Instant::now());
        let answer = b"answer".to_vec();
        assert_eq!(cache.arrive(key(1), of(7), now), Arrival::New);
        assert_eq!(cache.arrive(key(1), of(7), now), Arrival::InProgress);
        cache.answered(&key(1), &of(7), &answer);
        assert_eq!(cache.arrive(key(1), of(7), now), Arrival::Answered(answer));
    }

    /// R4.
    #[test]
    fn a_new_authenticator_under_a_used_identifier_is_a_new_request() {
        let (cache, now) = (Duplicates::new(LIFETIME, 100), Instant::now());
        assert_eq!(cache.arrive(key(1), of(7), now), Arrival::New);
        assert_eq!(cache.arrive(key(1), of(8), now), Arrival::New);
        cache.answered(&key(1), &of(7), b"of the first");
        assert_eq!(cache.arrive(key(1), of(8), now), Arrival::InProgress);
    }

    /// R4: a NAS whose authenticators repeat.
    #[test]
    fn other_credentials_under_the_same_authenticator_are_a_new_request() {
        let (cache, now) = (Duplicates::new(LIFETIME, 100), Instant::now());
        let other = Fingerprint {
            credentials: 2,
            ..of(7)
        };
        assert_eq!(cache.arrive(key(1), of(7), now), Arrival::New);
        cache.answered(&key(1), &of(7), b"of the first");
        assert_eq!(cache.arrive(key(1), other, now), Arrival::New);
        assert_eq!(cache.arrive(key(1), other, now), Arrival::InProgress);
    }

    #[test]
    fn an_exchange_is_forgotten_after_its_lifetime_and_its_successor_is_not() {
        let (cache, start) = (Duplicates::new(LIFETIME, 100), Instant::now());
        cache.arrive(key(1), of(7), start);
        cache.arrive(key(1), of(8), start + LIFETIME / 2);
        cache.sweep(start + LIFETIME);
        assert_eq!(cache.len(), 1);
        assert_eq!(
            cache.arrive(key(1), of(8), start + LIFETIME),
            Arrival::InProgress
        );
        cache.sweep(start + 2 * LIFETIME);
        assert!(cache.is_empty());
        assert_eq!(
            cache.arrive(key(1), of(8), start + 2 * LIFETIME),
            Arrival::New
        );
    }

    #[test]
    fn beyond_its_capacity_the_oldest_is_forgotten() {
        let (cache, now) = (Duplicates::new(LIFETIME, 2), Instant::now());
        for identifier in 1..=3 {
            cache.arrive(key(identifier), of(7), now);
        }
        assert_eq!(cache.len(), 2);
        assert_eq!(cache.arrive(key(3), of(7), now), Arrival::InProgress);
        assert_eq!(cache.arrive(key(1), of(7), now), Arrival::New);
    }

    #[test]
    fn an_unanswered_request_may_come_again() {
        let (cache, now) = (Duplicates::new(LIFETIME, 100), Instant::now());
        cache.arrive(key(1), of(7), now);
        cache.remove(&key(1), &of(7));
        assert_eq!(cache.arrive(key(1), of(7), now), Arrival::New);
    }

    #[test]
    fn what_was_replaced_or_removed_is_forgotten_without_its_successor() {
        let (cache, start) = (Duplicates::new(LIFETIME, 100), Instant::now());
        cache.arrive(key(1), of(7), start);
        cache.remove(&key(1), &of(7));
        let later = start + LIFETIME / 2;
        assert_eq!(cache.arrive(key(1), of(7), later), Arrival::New);
        cache.answered(&key(1), &of(7), b"answer");
        cache.sweep(start + LIFETIME);
        let again = cache.arrive(key(1), of(7), start + LIFETIME);
        assert_eq!(again, Arrival::Answered(b"answer".to_vec()));
    }

    #[test]
    fn answers_do_not_leak_from_one_exchange_into_the_next() {
        let (cache, mut now) = (Duplicates::new(LIFETIME, 100), Instant::now());
        for identifier in 0..=255 {
            assert_eq!(cache.arrive(key(identifier), of(7), now), Arrival::New);
            let copy = cache.arrive(key(identifier), of(7), now);
            assert_eq!(copy, Arrival::InProgress);
            cache.answered(&key(identifier), &of(7), &[identifier; 20]);
            now += LIFETIME;
        }
        assert_eq!(cache.len(), 1);
    }
}
