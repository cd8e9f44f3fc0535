//! MAC addresses in the spellings that equipment uses.

use std::fmt;

/// A MAC address (EUI-48).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddress([u8; 6]);

impl MacAddress {
    /// Reads twelve hexadecimal digits, with or without `-`, `:` or `.` between them:
    /// `02-00-00-AA-BB-CC`, `02:00:00:aa:bb:cc`, `0200.00aa.bbcc`, `020000aabbcc`. Text after the
    /// address is left out if it begins with `:` or `-` and is no hexadecimal digit, as in
    /// Called-Station-Id: `02-00-00-AA-BB-CC:eduroam` (RFC 3580 §3.20).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut octets = [0; 6];
        let mut rest = text.trim_matches(' ').bytes().peekable();
        for octet in &mut octets {
            let high = digit(&mut rest)?;
            let low = digit(&mut rest)?;
            *octet = high << 4 | low;
        }
        match (rest.next(), rest.next()) {
            (None, _) => Some(Self(octets)),
            (Some(b':' | b'-'), _) => Some(Self(octets)),
            _ => None,
        }
    }

    /// The six octets.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }
}

/// The next hexadecimal digit, past one separator.
fn digit(rest: &mut std::iter::Peekable<impl Iterator<Item = u8>>) -> Option<u8> {
    rest.next_if(|octet| matches!(octet, b'-' | b':' | b'.'));
    let digit = char::from(rest.next()?).to_digit(16)?;
    u8::try_from(digit).ok()
}

impl fmt::Display for MacAddress {
    /// As the audit log and `portvakt sessions` write it: `02-00-00-AA-BB-CC` (RFC 3580 §3.21).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02X}-{b:02X}-{c:02X}-{d:02X}-{e:02X}-{g:02X}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_the_same_device() {
        for text in [
            "02-00-00-AA-BB-CC",
            "02:00:00:aa:bb:cc",
            "0200.00aa.bbcc",
            "020000-aabbcc",
            "020000AABBCC",
            " 02-00-00-aa-bb-cc ",
            "02-00-00-AA-BB-CC:eduroam",
            "02:00:00:aa:bb:cc:campus wifi",
        ] {
            let device = MacAddress::parse(text).map(|mac| mac.to_string());
            assert_eq!(device.as_deref(), Some("02-00-00-AA-BB-CC"), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_device() {
        for text in [
            "",
            "10.77.0.100",
            "10.77.0.100[4500]",
            "02-00-00-AA-BB",
            "02-00-00-AA-BB-CCDD",
            "02--00-00-AA-BB-CC",
            "02_00_00_AA_BB_CC",
            "+4712345678",
            "å2-00-00-AA-BB-CC",
        ] {
            assert_eq!(MacAddress::parse(text), None, "{text}");
        }
    }
}
