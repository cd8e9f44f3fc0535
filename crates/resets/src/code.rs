//! One-time codes and PINs: their form, and how they are read as people type them.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use portvakt_auth::AccountId;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Crockford's 32 signs: without `i`, `l`, `o` and `u`, which look like others.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Longest text that is read as a code, in octets; more is wrong at once.
const MOST_TYPED: usize = 64;

/// A one-time code of 13 signs: 65 bits. Over 64 bits it needs no rate limit against guessing
/// (OWASP ASVS 5.0 6.6.3), under 112 it must be kept as a hash (6.5.2).
///
/// Wiped when dropped; `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ResetCode(Zeroizing<String>);

impl ResetCode {
    /// Signs of a code.
    pub const SIGNS: usize = 13;

    /// The code of 13 random octets, of each of which five bits count.
    pub fn from_random(random: &[u8; Self::SIGNS]) -> ResetCode {
        let signs = random
            .iter()
            .filter_map(|octet| ALPHABET.get(usize::from(octet & 31)));
        let mut code = Zeroizing::new(String::with_capacity(Self::SIGNS));
        code.extend(signs.map(|sign| char::from(*sign)));
        ResetCode(code)
    }

    /// Reads a code as it was typed: in either case, with spaces and hyphens anywhere, with `o` for
    /// `0`, and `i` or `l` for `1`. `None` for all else.
    pub fn parse(typed: &str) -> Option<ResetCode> {
        if typed.len() > MOST_TYPED {
            return None;
        }
        let mut code = Zeroizing::new(String::with_capacity(MOST_TYPED));
        for character in typed.chars().filter(|c| !matches!(c, ' ' | '-')) {
            let sign = match character.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                sign => sign,
            };
            let is_known = u8::try_from(sign).is_ok_and(|octet| ALPHABET.contains(&octet));
            is_known.then(|| code.push(sign))?;
        }
        (code.len() == Self::SIGNS).then_some(ResetCode(code))
    }

    /// As it is shown and sent: `k7mq-9x2w-4bcde`.
    pub fn grouped(&self) -> Zeroizing<String> {
        let mut grouped = Zeroizing::new(String::with_capacity(Self::SIGNS + 2));
        for (index, sign) in self.0.chars().enumerate() {
            if matches!(index, 4 | 8) {
                grouped.push('-');
            }
            grouped.push(sign);
        }
        grouped
    }

    /// The octets that are hashed.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for ResetCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResetCode([redacted])")
    }
}

/// A key that PINs are hashed with beside Argon2id: ten thousand hashes without it are an afternoon's
/// work for a thief of the database. Wiped when dropped.
#[derive(Clone)]
pub struct Pepper(Zeroizing<Vec<u8>>);

impl Pepper {
    /// Least octets of a pepper.
    pub const LEAST: usize = 16;

    /// A pepper of [`LEAST`](Self::LEAST) octets or more.
    pub fn new(octets: &[u8]) -> Option<Pepper> {
        (octets.len() >= Self::LEAST).then(|| Pepper(Zeroizing::new(octets.to_vec())))
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper([redacted])")
    }
}

/// A PIN of four digits, as text: `0042` is not 42. It confirms what IT support has checked; it is no
/// password.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// Reads a PIN as it was typed; spaces are left out, and nothing else.
    pub fn parse(typed: &str) -> Option<Pin> {
        if typed.len() > MOST_TYPED {
            return None;
        }
        let mut digits = Zeroizing::new(String::with_capacity(MOST_TYPED));
        digits.extend(typed.chars().filter(|c| *c != ' '));
        let is_pin = digits.len() == 4 && digits.bytes().all(|octet| octet.is_ascii_digit());
        is_pin.then_some(Pin(digits))
    }

    /// The octets that are hashed: HMAC-SHA-256 under the pepper over account and PIN, so that the
    /// hash of one account says nothing of another.
    pub fn peppered(&self, pepper: &Pepper, account: &AccountId) -> Zeroizing<Vec<u8>> {
        let mut material = Zeroizing::new(Vec::with_capacity(64));
        // HMAC takes a key of any length.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&pepper.0) {
            mac.update(account.as_str().as_bytes());
            mac.update(&[0]);
            mac.update(self.0.as_bytes());
            material.extend_from_slice(&mac.finalize().into_bytes());
        }
        material
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin([redacted])")
    }
}

/// Text that was typed where a code or PIN was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offered {
    /// A one-time code.
    Code(ResetCode),
    /// A PIN.
    Pin(Pin),
    /// Neither: wrong, and counted like it.
    Neither,
}

impl Offered {
    /// Reads what was typed.
    pub fn parse(typed: &str) -> Offered {
        let code = ResetCode::parse(typed).map(Offered::Code);
        let pin = || Pin::parse(typed).map(Offered::Pin);
        code.or_else(pin).unwrap_or(Offered::Neither)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const RANDOM: [u8; 13] = [0, 31, 32, 255, 10, 11, 12, 13, 14, 15, 16, 17, 18];

    #[test]
    fn code_has_13_signs_of_five_bits_in_groups() {
        let code = ResetCode::from_random(&RANDOM);
        assert_eq!(*code.grouped(), "0z0z-abcd-efghj");
        let signs: HashSet<_> = (0..=255)
            .map(|octet| ResetCode::from_random(&[octet; 13]).as_bytes().to_vec())
            .collect();
        assert_eq!(signs.len(), 32);
    }

    #[test]
    fn code_is_read_as_people_type_it() {
        let code = ResetCode::from_random(&RANDOM);
        for typed in [
            "0z0z-abcd-efghj",
            " OZOZ abcd EFGHJ ",
            "0z0zabcdefghj",
            "o-z-o-z-a-b-c-d-e-f-g-h-j",
        ] {
            assert_eq!(ResetCode::parse(typed), Some(code.clone()), "{typed}");
        }
        let one = ResetCode::parse("1111111111111").unwrap();
        assert_eq!(ResetCode::parse("1lIi-1111-11111"), Some(one));
        for typed in [
            "",
            "0z0z-abcd-efgh",
            "0z0z-abcd-efghjk",
            "0z0z-abcd-efgh!",
            "uuuuuuuuuuuuu",
        ] {
            assert_eq!(ResetCode::parse(typed), None, "{typed}");
        }
        assert_eq!(ResetCode::parse(&"0".repeat(1 << 20)), None);
        assert_eq!(ResetCode::parse("ｚｚｚｚｚｚｚｚｚｚｚｚｚ"), None);
    }

    #[test]
    fn pin_is_text_with_its_zeros() {
        let kari = AccountId::new("kari").unwrap();
        let pepper = Pepper::new(b"sixteen octets at least").unwrap();
        let peppered = |typed| Pin::parse(typed).unwrap().peppered(&pepper, &kari);
        assert_eq!(peppered("0042"), peppered(" 00 42"));
        assert_ne!(peppered("0042"), peppered("4200"));
        for typed in ["42", "00042", "004a", "00-42", "٠٠٤٢", ""] {
            assert_eq!(Pin::parse(typed), None, "{typed}");
        }
    }

    #[test]
    fn peppered_pin_is_of_one_account_and_one_pepper() {
        let pin = Pin::parse("1234").unwrap();
        let (kari, ola) = (
            AccountId::new("kari").unwrap(),
            AccountId::new("ola").unwrap(),
        );
        let [one, other] = [b"sixteen octets at least", b"sixteen octets at LEAST"]
            .map(|o| Pepper::new(o).unwrap());
        assert_ne!(pin.peppered(&one, &kari), pin.peppered(&one, &ola));
        assert_ne!(pin.peppered(&one, &kari), pin.peppered(&other, &kari));
        assert!(Pepper::new(b"fifteen octets!").is_none());
    }

    #[test]
    fn nothing_of_a_code_or_pin_is_shown() {
        let shown = format!(
            "{:?} {:?} {:?}",
            Offered::parse("0z0z-abcd-efghj"),
            Offered::parse("1234"),
            Pepper::new(&[b'p'; 16])
        );
        for part in ["0z0z", "1234", "ppp"] {
            assert!(!shown.contains(part), "{shown}");
        }
    }
}
