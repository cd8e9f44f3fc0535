//! Messages to the peer, and when they leave: the first one that depends on a refusal is late.
//!
//! ```text
//!   Untold ── message, late ──> Told ── EAP-Failure, at once ──> end
//!     ^                          │  └── request, at once ──> Told
//!     └──── refusing verdict ────┴──── accepting verdict ──> Nothing
//! ```
//! A conversation has one [`Telling`], which alone makes messages: a method hands over type-data or
//! a cause, and cannot say when they leave.

use crate::packet::{self, Code};
use crate::verdict::Verdict;
use std::fmt;
use std::ops::Deref;

/// When a message may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// As soon as it is written.
    AtOnce,
    /// With the delay of refusals, counted from the arrival of the request that it answers: that it
    /// is sent, or what it says, depends on a refusal that the peer does not know yet. The time
    /// that the refusal took tells why it was one.
    Late,
}

/// An EAP packet for the peer, header included, that knows when it may leave.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct Message {
    packet: Vec<u8>,
    leaves: Leaves,
}

impl Message {
    /// EAP-Failure where there is no conversation: it is late, as nobody was told before.
    pub fn failure(identifier: u8) -> Self {
        Message {
            packet: packet::write_result(Code::Failure, identifier),
            leaves: Leaves::Late,
        }
    }

    /// When it may leave.
    #[must_use]
    pub fn leaves(&self) -> Leaves {
        self.leaves
    }
}

impl Deref for Message {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.packet
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (octets, leaves) = (self.packet.len(), self.leaves);
        write!(f, "Message({octets} octets, {leaves:?})")
    }
}

/// How much of the verdicts the peer knows by now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Telling {
    /// Nothing was refused.
    #[default]
    Nothing,
    /// A verdict refused, and no message has left since.
    Untold,
    /// The last one refused, and the peer has waited for the message that depends on it.
    Told,
}

impl Telling {
    /// Notes a verdict.
    pub(super) fn note(&mut self, verdict: &Verdict) {
        *self = match (verdict.is_accepting(), *self) {
            (false, _) | (true, Telling::Untold) => Telling::Untold,
            (true, Telling::Nothing | Telling::Told) => Telling::Nothing,
        };
    }

    /// An EAP-Request.
    pub(super) fn request(&mut self, packet: Vec<u8>) -> Message {
        let leaves = match self {
            Telling::Untold => Leaves::Late,
            Telling::Nothing | Telling::Told => Leaves::AtOnce,
        };
        self.tell(packet, leaves)
    }

    /// EAP-Failure: late unless the peer was told before.
    pub(super) fn failure(&mut self, packet: Vec<u8>) -> Message {
        let leaves = match self {
            Telling::Told => Leaves::AtOnce,
            Telling::Nothing | Telling::Untold => Leaves::Late,
        };
        self.tell(packet, leaves)
    }

    /// EAP-Success: nobody who was refused gets there.
    pub(super) fn success(&mut self, packet: Vec<u8>) -> Message {
        self.tell(packet, Leaves::AtOnce)
    }

    fn tell(&mut self, packet: Vec<u8>, leaves: Leaves) -> Message {
        if *self == Telling::Untold {
            *self = Telling::Told;
        }
        Message { packet, leaves }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(verdicts: &[Verdict]) -> Telling {
        let mut telling = Telling::default();
        verdicts.iter().for_each(|verdict| telling.note(verdict));
        telling
    }

    #[test]
    fn the_first_message_after_a_refusal_is_late_and_none_after_it() {
        let challenge = [7; 16];
        for refusing in [
            Verdict::Refused,
            Verdict::RefusedBecause(crate::MsChapV2Error::AccountDisabled),
            Verdict::Retry { challenge },
            Verdict::ChangePassword { challenge },
        ] {
            let mut telling = after(&[Verdict::Accepted, refusing]);
            let (mut requests, mut ends) = (telling, telling);
            assert_eq!(requests.request(vec![1]).leaves(), Leaves::Late);
            assert_eq!(requests.request(vec![1]).leaves(), Leaves::AtOnce);
            assert_eq!(requests.failure(vec![4]).leaves(), Leaves::AtOnce);
            assert_eq!(ends.failure(vec![4]).leaves(), Leaves::Late);
            let _late = telling.request(vec![1]);
            telling.note(&Verdict::Refused);
            telling.note(&Verdict::Accepted);
            assert_eq!(telling.request(vec![1]).leaves(), Leaves::Late, "each try");
        }
    }

    #[test]
    fn failures_that_no_verdict_was_told_before_are_late() {
        assert_eq!(after(&[]).failure(vec![4]).leaves(), Leaves::Late);
        let mut let_in = after(&[Verdict::Refused]);
        let _late = let_in.request(vec![1]);
        let_in.note(&Verdict::Accepted);
        assert_eq!(let_in.request(vec![1]).leaves(), Leaves::AtOnce);
        assert_eq!(let_in.failure(vec![4]).leaves(), Leaves::Late);
        assert_eq!(Message::failure(3).leaves(), Leaves::Late);
        assert_eq!(*Message::failure(3), [4, 3, 0, 4]);
    }
}
