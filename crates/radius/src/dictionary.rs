//! The attributes that are known by name: RFC 2865 to 2869, 2548 (Microsoft's), 3162, 3576/5176,
//! 3579, 3580, 4072, 4372, 4675, 4818, 4849, 5580, 6911, 6929, 7155 in part, 7268.
//!
//! Written by hand; looked up by number in one step. A packet may hold any other attribute too.

mod attributes;
pub mod microsoft;
mod values;

pub use values::value_name;

use crate::AttributeType;

/// Type of a value's octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// UTF-8.
    Text,
    /// Octets of any value.
    String,
    /// 4 octets, highest first.
    Integer,
    /// 8 octets, highest first.
    Integer64,
    /// 4 octets.
    Ipv4,
    /// 16 octets.
    Ipv6,
    /// 8 octets: the lower half of an IPv6 address (RFC 3162 §2.2).
    InterfaceId,
    /// Zero, prefix length, and the octets that are needed (RFC 3162 §2.3).
    Ipv6Prefix,
    /// 4 octets: seconds since 1970, UTC.
    Time,
    /// Type, length and value again, after a type octet (RFC 6929).
    Extended,
    /// Vendor, and what the vendor likes (RFC 2865 §5.26).
    VendorSpecific,
    /// A piece of a value that goes on in the next attribute of the kind (EAP-Message).
    Piece,
}

/// How a value is hidden on the wire under the shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encryption {
    /// Not at all.
    Clear,
    /// RFC 2865 §5.2.
    UserPassword,
    /// RFC 2868 §3.5 and RFC 2548 §2.4: with a salt.
    Salted,
}

/// One entry of the dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// As the RFC spells it.
    pub name: &'static str,
    /// The attribute's number, the vendor's own if it is a vendor's.
    pub number: u8,
    /// The private enterprise number of the vendor, if it is a vendor's.
    pub vendor: Option<u32>,
    /// Type of the octets.
    pub kind: ValueKind,
    /// How they are hidden.
    pub encryption: Encryption,
    /// Whether the value begins with a tag octet (RFC 2868 §3).
    pub tagged: bool,
    /// Whether even the wire form helps an attacker to the password or the key: never printed.
    pub secret: bool,
}

impl Definition {
    const fn new(name: &'static str, number: u8, kind: ValueKind) -> Self {
        Definition {
            name,
            number,
            vendor: None,
            kind,
            encryption: Encryption::Clear,
            tagged: false,
            secret: false,
        }
    }

    const fn of_vendor(mut self, vendor: u32) -> Self {
        self.vendor = Some(vendor);
        self
    }

    const fn tagged(mut self) -> Self {
        self.tagged = true;
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    const fn encrypted(mut self, encryption: Encryption) -> Self {
        self.encryption = encryption;
        self.secret()
    }
}

/// A slot for each number an octet can have.
type Table = [Option<&'static Definition>; 256];

/// Puts each definition into the slot of its number, while compiling.
#[expect(
    clippy::indexing_slicing,
    reason = "runs in the compiler; a u8 indexes 256 slots"
)]
const fn table(definitions: &'static [Definition]) -> Table {
    let mut table: Table = [None; 256];
    let mut next = 0;
    while next < definitions.len() {
        let definition = &definitions[next];
        table[definition.number as usize] = Some(definition);
        next += 1;
    }
    table
}

/// The definition of an attribute; one step.
pub fn definition(kind: AttributeType) -> Option<&'static Definition> {
    static TABLE: Table = table(attributes::DEFINITIONS);
    *TABLE.get(usize::from(kind.0))?
}

/// The definition of a vendor's attribute; one step. Microsoft is the only vendor so far.
pub fn vendor_definition(vendor: u32, kind: u8) -> Option<&'static Definition> {
    static MICROSOFT: Table = table(microsoft::DEFINITIONS);
    match vendor {
        microsoft::VENDOR => *MICROSOFT.get(usize::from(kind))?,
        _ => None,
    }
}

/// All definitions, the vendors' last.
pub fn definitions() -> impl Iterator<Item = &'static Definition> {
    attributes::DEFINITIONS.iter().chain(microsoft::DEFINITIONS)
}

/// The definition of that name, however its letters are cased. Walks the table: for reading a
/// configuration, not for packets.
pub fn find(name: &str) -> Option<&'static Definition> {
    definitions().find(|definition| definition.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests;
