//! Answers that leave together: while a receiving thread works through a batch of requests, its
//! answers gather here, and one system call sends them. Other threads send theirs one by one.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch_io::{BATCH, Outbound};
use super::responder::Outbox;
use super::socket::ServerSocket;
use crate::transport::peer::Endpoints;

/// How long an answer waits for the others of its batch: a TLS handshake among them takes longer.
const MAX_BATCH_DELAY: Duration = Duration::from_micros(200);

/// The answers that one thread has gathered.
struct Outgoing {
    outbox: Arc<Outbox>,
    octets: Vec<u8>,
    batch: Vec<(Range<usize>, Endpoints)>,
    /// When the last look found none waiting: no answer waits longer than since then.
    empty_at: Option<Instant>,
}

thread_local! {
    /// Of a thread that sends in batches.
    static OUTGOING: RefCell<Option<Outgoing>> = const { RefCell::new(None) };
}

/// From now on this thread gathers what it sends for `outbox`, and for no other.
pub(in crate::transport) fn batch_for(outbox: &Arc<Outbox>) {
    OUTGOING.with_borrow_mut(|outgoing| match outgoing {
        Some(outgoing) => outgoing.outbox = Arc::clone(outbox),
        None => {
            *outgoing = Some(Outgoing {
                outbox: Arc::clone(outbox),
                octets: Vec::new(),
                batch: Vec::new(),
                empty_at: None,
            });
        }
    });
}

/// Sends `datagram`: with the others, where this thread gathers for `socket`, else now.
///
/// A datagram that the kernel does not take is lost as any other on the wire: the client asks
/// again, and the duplicate cache has the answer.
pub(in crate::transport) fn send(socket: &ServerSocket, datagram: &[u8], endpoints: Endpoints) {
    let gathered = OUTGOING.with_borrow_mut(|outgoing| match outgoing {
        Some(outgoing) if std::ptr::eq(&raw const outgoing.outbox.socket, socket) => {
            outgoing.add(datagram, endpoints);
            true
        }
        _ => false,
    });
    if !gathered {
        let outbound = Outbound {
            octets: datagram,
            endpoints,
        };
        socket.send(std::iter::once(outbound));
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
    fn add(&mut self, datagram: &[u8], endpoints: Endpoints) {
        let begin = self.octets.len();
        self.octets.extend_from_slice(datagram);
        self.batch.push((begin..self.octets.len(), endpoints));
        if self.batch.len() >= BATCH {
            self.send_all();
        }
    }

    fn send_overdue(&mut self, now: Instant) {
        let empty_at = *self.empty_at.get_or_insert(now);
        if now.duration_since(empty_at) > MAX_BATCH_DELAY {
            self.send_all();
        }
        if self.batch.is_empty() {
            self.empty_at = Some(now);
        }
    }

    fn send_all(&mut self) {
        let outbound = |(place, endpoints): &(Range<usize>, Endpoints)| Outbound {
            octets: self.octets.get(place.clone()).unwrap_or_default(),
            endpoints: *endpoints,
        };
        let mut sent = 0;
        while sent < self.batch.len() {
            let left = self.batch.iter().skip(sent).map(outbound);
            sent += self.outbox.socket.send(left);
        }
        self.batch.clear();
        self.octets.clear();
        self.empty_at = None;
    }
}
