//! An EAP packet that lies in pieces in EAP-Message attributes (RFC 3579 §3.1).

use crate::{AttributeType, Packet};

/// The pieces of one EAP packet, still in the RADIUS packet.
///
/// Pieces count in their order even if other attributes stand between them: RFC 3579 forbids
/// that to the sender, and concatenating is what every NAS that does it means.
#[derive(Clone, Copy, Debug)]
pub struct EapMessage<'a> {
    packet: Packet<'a>,
    length: usize,
}

impl<'a> EapMessage<'a> {
    pub(crate) fn find(packet: &Packet<'a>) -> Option<Self> {
        packet.first(AttributeType::EAP_MESSAGE)?;
        let length = packet
            .all(AttributeType::EAP_MESSAGE)
            .map(<[u8]>::len)
            .sum();
        Some(EapMessage {
            packet: *packet,
            length,
        })
    }

    /// Octets of all pieces together.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether it is an EAP-Start: an EAP-Message without octets (RFC 3579 §2.1).
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The pieces in order.
    pub fn pieces(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.packet.all(AttributeType::EAP_MESSAGE)
    }

    /// Replaces what `buffer` held by the whole EAP packet; keeps its capacity.
    pub fn copy_into(&self, buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.reserve(self.length);
        for piece in self.pieces() {
            buffer.extend_from_slice(piece);
        }
    }
}
