//! Writes a packet into a caller's buffer: bounded, without allocation. [`crate::Reply`] and
//! [`crate::RequestWriter`] put their rules on top of it.

use thiserror::Error;

use crate::attribute::MAX_VALUE;
use crate::packet::{HEADER, MAX_PACKET};
use crate::{AttributeType, Code};

/// The buffer, or a packet of 4096 octets, is too small for what was to be written.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the packet has no room left")]
pub struct NoRoom;

/// Why an attribute was not written; the packet is as it was before.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PushError {
    /// No room is left in the buffer or the packet.
    #[error("the packet has no room left")]
    NoRoom,
    /// The value is longer than an attribute can be.
    #[error("the value is too long for an attribute")]
    ValueTooLong,
    /// The writer itself writes this attribute, or another method does.
    #[error("{0} is not for the caller to write")]
    Reserved(AttributeType),
    /// An Access-Reject may not hold this attribute (R7).
    #[error("{0} does not belong in an Access-Reject")]
    NotInReject(AttributeType),
    /// Reply-Message may not stand beside EAP-Message (RFC 3579 §2.6.5, R7).
    #[error("Reply-Message does not belong beside EAP-Message")]
    ReplyMessageBesideEap,
    /// A VLAN's name is empty or begins with an octet that would be read as a tag.
    #[error("the VLAN has an impossible name")]
    VlanName,
}

impl From<NoRoom> for PushError {
    fn from(_: NoRoom) -> Self {
        PushError::NoRoom
    }
}

/// Offset of Message-Authenticator's value when it comes first.
const MESSAGE_AUTHENTICATOR: usize = HEADER + 2;

pub(crate) struct Writer<'b> {
    buffer: &'b mut [u8],
    written: usize,
    limit: usize,
}

impl<'b> Writer<'b> {
    /// Writes the header, all but the length.
    pub(crate) fn new(
        buffer: &'b mut [u8],
        code: Code,
        identifier: u8,
        authenticator: &[u8; 16],
    ) -> Result<Self, NoRoom> {
        let limit = buffer.len().min(MAX_PACKET);
        let mut writer = Writer {
            buffer,
            written: 0,
            limit,
        };
        writer.raw(&[code.octet(), identifier, 0, 0])?;
        writer.raw(authenticator)?;
        Ok(writer)
    }

    /// Keeps `octets` back from what follows.
    pub(crate) fn reserve(&mut self, octets: usize) -> Result<(), NoRoom> {
        if octets > self.limit - self.written {
            return Err(NoRoom);
        }
        self.limit -= octets;
        Ok(())
    }

    /// Gives back what [`Writer::reserve`] kept.
    pub(crate) const fn release(&mut self, octets: usize) {
        self.limit += octets;
    }

    /// Octets as they are: a header's, or whole attributes.
    pub(crate) fn raw(&mut self, octets: &[u8]) -> Result<(), NoRoom> {
        let end = self.written + octets.len();
        if end > self.limit {
            return Err(NoRoom);
        }
        self.put(self.written, octets)?;
        self.written = end;
        Ok(())
    }

    /// One attribute whose value is the parts together.
    pub(crate) fn attribute(
        &mut self,
        kind: AttributeType,
        parts: &[&[u8]],
    ) -> Result<(), PushError> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let octet = u8::try_from(length + 2).map_err(|_| PushError::ValueTooLong)?;
        self.all_or_nothing(|writer| {
            writer.raw(&[kind.0, octet])?;
            parts.iter().try_for_each(|part| Ok(writer.raw(part)?))
        })
    }

    /// One Vendor-Specific attribute with one sub-attribute (RFC 2865 §5.26).
    pub(crate) fn vendor(&mut self, vendor: u32, kind: u8, value: &[u8]) -> Result<(), PushError> {
        let length = u8::try_from(value.len() + 2).map_err(|_| PushError::ValueTooLong)?;
        let parts: [&[u8]; 3] = [&vendor.to_be_bytes(), &[kind, length], value];
        self.attribute(AttributeType::VENDOR_SPECIFIC, &parts)
    }

    /// An EAP packet in as many EAP-Message attributes as it needs; an empty one is an EAP-Start.
    pub(crate) fn eap_message(&mut self, packet: &[u8]) -> Result<(), PushError> {
        if packet.is_empty() {
            return self.attribute(AttributeType::EAP_MESSAGE, &[]);
        }
        self.all_or_nothing(|writer| {
            packet
                .chunks(MAX_VALUE)
                .try_for_each(|piece| writer.attribute(AttributeType::EAP_MESSAGE, &[piece]))
        })
    }

    /// Message-Authenticator as the first attribute, still zero.
    pub(crate) fn message_authenticator(&mut self) -> Result<(), NoRoom> {
        debug_assert_eq!(self.written, HEADER, "it comes first");
        self.raw(&[AttributeType::MESSAGE_AUTHENTICATOR.0, 18])?;
        self.raw(&[0; 16])
    }

    /// Runs `write`; when it fails nothing of it remains.
    pub(crate) fn all_or_nothing(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), PushError>,
    ) -> Result<(), PushError> {
        let before = self.written;
        write(self).inspect_err(|_| self.written = before)
    }

    /// Fills in the Length field.
    pub(crate) fn set_length(&mut self) -> Result<(), NoRoom> {
        let length = u16::try_from(self.written).map_err(|_| NoRoom)?;
        self.put(2, &length.to_be_bytes())
    }

    /// Replaces the authenticator in the header.
    pub(crate) fn set_authenticator(&mut self, authenticator: &[u8; 16]) -> Result<(), NoRoom> {
        self.put(4, authenticator)
    }

    /// Replaces the zeros that [`Writer::message_authenticator`] wrote.
    pub(crate) fn set_message_authenticator(&mut self, value: &[u8; 16]) -> Result<(), NoRoom> {
        self.put(MESSAGE_AUTHENTICATOR, value)
    }

    /// The octets written so far.
    pub(crate) fn written(&self) -> &[u8] {
        self.buffer.get(..self.written).unwrap_or_default()
    }

    /// How many octets an attribute's value may have before the packet is full.
    pub(crate) fn room(&self) -> usize {
        self.limit - self.written
    }

    pub(crate) fn into_written(self) -> Result<&'b [u8], NoRoom> {
        self.buffer.get(..self.written).ok_or(NoRoom)
    }

    fn put(&mut self, at: usize, octets: &[u8]) -> Result<(), NoRoom> {
        let room = self.buffer.get_mut(at..at + octets.len());
        room.ok_or(NoRoom)?.copy_from_slice(octets);
        Ok(())
    }
}
