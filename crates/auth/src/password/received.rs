//! A password as a device sent it, and how it can be read.
//!
//! RADIUS hands on octets, and each device makes its own of `blåbær`: UTF-8 composed or decomposed,
//! or Windows-1252. RFC 8265 §4.2 (OpaqueString) compares composed UTF-8 (NFC). So a password that
//! came has two readings at most, compared within one attempt:
//!
//! ```text
//! as it came ──┬── UTF-8:  composed ──────────────────────┐
//!              └── else:   read as Windows-1252, composed ┴─> canonical, where that differs
//! ```

use std::fmt;

use crate::symptom::Symptom;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use zeroize::Zeroizing;

/// OpenSSH's sshd sends this in the place of the password where it does not know the user, so that
/// PAM takes as long as for others (`auth-pam.c`). No password has control characters.
const STAND_IN: &[u8] = b"\x08\n\r\x7fINCORRECT";

/// Oddity of a password that was not right: for the log, since it tells an operator where to
/// look and a guesser nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordOddity {
    /// No UTF-8: it was read as Windows-1252 too.
    NotUtf8,
    /// A control character, which nobody types.
    Control,
}

impl PasswordOddity {
    /// The symptom that is recorded.
    pub const fn symptom(self) -> Symptom {
        match self {
            PasswordOddity::NotUtf8 => Symptom::PasswordNotUtf8,
            PasswordOddity::Control => Symptom::PasswordControl,
        }
    }

    /// As a clause.
    pub const fn sentence(self) -> &'static str {
        match self {
            PasswordOddity::NotUtf8 => {
                "the password is not UTF-8; it was tried as Windows-1252 as well"
            }
            PasswordOddity::Control => "the password has a control character in it",
        }
    }
}

/// The readings of one password: right is what one of them is.
#[derive(Clone, Copy)]
pub struct Readings<'p> {
    as_sent: &'p [u8],
    canonical: Option<&'p [u8]>,
}

impl<'p> Readings<'p> {
    /// A password as it came, and its [`canonical`] reading where that differs.
    pub fn new(as_sent: &'p [u8], canonical: Option<&'p [u8]>) -> Self {
        Readings { as_sent, canonical }
    }

    /// The one by which it is known again, and by which a directory is asked.
    pub fn canonical(&self) -> &'p [u8] {
        self.canonical.unwrap_or(self.as_sent)
    }

    /// All of them, the canonical one first.
    pub(crate) fn all(self) -> impl Iterator<Item = &'p [u8]> {
        let other = self.canonical.map(|_| self.as_sent);
        std::iter::once(self.canonical()).chain(other)
    }
}

impl<'p> From<&'p [u8]> for Readings<'p> {
    /// A password that is canonical as it came, or has no other reading.
    fn from(as_sent: &'p [u8]) -> Self {
        Readings::new(as_sent, None)
    }
}

impl<'p, const N: usize> From<&'p [u8; N]> for Readings<'p> {
    fn from(as_sent: &'p [u8; N]) -> Self {
        Readings::new(as_sent, None)
    }
}

impl fmt::Debug for Readings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readings([redacted])")
    }
}

/// The canonical reading of a password that came; `None` where that is how it came.
///
/// Allocates for one that differs only, at once and as much as it needs: no copy is left behind.
pub fn canonical(received: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if received.is_ascii() {
        return None;
    }
    let composed = match str::from_utf8(received) {
        Ok(text) if is_nfc(text) => return None,
        Ok(text) => composed(text.chars()),
        Err(_) => composed(received.iter().map(|octet| windows_1252(*octet))),
    };
    Some(composed)
}

/// A new password in the form in which it is kept.
pub fn composed_text(text: &str) -> Zeroizing<String> {
    let mut kept = Zeroizing::new(String::with_capacity(most_octets(text.chars())));
    kept.extend(text.nfc());
    kept
}

fn composed(text: impl Iterator<Item = char> + Clone) -> Zeroizing<Vec<u8>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(most_octets(text.clone())));
    for character in text.nfc() {
        let mut buffer = Zeroizing::new([0; 4]);
        octets.extend_from_slice(character.encode_utf8(buffer.as_mut_slice()).as_bytes());
    }
    octets
}

/// Composing makes text at most three times as long in UTF-8 (UAX #15 §12).
fn most_octets(text: impl Iterator<Item = char>) -> usize {
    3 * text.map(char::len_utf8).sum::<usize>()
}

/// Whether this is what sshd sends of a user whom its host does not know.
pub fn is_stand_in(received: &[u8]) -> bool {
    received == STAND_IN
}

/// The oddity of a password, if there is one.
pub fn oddity(received: &[u8]) -> Option<PasswordOddity> {
    match str::from_utf8(received) {
        Ok(text) if text.chars().any(char::is_control) => Some(PasswordOddity::Control),
        Ok(_) => None,
        Err(_) if characters(received).any(char::is_control) => Some(PasswordOddity::Control),
        Err(_) => Some(PasswordOddity::NotUtf8),
    }
}

/// Whether these octets are a password as it was sent, and not a User-Password read under another
/// shared secret: 16 octets at random, or several times as many (RFC 2865 §5.2).
///
/// Padding is proof: three zeros before the 16 are full come by chance once in sixteen million
/// times. Without it, text is: in UTF-8, or in Windows-1252 with letters only beyond ASCII, and
/// those a quarter at most. Of 16 random octets one set in ten thousand looks like that.
pub fn is_plausible(received: &[u8]) -> bool {
    const BLOCK: usize = 16;
    const PROOF: usize = 3;
    if received.len().next_multiple_of(BLOCK) - received.len() >= PROOF {
        return true;
    }
    if let Ok(text) = str::from_utf8(received) {
        return !text.chars().any(char::is_control);
    }
    let beyond_ascii = received.iter().filter(|octet| !octet.is_ascii()).count();
    let is_text = |c: char| match c.is_ascii() {
        true => !c.is_control(),
        false => c.is_alphabetic(),
    };
    4 * beyond_ascii <= received.len() && characters(received).all(is_text)
}

fn characters(octets: &[u8]) -> impl Iterator<Item = char> + Clone {
    octets.iter().map(|octet| windows_1252(*octet))
}

/// A character of Windows-1252; the five octets that have none are controls, as in Latin-1.
fn windows_1252(octet: u8) -> char {
    /// 0x80 to 0x9f; all others are as in Latin-1.
    const MIDDLE: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    let middle = usize::from(octet).checked_sub(0x80);
    let middle = middle.and_then(|index| MIDDLE.get(index));
    middle.copied().unwrap_or(char::from(octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATIN_1: &[u8] = b"bl\xe5b\xe6rsyltet\xf8y";
    const COMPOSED: &str = "blåbærsyltetøy";

    fn reading(received: &[u8]) -> Option<String> {
        let octets = canonical(received)?;
        Some(String::from_utf8(octets.to_vec()).unwrap())
    }

    #[test]
    fn every_way_to_send_a_password_has_the_same_canonical_reading() {
        assert_eq!(reading(LATIN_1).as_deref(), Some(COMPOSED));
        let decomposed = "bla\u{30a}bærsyltetøy";
        assert_eq!(reading(decomposed.as_bytes()).as_deref(), Some(COMPOSED));
        assert_eq!(reading(b"5 \x80 \x8a\xe5r").as_deref(), Some("5 € Šår"));
        for as_it_is in [COMPOSED, "correct horse", "", "tab\t", "日本語"] {
            assert_eq!(reading(as_it_is.as_bytes()), None, "{as_it_is}");
        }
        assert_eq!(*composed_text(decomposed), COMPOSED);
    }

    #[test]
    fn memory_is_taken_at_once_however_long_composing_makes_a_text() {
        // The longest of UAX #15 §12: U+1D160 becomes three characters of four octets.
        for text in [
            "\u{1d160}".repeat(40),
            "\u{fb2c}".repeat(40),
            "e\u{301}".repeat(60),
        ] {
            let needed = most_octets(text.chars());
            let octets = canonical(text.as_bytes()).unwrap();
            assert!(octets.len() <= needed && octets.capacity() == needed);
            assert!(composed_text(&text).capacity() == needed);
        }
    }

    #[test]
    fn oddity_is_told_of_what_nobody_types() {
        assert_eq!(oddity(COMPOSED.as_bytes()), None);
        assert_eq!(oddity(LATIN_1), Some(PasswordOddity::NotUtf8));
        assert_eq!(oddity(b"tab\t"), Some(PasswordOddity::Control));
        assert_eq!(oddity(b"\xe5\x81"), Some(PasswordOddity::Control));
        assert_eq!(
            oddity("next\u{85}line".as_bytes()),
            Some(PasswordOddity::Control)
        );
    }

    #[test]
    fn stand_in_of_sshd_is_known() {
        let sent = [
            8, 0x0a, 0x0d, 0x7f, 0x49, 0x4e, 0x43, 0x4f, 0x52, 0x52, 0x45, 0x43, 0x54,
        ];
        assert!(is_stand_in(&sent));
        assert!(!is_stand_in(b"INCORRECT"));
    }

    #[test]
    fn passwords_that_people_type_are_plausible() {
        let typed: [&[u8]; 7] = [
            LATIN_1,
            COMPOSED.as_bytes(),
            b"correct horse battery staple",
            b"",
            b"\xe6\xf8\xe5",
            "日本語日本語日本語".as_bytes(),
            STAND_IN,
        ];
        for typed in typed {
            assert!(is_plausible(typed), "{typed:?}");
        }
        let noise: [&[u8]; 3] = [
            b"0123456789abcde\x07",
            b"0123456789abcd\xb1\xd7",
            b"0123456789\xe5\xe5\xe5\xe5\xe5\xe5",
        ];
        for noise in noise {
            assert!(!is_plausible(noise), "{noise:?}");
        }
    }

    /// Of so many draws of a fixed sequence.
    #[test]
    fn of_sixteen_octets_at_random_hardly_any_are_plausible() {
        const DRAWS: usize = 200_000;
        let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut octet = || {
            // xorshift64*: plain, and good enough here.
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes()[0]
        };
        let mut draw = || -> [u8; 16] { std::array::from_fn(|_| octet()) };
        let plausible = (0..DRAWS).filter(|_| is_plausible(&draw())).count();
        assert!(plausible < DRAWS / 5_000, "{plausible}");
    }
}
