//! A packet as a view over the datagram's bytes (RFC 2865 §3). Parsing checks the whole frame
//! once and neither copies nor allocates; whether the packet is authentic is [`crate::verify`]'s.

use std::fmt;

use thiserror::Error;

use crate::attribute::{Attributes, read_attribute, vendor_attributes};
use crate::reader::Reader;
use crate::{AttributeType, Code, EapMessage};

/// Code, identifier, length and authenticator: also the shortest packet.
pub const HEADER: usize = 20;
/// The longest packet (RFC 2865 §3).
pub const MAX_PACKET: usize = 4096;

/// Why a datagram is no RADIUS packet. It is dropped and counted, never answered (R1).
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
pub enum ParseError {
    /// Fewer octets than a header.
    #[error("the datagram is shorter than a header of 20 octets")]
    DatagramBelowHeader,
    /// The Length field says less than 20.
    #[error("the Length field is below 20")]
    LengthBelowHeader,
    /// The Length field says more than 4096.
    #[error("the Length field is above 4096")]
    LengthAboveMaximum,
    /// The Length field says more than has arrived.
    #[error("the Length field is above the datagram's length")]
    LengthBeyondDatagram,
    /// The first octet is no known [`Code`].
    #[error("the Code is unknown")]
    UnknownCode,
    /// An attribute's length is 0 or 1.
    #[error("an attribute's length is below 2")]
    AttributeBelowHeader,
    /// An attribute runs past the packet's end.
    #[error("an attribute runs past the packet's end")]
    AttributeBeyondEnd,
}

impl ParseError {
    /// Every variant, for counters that start at zero.
    pub const ALL: [ParseError; 7] = [
        ParseError::DatagramBelowHeader,
        ParseError::LengthBelowHeader,
        ParseError::LengthAboveMaximum,
        ParseError::LengthBeyondDatagram,
        ParseError::UnknownCode,
        ParseError::AttributeBelowHeader,
        ParseError::AttributeBeyondEnd,
    ];

    /// A stable word for counters and the corpus.
    pub const fn label(&self) -> &'static str {
        match self {
            ParseError::DatagramBelowHeader => "datagram-below-header",
            ParseError::LengthBelowHeader => "length-below-header",
            ParseError::LengthAboveMaximum => "length-above-maximum",
            ParseError::LengthBeyondDatagram => "length-beyond-datagram",
            ParseError::UnknownCode => "unknown-code",
            ParseError::AttributeBelowHeader => "attribute-below-header",
            ParseError::AttributeBeyondEnd => "attribute-beyond-end",
        }
    }
}

/// A well-formed packet that may still be anybody's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    code: Code,
    identifier: u8,
    authenticator: &'a [u8; 16],
    attributes: &'a [u8],
    bytes: &'a [u8],
}

impl fmt::Debug for Packet<'_> {
    /// Code, identifier and length only; [`crate::describe`] says more.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} [{}]",
            self.code,
            self.identifier,
            self.bytes.len()
        )
    }
}

impl<'a> Packet<'a> {
    /// Reads the packet that `datagram` begins with; octets after its Length are padding (R1).
    ///
    /// # Errors
    /// The first [`ParseError`] in the order of the fields; the caller drops the datagram.
    pub fn parse(datagram: &'a [u8]) -> Result<Packet<'a>, ParseError> {
        let mut header = Reader::new(datagram);
        let (code, identifier, length, authenticator) =
            read_header(&mut header).ok_or(ParseError::DatagramBelowHeader)?;
        let length = check_length(length, datagram.len())?;
        let code = Code::from_octet(code).ok_or(ParseError::UnknownCode)?;
        let bytes = datagram
            .get(..length)
            .ok_or(ParseError::LengthBeyondDatagram)?;
        let attributes = bytes.get(HEADER..).ok_or(ParseError::LengthBelowHeader)?;
        let mut walk = Reader::new(attributes);
        while read_attribute(&mut walk)?.is_some() {}
        Ok(Packet {
            code,
            identifier,
            authenticator,
            attributes,
            bytes,
        })
    }

    /// Code of the packet.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// Pairs requests with replies.
    pub const fn identifier(&self) -> u8 {
        self.identifier
    }

    /// The Request Authenticator or the Response Authenticator.
    pub const fn authenticator(&self) -> &'a [u8; 16] {
        self.authenticator
    }

    /// The packet without padding, 20 to 4096 octets.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// All attributes in order.
    pub const fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.attributes)
    }

    /// The value of the first attribute of that kind.
    pub fn first(&self, kind: AttributeType) -> Option<&'a [u8]> {
        self.all(kind).next()
    }

    /// The values of all attributes of that kind, in order.
    pub fn all(&self, kind: AttributeType) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.attributes()
            .filter(move |attribute| attribute.kind == kind)
            .map(|attribute| attribute.value)
    }

    /// The first attribute of that kind as an integer; `None` too when it is not 4 octets long.
    pub fn integer(&self, kind: AttributeType) -> Option<u32> {
        let octets = self.first(kind)?.try_into().ok()?;
        Some(u32::from_be_bytes(octets))
    }

    /// The first sub-attribute `kind` of `vendor`. A Vendor-Specific attribute that lacks the
    /// recommended form (RFC 2865 §5.26) is passed over whole.
    pub fn vendor(&self, vendor: u32, kind: u8) -> Option<&'a [u8]> {
        self.all(AttributeType::VENDOR_SPECIFIC)
            .filter_map(vendor_attributes)
            .flatten()
            .find(|attribute| attribute.vendor == vendor && attribute.kind == kind)
            .map(|attribute| attribute.value)
    }

    /// The EAP packet in the EAP-Message attributes, if there are any (RFC 3579 §3.1).
    pub fn eap_message(&self) -> Option<EapMessage<'a>> {
        EapMessage::find(self)
    }
}

fn read_header<'a>(reader: &mut Reader<'a>) -> Option<(u8, u8, u16, &'a [u8; 16])> {
    Some((
        reader.octet()?,
        reader.octet()?,
        reader.u16()?,
        reader.array()?,
    ))
}

fn check_length(length: u16, datagram: usize) -> Result<usize, ParseError> {
    match usize::from(length) {
        ..HEADER => Err(ParseError::LengthBelowHeader),
        length if length > MAX_PACKET => Err(ParseError::LengthAboveMaximum),
        length if length > datagram => Err(ParseError::LengthBeyondDatagram),
        length => Ok(length),
    }
}

#[cfg(test)]
mod tests;
