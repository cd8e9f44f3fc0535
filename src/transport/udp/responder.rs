//! The duty to answer one request, exactly once: now, late, or by saying nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::reject_delay::Delayed;
use super::send_batch;
use super::socket::{Endpoints, ServerSocket};
use crate::transport::duplicates::{Duplicates, Fingerprint, Key};

/// What all answers of a socket share.
pub(in crate::transport) struct Outbox {
    /// The socket that they leave from.
    pub socket: ServerSocket,
    /// The cache that keeps answers for retransmissions.
    pub duplicates: Duplicates,
    /// Where rejects wait.
    pub delayed: Delayed,
}

/// The duty to answer one request. Dropped unused, it forgets the request, so that a
/// retransmission gets a new chance.
pub struct Responder {
    outbox: Arc<Outbox>,
    endpoints: Endpoints,
    identifier: u8,
    fingerprint: Fingerprint,
    arrived: Instant,
    answered: bool,
}

impl Responder {
    pub(in crate::transport) fn new(
        outbox: Arc<Outbox>,
        endpoints: Endpoints,
        identifier: u8,
        fingerprint: Fingerprint,
        arrived: Instant,
    ) -> Self {
        Self {
            outbox,
            endpoints,
            identifier,
            fingerprint,
            arrived,
            answered: false,
        }
    }

    /// When the request came in.
    #[must_use]
    pub fn arrived(&self) -> Instant {
        self.arrived
    }

    /// The address that the request came from.
    #[must_use]
    pub fn peer(&self) -> std::net::SocketAddr {
        self.endpoints.peer
    }

    /// Sends `datagram` now and keeps it for retransmissions.
    pub fn send(mut self, datagram: &[u8]) {
        self.answered = true;
        let duplicates = &self.outbox.duplicates;
        duplicates.answered(&self.key(), &self.fingerprint, datagram);
        send_batch::send(&self.outbox.socket, datagram, self.endpoints);
    }

    /// Sends `datagram` once `delay` has passed since the request came in (R6).
    ///
    /// Until then a retransmission meets silence, as while the first copy is worked on: answering
    /// it early would tell what the delay hides.
    pub fn send_after(self, delay: Duration, datagram: &[u8]) {
        if delay.is_zero() {
            return self.send(datagram);
        }
        let due = self.arrived + delay;
        let outbox = Arc::clone(&self.outbox);
        outbox.delayed.put(due, self, datagram);
    }

    fn key(&self) -> Key {
        self.outbox.key(self.endpoints, self.identifier)
    }
}

impl Outbox {
    /// What names an exchange at this socket.
    pub(in crate::transport) fn key(&self, endpoints: Endpoints, identifier: u8) -> Key {
        Key {
            peer: endpoints.peer,
            local_port: self.socket.address().port(),
            identifier,
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if !self.answered {
            let duplicates = &self.outbox.duplicates;
            duplicates.remove(&self.key(), &self.fingerprint);
        }
    }
}
