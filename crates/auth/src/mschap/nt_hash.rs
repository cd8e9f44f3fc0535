//! The NT hash: MD4 of the password in UTF-16, unsalted.

use md4::{Digest, Md4};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

/// NtPasswordHash (RFC 2759 §8.3). It is enough to log on by MS-CHAP without the password, so
/// it is kept like one: redacted in `Debug`, wiped on drop, compared in constant time. Serialised
/// as 32 hexadecimal digits.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct NtHash(Zeroizing<[u8; 16]>);

/// Why a text is no NT hash. Never holds any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NtHashError {
    /// Not 32 hexadecimal digits.
    #[error("an NT hash is 32 hexadecimal digits")]
    Malformed,
    /// An empty password is never accepted (P1).
    #[error("this is the NT hash of the empty password")]
    EmptyPassword,
}

impl NtHash {
    /// MD4 of no octets.
    const OF_EMPTY_PASSWORD: [u8; 16] = [
        0x31, 0xd6, 0xcf, 0xe0, 0xd1, 0x6a, 0xe9, 0x31, 0xb7, 0x3c, 0x59, 0xd7, 0xe0, 0xc0, 0x89,
        0xc0,
    ];

    /// The hash of a password: MD4 of its UTF-16LE, without byte order mark or terminator.
    pub fn of_password(password: &str) -> NtHash {
        Self::of_utf16(password.encode_utf16())
    }

    /// The same for UTF-16 that may be ill-formed.
    pub(super) fn of_units(units: &[u16]) -> NtHash {
        Self::of_utf16(units.iter().copied())
    }

    fn of_utf16(units: impl Iterator<Item = u16>) -> NtHash {
        let mut digest = Md4::new();
        for unit in units {
            digest.update(unit.to_le_bytes());
        }
        NtHash(Zeroizing::new(digest.finalize().into()))
    }

    /// Reads 32 hexadecimal digits of either case, as `sambaNTPassword` has them.
    ///
    /// # Errors
    /// [`NtHashError`].
    pub fn parse(text: &str) -> Result<NtHash, NtHashError> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 16 || !rest.is_empty() {
            return Err(NtHashError::Malformed);
        }
        let mut octets = Zeroizing::new([0; 16]);
        for (octet, pair) in octets.iter_mut().zip(pairs) {
            *octet = octet_of(*pair).ok_or(NtHashError::Malformed)?;
        }
        let hash = NtHash(octets);
        if hash.is_of_empty_password() {
            return Err(NtHashError::EmptyPassword);
        }
        Ok(hash)
    }

    /// 32 hexadecimal digits, upper case as Samba writes them. Not for logs.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(32));
        for octet in self.octets() {
            for digit in [octet >> 4, octet & 0xf] {
                text.extend(char::from_digit(digit.into(), 16).map(|c| c.to_ascii_uppercase()));
            }
        }
        text
    }

    /// A hash of no password that anybody has: for users that do not exist (P5).
    pub fn dummy() -> NtHash {
        NtHash(Zeroizing::new(*b"portvakt: nobody"))
    }

    /// Whether the password is the empty one, which opens nothing (P1).
    pub fn is_of_empty_password(&self) -> bool {
        bool::from(self.octets().ct_eq(&Self::OF_EMPTY_PASSWORD))
    }

    pub(super) fn octets(&self) -> &[u8; 16] {
        &self.0
    }

    /// HashNtPasswordHash (RFC 2759 §8.4).
    pub(super) fn hashed(&self) -> Zeroizing<[u8; 16]> {
        Zeroizing::new(Md4::digest(self.octets()).into())
    }
}

/// One octet from two hexadecimal digits.
fn octet_of(pair: [u8; 2]) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let [high, low] = pair;
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

impl PartialEq for NtHash {
    fn eq(&self, other: &NtHash) -> bool {
        self.octets().ct_eq(other.octets()).into()
    }
}

impl Eq for NtHash {}

impl fmt::Debug for NtHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NtHash([redacted])")
    }
}

impl TryFrom<String> for NtHash {
    type Error = NtHashError;

    fn try_from(text: String) -> Result<NtHash, NtHashError> {
        NtHash::parse(&Zeroizing::new(text))
    }
}

impl Serialize for NtHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.reveal())
    }
}
