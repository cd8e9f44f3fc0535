//! Identity of an entry through every change of name and place.

use std::fmt;

use serde::{Deserialize, Serialize};

/// entryUUID (RFC 4530), objectGUID, or nsUniqueId: 16 octets that name an entry for good.
///
/// Written down as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryId([u8; 16]);

impl EntryId {
    /// From the 16 octets that a sync control or an objectGUID has.
    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        octets.try_into().ok().map(Self)
    }

    /// From an attribute's value: 16 octets, or 32 hexadecimal digits with hyphens anywhere among
    /// them, since entryUUID and nsUniqueId put them in different places.
    pub fn from_value(value: &[u8]) -> Option<Self> {
        Self::from_octets(value).or_else(|| Self::from_digits(value))
    }

    fn from_digits(text: &[u8]) -> Option<Self> {
        let mut octets = [0; 16];
        let mut digits = text.iter().filter(|octet| **octet != b'-');
        for octet in &mut octets {
            let high = digit(*digits.next()?)?;
            let low = digit(*digits.next()?)?;
            *octet = high << 4 | low;
        }
        digits.next().is_none().then_some(Self(octets))
    }

    /// The 16 octets.
    pub fn octets(&self) -> &[u8; 16] {
        &self.0
    }
}

/// A text that is no id.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("not 32 hexadecimal digits")]
pub struct NoEntryId;

impl TryFrom<String> for EntryId {
    type Error = NoEntryId;

    fn try_from(text: String) -> Result<Self, NoEntryId> {
        Self::from_digits(text.as_bytes()).ok_or(NoEntryId)
    }
}

impl From<EntryId> for String {
    fn from(id: EntryId) -> String {
        id.to_string()
    }
}

fn digit(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

impl fmt::Display for EntryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|octet| write!(formatter, "{octet:02x}"))
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EntryId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_an_id_are_one() {
        let octets = *b"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef";
        let id = EntryId::from_octets(&octets);
        assert!(id.is_some());
        for spelling in [
            &b"01234567-89ab-cdef-0123-456789abcdef"[..],
            b"01234567-89ABCDEF-01234567-89ABCDEF",
            b"0123456789abcdef0123456789abcdef",
            &octets,
        ] {
            assert_eq!(EntryId::from_value(spelling), id);
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let one_too_many = "01234567-89ab-cdef-0123-456789abcdef0";
        for value in ["", "g1234567-89ab-cdef-0123-456789abcdef", one_too_many] {
            assert_eq!(EntryId::from_value(value.as_bytes()), None);
        }
    }
}
