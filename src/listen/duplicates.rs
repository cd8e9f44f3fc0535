//! The duplicate cache (R4, RFC 5080 §2.2.2): a retransmission gets the same bytes again, or
//! silence while the first copy is still worked on, and never counts twice.
//!
//! Each socket has its own: the kernel hands a retransmission to the socket that had the first copy.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

/// What names an exchange: where it came from and the Identifier octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The address and port that the request came from.
    pub peer: SocketAddr,
    /// The port that it was sent to.
    pub local_port: u16,
    /// Its Identifier octet.
    pub identifier: u8,
}

/// What a request turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A new request, to be worked on.
    New,
    /// A copy of a request that is still being worked on: silence.
    InProgress,
    /// A copy of a request that was answered with these bytes: send them again.
    Answered(Arc<[u8]>),
}

struct Remembered {
    authenticator: [u8; 16],
    answer: Option<Arc<[u8]>>,
}

/// The exchanges of the last few seconds.
pub struct Duplicates {
    exchanges: DashMap<Key, Remembered, ahash::RandomState>,
    /// In order of arrival, so that forgetting costs what is forgotten and not what is kept.
    order: Mutex<VecDeque<(Instant, Key, [u8; 16])>>,
    length: AtomicUsize,
    lifetime: Duration,
    capacity: usize,
}

impl Duplicates {
    /// An empty cache whose entries live for `lifetime` (R4: 5 to 30 s); beyond `capacity` of them
    /// the oldest is forgotten early.
    #[must_use]
    pub fn new(lifetime: Duration, capacity: usize) -> Self {
        Self {
            exchanges: DashMap::default(),
            order: Mutex::default(),
            length: AtomicUsize::new(0),
            lifetime,
            capacity,
        }
    }

    /// Notes that a request came in and says what it is.
    ///
    /// A new authenticator under a used identifier is a new request and takes the old one's place.
    pub fn arrive(&self, key: Key, authenticator: &[u8; 16], now: Instant) -> Arrival {
        match self.exchanges.entry(key) {
            Entry::Occupied(mut entry) => {
                if entry.get().authenticator == *authenticator {
                    return match &entry.get().answer {
                        Some(answer) => Arrival::Answered(Arc::clone(answer)),
                        None => Arrival::InProgress,
                    };
                }
                entry.insert(Remembered {
                    authenticator: *authenticator,
                    answer: None,
                });
            }
            Entry::Vacant(entry) => {
                entry.insert(Remembered {
                    authenticator: *authenticator,
                    answer: None,
                });
            }
        }
        self.queue(key, *authenticator, now);
        Arrival::New
    }

    fn queue(&self, key: Key, authenticator: [u8; 16], now: Instant) {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        order.push_back((now, key, authenticator));
        let over = order.len().saturating_sub(self.capacity);
        // Most often empty, and then it costs nothing.
        let oldest: Vec<_> = order.drain(..over).collect();
        self.length.store(order.len(), Ordering::Relaxed);
        drop(order);
        for (_, key, authenticator) in oldest {
            self.remove(&key, &authenticator);
        }
    }

    /// Keeps the answer's bytes for later copies of the request.
    pub fn answered(&self, key: &Key, authenticator: &[u8; 16], answer: &Arc<[u8]>) {
        if let Some(mut remembered) = self.exchanges.get_mut(key)
            && remembered.authenticator == *authenticator
        {
            remembered.answer = Some(Arc::clone(answer));
        }
    }

    /// Forgets a request that will get no answer, so that a retransmission gets its chance.
    pub fn remove(&self, key: &Key, authenticator: &[u8; 16]) {
        self.exchanges.remove_if(key, |_, remembered| {
            remembered.authenticator == *authenticator
        });
    }

    /// Forgets what is older than the lifetime.
    pub fn sweep(&self, now: Instant) {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let old = order
            .iter()
            .take_while(|(arrived, ..)| now.duration_since(*arrived) >= self.lifetime)
            .count();
        let old: Vec<_> = order.drain(..old).collect();
        self.length.store(order.len(), Ordering::Relaxed);
        drop(order);
        for (_, key, authenticator) in old {
            self.remove(&key, &authenticator);
        }
    }

    /// How many exchanges are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

    /// R4.
    #[test]
    fn a_copy_meets_silence_until_the_answer_and_then_the_same_bytes() {
        let (cache, now) = (Duplicates::new(LIFETIME, 100), Instant::now());
        let answer: Arc<[u8]> = Arc::from(&b"answer"[..]);
        assert_eq!(cache.arrive(key(1), &[7; 16], now), Arrival::New);
        assert_eq!(cache.arrive(key(1), &[7; 16], now), Arrival::InProgress);
        cache.answered(&key(1), &[7; 16], &answer);
        assert_eq!(
            cache.arrive(key(1), &[7; 16], now),
            Arrival::Answered(answer)
        );
    }

    /// R4.
    #[test]
    fn a_new_authenticator_under_a_used_identifier_is_a_new_request() {
        let (cache, now) = (Duplicates::new(LIFETIME, 100), Instant::now());
        assert_eq!(cache.arrive(key(1), &[7; 16], now), Arrival::New);
        assert_eq!(cache.arrive(key(1), &[8; 16], now), Arrival::New);
        cache.answered(&key(1), &[7; 16], &Arc::from(&b"of the first"[..]));
        assert_eq!(cache.arrive(key(1), &[8; 16], now), Arrival::InProgress);
    }

    #[test]
    fn an_exchange_is_forgotten_after_its_lifetime_and_its_successor_is_not() {
        let (cache, start) = (Duplicates::new(LIFETIME, 100), Instant::now());
        cache.arrive(key(1), &[7; 16], start);
        cache.arrive(key(1), &[8; 16], start + LIFETIME / 2);
        cache.sweep(start + LIFETIME);
        assert_eq!(cache.len(), 1);
        assert_eq!(
            cache.arrive(key(1), &[8; 16], start + LIFETIME),
            Arrival::InProgress
        );
        cache.sweep(start + 2 * LIFETIME);
        assert!(cache.is_empty());
        assert_eq!(
            cache.arrive(key(1), &[8; 16], start + 2 * LIFETIME),
            Arrival::New
        );
    }

    #[test]
    fn beyond_its_capacity_the_oldest_is_forgotten() {
        let (cache, now) = (Duplicates::new(LIFETIME, 2), Instant::now());
        for identifier in 1..=3 {
            cache.arrive(key(identifier), &[7; 16], now);
        }
        assert_eq!(cache.len(), 2);
        assert_eq!(cache.arrive(key(3), &[7; 16], now), Arrival::InProgress);
        assert_eq!(cache.arrive(key(1), &[7; 16], now), Arrival::New);
    }

    #[test]
    fn an_unanswered_request_may_come_again() {
        let (cache, now) = (Duplicates::new(LIFETIME, 100), Instant::now());
        cache.arrive(key(1), &[7; 16], now);
        cache.remove(&key(1), &[7; 16]);
        assert_eq!(cache.arrive(key(1), &[7; 16], now), Arrival::New);
    }
}
