//! The duty to answer one request, exactly once: now, late, or by saying nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::delay::{DelayLine, Parcel};
use super::duplicates::{Duplicates, Key};
use super::socket::{Endpoint, Path};

/// What all answers of a listener share.
pub(super) struct Outbox {
    /// The cache that keeps answers for retransmissions.
    pub duplicates: Duplicates,
    /// Where rejects wait.
    pub delay: DelayLine,
}

/// The duty to answer one request. Dropped unused, it forgets the request, so that a
/// retransmission gets a new chance.
pub struct Answer {
    outbox: Arc<Outbox>,
    endpoint: Arc<Endpoint>,
    path: Path,
    key: Key,
    authenticator: [u8; 16],
    arrived: Instant,
    answered: bool,
}

impl Answer {
    pub(super) fn new(
        outbox: Arc<Outbox>,
        endpoint: Arc<Endpoint>,
        path: Path,
        key: Key,
        authenticator: [u8; 16],
        arrived: Instant,
    ) -> Self {
        Self {
            outbox,
            endpoint,
            path,
            key,
            authenticator,
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
        self.path.peer
    }

    /// Sends `datagram` now and keeps it for retransmissions.
    pub fn send(self, datagram: &[u8]) {
        self.keep(datagram).send();
    }

    /// Sends `datagram` once `delay` has passed since the request came in (R6).
    ///
    /// Until then a retransmission meets silence, as while the first copy is worked on: answering
    /// it early would tell what the delay hides.
    pub fn send_after(mut self, delay: Duration, datagram: &[u8]) {
        self.answered = true;
        let due = self.arrived + delay;
        let outbox = Arc::clone(&self.outbox);
        outbox.delay.send_at(due, self, datagram);
    }

    fn keep(mut self, datagram: &[u8]) -> Parcel {
        self.answered = true;
        self.remember(Arc::from(datagram))
    }

    /// Puts the bytes into the duplicate cache and packs them for sending.
    pub(super) fn remember(&self, bytes: Arc<[u8]>) -> Parcel {
        self.outbox
            .duplicates
            .answered(&self.key, &self.authenticator, &bytes);
        Parcel {
            bytes,
            endpoint: Arc::clone(&self.endpoint),
            path: self.path,
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.answered {
            self.outbox
                .duplicates
                .remove(&self.key, &self.authenticator);
        }
    }
}
