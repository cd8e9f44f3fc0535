//! Answers to datagrams: sent from the socket that was asked, kept for retransmissions (R4).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::reject_delay::RejectDelay;
use super::socket::ServerSocket;
use crate::transport::Purpose;
use crate::transport::duplicates::{Duplicates, Fingerprint, Key};
use crate::transport::peer::Endpoints;

/// The sending side of a socket, shared by its answers.
pub(in crate::transport) struct Outbox {
    /// The socket that they leave from.
    pub socket: ServerSocket,
    /// The requests that it serves.
    pub purpose: Purpose,
    /// The cache that keeps answers for retransmissions.
    pub duplicates: Duplicates,
    /// Rejects that wait, of all sockets.
    pub delayed: RejectDelay,
}

/// The duty to answer one datagram. Dropped unused, it forgets the request.
pub(in crate::transport) struct UdpResponder {
    outbox: Arc<Outbox>,
    endpoints: Endpoints,
    identifier: u8,
    fingerprint: Fingerprint,
    arrived: Instant,
    answered: bool,
}

impl UdpResponder {
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

    /// Sends `datagram` now and keeps it for retransmissions.
    pub(in crate::transport) fn send(mut self, datagram: &[u8]) {
        self.answered = true;
        let duplicates = &self.outbox.duplicates;
        duplicates.answered(&self.key(), &self.fingerprint, datagram);
        self.outbox.socket.send(datagram, self.endpoints);
    }

    /// Sends `datagram` once `delay` has passed since the request came in (R6).
    ///
    /// Until then a retransmission meets silence, as while the first copy is worked on: answering
    /// it early would tell what the delay hides.
    pub(in crate::transport) fn send_after(self, delay: Duration, datagram: &[u8]) {
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
    /// The key of an exchange at this socket.
    pub(in crate::transport) fn key(&self, endpoints: Endpoints, identifier: u8) -> Key {
        Key {
            peer: endpoints.peer,
            local_port: self.socket.address().port(),
            identifier,
        }
    }
}

impl Drop for UdpResponder {
    fn drop(&mut self) {
        if !self.answered {
            let duplicates = &self.outbox.duplicates;
            duplicates.remove(&self.key(), &self.fingerprint);
        }
    }
}
