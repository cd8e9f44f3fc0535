//! Answers that leave together: while a receiving thread works through a batch of requests, its
//! answers gather here, and one system call sends them. Other threads send theirs one by one.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch_io::{Letter, MANY};
use super::responder::Outbox;
use super::socket::{Endpoint, Path};

/// How long an answer waits for the others of its batch: a TLS handshake among them takes longer.
const PATIENCE: Duration = Duration::from_micros(200);

/// The answers that one thread has gathered.
struct Outgoing {
    outbox: Arc<Outbox>,
    octets: Vec<u8>,
    letters: Vec<(Range<usize>, Path)>,
    /// When the last look found none waiting: no answer waits longer than since then.
    empty_at: Option<Instant>,
}

thread_local! {
    /// Of a thread that sends in batches.
    static OUTGOING: RefCell<Option<Outgoing>> = const { RefCell::new(None) };
}

/// From now on this thread gathers what it sends for `outbox`, and for no other.
pub(in crate::transport) fn gather(outbox: &Arc<Outbox>) {
    OUTGOING.with_borrow_mut(|outgoing| match outgoing {
        Some(outgoing) => outgoing.outbox = Arc::clone(outbox),
        None => {
            *outgoing = Some(Outgoing {
                outbox: Arc::clone(outbox),
                octets: Vec::new(),
                letters: Vec::new(),
                empty_at: None,
            });
        }
    });
}

/// Sends `datagram`: with the others, where this thread gathers for `endpoint`, else now.
///
/// A datagram that the kernel does not take is lost as any other on the wire: the client asks
/// again, and the duplicate cache has the answer.
pub(in crate::transport) fn send(endpoint: &Endpoint, datagram: &[u8], path: Path) {
    let gathered = OUTGOING.with_borrow_mut(|outgoing| match outgoing {
        Some(outgoing) if std::ptr::eq(&raw const outgoing.outbox.endpoint, endpoint) => {
            outgoing.add(datagram, path);
            true
        }
        _ => false,
    });
    if !gathered {
        let letter = Letter {
            octets: datagram,
            path,
        };
        endpoint.send(std::iter::once(letter));
    }
}

/// Sends what has waited too long.
pub(in crate::transport) fn send_overdue() {
    OUTGOING.with_borrow_mut(|outgoing| {
        if let Some(outgoing) = outgoing {
            outgoing.send_overdue(Instant::now());
        }
    });
}

/// Sends all that was gathered.
pub(in crate::transport) fn send_all() {
    OUTGOING.with_borrow_mut(|outgoing| {
        if let Some(outgoing) = outgoing {
            outgoing.send_all();
        }
    });
}

impl Outgoing {
    fn add(&mut self, datagram: &[u8], path: Path) {
        let begin = self.octets.len();
        self.octets.extend_from_slice(datagram);
        self.letters.push((begin..self.octets.len(), path));
        if self.letters.len() >= MANY {
            self.send_all();
        }
    }

    fn send_overdue(&mut self, now: Instant) {
        let empty_at = *self.empty_at.get_or_insert(now);
        if now.duration_since(empty_at) > PATIENCE {
            self.send_all();
        }
        if self.letters.is_empty() {
            self.empty_at = Some(now);
        }
    }

    fn send_all(&mut self) {
        let letter = |(place, path): &(Range<usize>, Path)| Letter {
            octets: self.octets.get(place.clone()).unwrap_or_default(),
            path: *path,
        };
        let mut sent = 0;
        while sent < self.letters.len() {
            let left = self.letters.iter().skip(sent).map(letter);
            sent += self.outbox.endpoint.send(left);
        }
        self.letters.clear();
        self.octets.clear();
        self.empty_at = None;
    }
}
