//! Attributes as they stand in a packet: type, length, value (RFC 2865 §5), and the recommended
//! form of vendor attributes inside Vendor-Specific (§5.26). Nothing here copies.

use std::fmt;

use crate::dictionary;
use crate::packet::ParseError;
use crate::reader::Reader;

/// The most octets one attribute's value can have: 255 less type and length.
pub const MAX_VALUE: usize = 253;

/// An attribute's number. Its constants (`AttributeType::USER_NAME` …) come from [`dictionary`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeType(pub u8);

impl fmt::Display for AttributeType {
    /// The dictionary's name, or `Attribute-` and the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match dictionary::definition(*self) {
            Some(definition) => f.write_str(definition.name),
            None => write!(f, "Attribute-{}", self.0),
        }
    }
}

impl fmt::Debug for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One attribute of a packet: its number and the octets after its length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The attribute's number.
    pub kind: AttributeType,
    /// 0 to 253 octets.
    pub value: &'a [u8],
}

impl fmt::Debug for Attribute<'_> {
    /// Name and length only: the value may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.kind, self.value.len())
    }
}

/// Reads one attribute, or nothing at the end.
pub(crate) fn read_attribute<'a>(
    reader: &mut Reader<'a>,
) -> Result<Option<Attribute<'a>>, ParseError> {
    let Some(kind) = reader.octet() else {
        return Ok(None);
    };
    let length = reader.octet().ok_or(ParseError::AttributeBeyondEnd)?;
    let length = usize::from(length)
        .checked_sub(2)
        .ok_or(ParseError::AttributeBelowHeader)?;
    let value = reader.take(length).ok_or(ParseError::AttributeBeyondEnd)?;
    let kind = AttributeType(kind);
    Ok(Some(Attribute { kind, value }))
}

/// The attributes of a packet in their order.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    reader: Reader<'a>,
}

impl<'a> Attributes<'a> {
    /// `bytes` have passed [`crate::Packet::parse`]; were they not, the walk would end early.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Attributes {
            reader: Reader::new(bytes),
        }
    }

    /// How many octets follow the attribute that `next` returned last.
    pub(crate) const fn remaining(&self) -> usize {
        self.reader.remaining()
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        read_attribute(&mut self.reader).ok().flatten()
    }
}

/// One sub-attribute of a Vendor-Specific attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VendorAttribute<'a> {
    /// The vendor's private enterprise number.
    pub vendor: u32,
    /// The vendor's number for the attribute.
    pub kind: u8,
    /// 0 to 247 octets.
    pub value: &'a [u8],
}

impl fmt::Debug for VendorAttribute<'_> {
    /// Vendor, number and length only: the value may be a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}[{}]", self.vendor, self.kind, self.value.len())
    }
}

/// Splits the value of a Vendor-Specific attribute; `None` unless all of it has the form that
/// RFC 2865 §5.26 recommends: vendor (4 octets), then type, length and value, once or more.
pub fn vendor_attributes(value: &[u8]) -> Option<VendorAttributes<'_>> {
    let mut reader = Reader::new(value);
    let vendor = reader.u32()?;
    let mut walk = reader;
    while read_attribute(&mut walk).ok()?.is_some() {}
    (!reader.is_empty()).then_some(VendorAttributes { vendor, reader })
}

/// The sub-attributes of one Vendor-Specific attribute, in order.
#[derive(Clone, Copy, Debug)]
pub struct VendorAttributes<'a> {
    vendor: u32,
    reader: Reader<'a>,
}

impl<'a> Iterator for VendorAttributes<'a> {
    type Item = VendorAttribute<'a>;

    fn next(&mut self) -> Option<VendorAttribute<'a>> {
        let Attribute { kind, value } = read_attribute(&mut self.reader).ok()??;
        Some(VendorAttribute {
            vendor: self.vendor,
            kind: kind.0,
            value,
        })
    }
}
