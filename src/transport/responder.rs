//! The duty to answer one request, exactly once: now, late, or by saying nothing.

use std::time::Duration;

use super::udp::responder::UdpResponder;

/// The duty to answer one request. Dropped unused, it has the transport forget the request, so that a
/// retransmission gets a new chance.
pub struct Responder(Transport);

enum Transport {
    Udp(UdpResponder),
    #[cfg(test)]
    Collecting(std::sync::mpsc::Sender<Collected>),
}

/// A reply that a test collects in the place of a transport.
#[cfg(test)]
pub(crate) struct Collected {
    /// By how much later than its request the reply leaves, at least.
    pub delay: Duration,
    /// The reply.
    pub packet: Vec<u8>,
}

impl Responder {
    /// A responder that hands its reply to a test.
    #[cfg(test)]
    pub(crate) fn collecting(replies: std::sync::mpsc::Sender<Collected>) -> Self {
        Self(Transport::Collecting(replies))
    }

    /// Sends `packet` once `delay` has passed since the request came in (R6); at once if it is zero.
    ///
    /// Until then a retransmission meets silence, as while the first copy is worked on: answering
    /// it early would tell what the delay hides. Does not block.
    pub fn send_after(self, delay: Duration, packet: &[u8]) {
        match self.0 {
            Transport::Udp(responder) => responder.send_after(delay, packet),
            #[cfg(test)]
            Transport::Collecting(replies) => {
                let packet = packet.to_vec();
                // A test that has ended collects no more.
                let _ = replies.send(Collected { delay, packet });
            }
        }
    }
}

impl From<UdpResponder> for Responder {
    fn from(responder: UdpResponder) -> Self {
        Self(Transport::Udp(responder))
    }
}
