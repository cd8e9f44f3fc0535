//! A packet as text, for logs, `explain` and the corpus. Passwords and keys, even hidden ones,
//! never show; text from strangers is escaped, so that it cannot pose as another line.

use std::fmt::{self, Display, Formatter};
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::attribute::{VendorAttribute, vendor_attributes};
use crate::dictionary::{self, Definition, ValueKind, value_name};
use crate::reader::Reader;
use crate::{Attribute, AttributeType, Packet};

/// Renders a packet: one line for the header, one for each attribute, without a last newline.
///
/// ```text
/// Access-Request, identifier 7, 64 octets
///   User-Name = "alice"
///   User-Password = (16 octets hidden)
///   NAS-Port-Type = Wireless-802.11 (19)
/// ```
pub fn describe<'a>(packet: &Packet<'a>) -> impl Display + use<'a> {
    Description(*packet)
}

struct Description<'a>(Packet<'a>);

impl Display for Description<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Description(packet) = self;
        let (code, identifier) = (packet.code(), packet.identifier());
        write!(
            f,
            "{code}, identifier {identifier}, {} octets",
            packet.bytes().len()
        )?;
        let mut eap_has_begun = false;
        packet
            .attributes()
            .try_for_each(|attribute| match attribute.kind {
                AttributeType::EAP_MESSAGE if eap_has_begun => {
                    write!(f, "\n  {} = {}", attribute.kind, Hidden(attribute.value))
                }
                kind => {
                    eap_has_begun |= kind == AttributeType::EAP_MESSAGE;
                    write_attribute(f, attribute)
                }
            })
    }
}

fn write_attribute(f: &mut Formatter<'_>, attribute: Attribute<'_>) -> fmt::Result {
    if attribute.kind == AttributeType::VENDOR_SPECIFIC {
        return write_vendor_specific(f, attribute.value);
    }
    write!(f, "\n  {}", attribute.kind)?;
    write_defined(f, dictionary::definition(attribute.kind), attribute.value)
}

fn write_vendor_specific(f: &mut Formatter<'_>, value: &[u8]) -> fmt::Result {
    match vendor_attributes(value) {
        Some(mut inside) => inside.try_for_each(|attribute| write_vendor_attribute(f, attribute)),
        None => write!(f, "\n  Vendor-Specific = {}", Hidden(value)),
    }
}

/// A vendor that is not in the dictionary may hide a key in any attribute: only its length shows.
fn write_vendor_attribute(f: &mut Formatter<'_>, attribute: VendorAttribute<'_>) -> fmt::Result {
    let VendorAttribute {
        vendor,
        kind,
        value,
    } = attribute;
    match dictionary::vendor_definition(vendor, kind) {
        Some(definition) => {
            write!(f, "\n  {}", definition.name)?;
            write_defined(f, Some(definition), value)
        }
        None => write!(
            f,
            "\n  Vendor-{vendor}-Attribute-{kind} = {}",
            Hidden(value)
        ),
    }
}

fn write_defined(
    f: &mut Formatter<'_>,
    definition: Option<&Definition>,
    value: &[u8],
) -> fmt::Result {
    match definition {
        Some(definition) if definition.secret => write!(f, " = {}", Hidden(value)),
        Some(definition) if definition.tagged => write_tagged(f, definition, value),
        Some(definition) => {
            f.write_str(" = ")?;
            write_value(f, definition, value)
        }
        None => write!(f, " = {}", Hex(value)),
    }
}

/// RFC 2868 §3: a tag takes the first of an integer's 4 octets; in text it is an octet before it,
/// unless that is above 0x1f.
fn write_tagged(f: &mut Formatter<'_>, definition: &Definition, value: &[u8]) -> fmt::Result {
    let integer = definition.kind == ValueKind::Integer;
    match (value, integer) {
        ([tag, high, middle, low], true) => {
            write_tag(f, *tag)?;
            write_value(f, definition, &[0, *high, *middle, *low])
        }
        ([tag @ ..=0x1f, text @ ..], false) => {
            write_tag(f, *tag)?;
            write_value(f, definition, text)
        }
        _ => {
            f.write_str(" = ")?;
            write_value(f, definition, value)
        }
    }
}

fn write_tag(f: &mut Formatter<'_>, tag: u8) -> fmt::Result {
    match tag {
        0 => f.write_str(" = "),
        tag => write!(f, ":{tag} = "),
    }
}

fn write_value(f: &mut Formatter<'_>, definition: &Definition, value: &[u8]) -> fmt::Result {
    let written = match definition.kind {
        ValueKind::Text => return write_text(f, value),
        ValueKind::Piece if definition.number == AttributeType::EAP_MESSAGE.0 => {
            return write_first_eap_piece(f, value);
        }
        ValueKind::Integer => fixed(value).map(|octets| write_integer(f, definition, octets)),
        ValueKind::Integer64 => {
            fixed(value).map(|octets| write!(f, "{}", u64::from_be_bytes(octets)))
        }
        ValueKind::Time => fixed(value).map(|octets| write!(f, "{} s", u32::from_be_bytes(octets))),
        ValueKind::Ipv4 => fixed::<4>(value).map(|octets| write!(f, "{}", Ipv4Addr::from(octets))),
        ValueKind::Ipv6 => fixed::<16>(value).map(|octets| write!(f, "{}", Ipv6Addr::from(octets))),
        ValueKind::InterfaceId => fixed::<8>(value).map(|_| write!(f, "{}", Hex(value))),
        ValueKind::Ipv6Prefix => ipv6_prefix(value).map(|(to, bits)| write!(f, "{to}/{bits}")),
        ValueKind::String | ValueKind::Piece => Some(write!(f, "{}", Hex(value))),
        ValueKind::Extended | ValueKind::VendorSpecific => Some(write!(f, "{}", Hidden(value))),
    };
    written.unwrap_or_else(|| write!(f, "{} (malformed)", Hex(value)))
}

fn fixed<const N: usize>(value: &[u8]) -> Option<[u8; N]> {
    value.try_into().ok()
}

fn write_integer(f: &mut Formatter<'_>, definition: &Definition, octets: [u8; 4]) -> fmt::Result {
    let value = u32::from_be_bytes(octets);
    let kind = AttributeType(definition.number);
    match value_name(kind, value).filter(|_| definition.vendor.is_none()) {
        Some(name) => write!(f, "{name} ({value})"),
        None => write!(f, "{value}"),
    }
}

/// UTF-8 in quotes with everything escaped that is not printable; other octets in hex.
fn write_text(f: &mut Formatter<'_>, value: &[u8]) -> fmt::Result {
    match std::str::from_utf8(value) {
        Ok(text) => write!(f, "{text:?}"),
        Err(_) => write!(f, "{}", Hex(value)),
    }
}

/// Code, identifier, length and type from the first piece: what comes after may be a password.
fn write_first_eap_piece(f: &mut Formatter<'_>, value: &[u8]) -> fmt::Result {
    let head = value.get(..5).unwrap_or(value);
    match value.len() - head.len() {
        0 => write!(f, "{}", Hex(head)),
        hidden => write!(f, "{} ({hidden} octets hidden)", Hex(head)),
    }
}

/// RFC 3162 §2.3: a reserved octet, the length in bits, and at most 16 octets of prefix.
fn ipv6_prefix(value: &[u8]) -> Option<(Ipv6Addr, u8)> {
    let mut reader = Reader::new(value);
    let (_reserved, bits) = (reader.octet()?, reader.octet()?);
    let prefix = reader.take(reader.remaining())?;
    if bits > 128 || prefix.len() > 16 || prefix.len() * 8 < usize::from(bits) {
        return None;
    }
    let mut octets = [0; 16];
    for (to, from) in octets.iter_mut().zip(prefix) {
        *to = *from;
    }
    Some((Ipv6Addr::from(octets), bits))
}

struct Hex<'a>(&'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

struct Hidden<'a>(&'a [u8]);

impl Display for Hidden<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "({} octets hidden)", self.0.len())
    }
}

#[cfg(test)]
mod tests;
