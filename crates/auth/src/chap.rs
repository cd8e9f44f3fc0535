//! CHAP (RFC 1994) as the authenticator computes it, and the secret it needs in clear text.

use base64ct::{Base64, Encoding};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

/// The longest secret, in octets: as long as a User-Password (RFC 2865 §5.2).
pub const MAX_CHAP_SECRET_OCTETS: usize = 128;

/// The secret of a device that speaks nothing better than CHAP: 1..=128 octets.
///
/// CHAP can be checked only with the secret itself (RFC 1994 §2.1), so whoever reads the store
/// has it. It is no person's password: an account has it beside its password, if at all. Redacted
/// in `Debug`, wiped on drop, compared in constant time. Serialised in base64.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct ChapSecret(Zeroizing<Vec<u8>>);

/// Why octets are no CHAP secret. Never holds any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ChapSecretError {
    /// An empty secret opens nothing (P1).
    #[error("the CHAP secret is empty")]
    Empty,
    /// More than [`MAX_CHAP_SECRET_OCTETS`].
    #[error("the CHAP secret is longer than 128 octets")]
    TooLong,
    /// The stored text is no base64.
    #[error("the stored CHAP secret is no base64")]
    Malformed,
}

impl ChapSecret {
    /// Takes a secret of 1..=128 octets.
    ///
    /// # Errors
    /// [`ChapSecretError::Empty`] and [`ChapSecretError::TooLong`].
    pub fn new(octets: &[u8]) -> Result<ChapSecret, ChapSecretError> {
        match octets.len() {
            0 => Err(ChapSecretError::Empty),
            1..=MAX_CHAP_SECRET_OCTETS => Ok(ChapSecret(Zeroizing::new(octets.to_vec()))),
            _ => Err(ChapSecretError::TooLong),
        }
    }

    /// The octets themselves. Not for logs.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// A secret that nobody has: for users that do not exist (P5).
    pub(crate) fn dummy() -> ChapSecret {
        ChapSecret(Zeroizing::new(b"portvakt: nobody".to_vec()))
    }
}

impl PartialEq for ChapSecret {
    fn eq(&self, other: &ChapSecret) -> bool {
        self.reveal().ct_eq(other.reveal()).into()
    }
}

impl Eq for ChapSecret {}

impl fmt::Debug for ChapSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChapSecret([redacted])")
    }
}

impl TryFrom<String> for ChapSecret {
    type Error = ChapSecretError;

    fn try_from(text: String) -> Result<ChapSecret, ChapSecretError> {
        let text = Zeroizing::new(text);
        let octets = Base64::decode_vec(&text).map_err(|_| ChapSecretError::Malformed)?;
        ChapSecret::new(&Zeroizing::new(octets))
    }
}

impl Serialize for ChapSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(Base64::encode_string(self.reveal())))
    }
}

/// A peer's response to a CHAP challenge (RFC 1994 §4.1).
#[derive(Clone)]
pub struct ChapExchange {
    /// Of challenge and response.
    pub identifier: u8,
    /// Ours, or the NAS's.
    pub challenge: Vec<u8>,
    /// MD5 over identifier, secret and challenge.
    pub response: [u8; 16],
}

impl fmt::Debug for ChapExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChapExchange([redacted])")
    }
}

/// The response that the peer owes: for what plays the peer, and for [`check`].
pub fn response(secret: &ChapSecret, identifier: u8, challenge: &[u8]) -> [u8; 16] {
    let mut digest = Md5::new();
    digest.update([identifier]);
    digest.update(secret.reveal());
    digest.update(challenge);
    digest.finalize().into()
}

/// Whether the response is that of this secret. Constant-time compare; below 1 µs.
///
/// An empty challenge is answered by the same response every time, so it proves nothing.
pub fn check(secret: &ChapSecret, exchange: &ChapExchange) -> bool {
    let expected = response(secret, exchange.identifier, &exchange.challenge);
    bool::from(expected.ct_eq(&exchange.response)) && !exchange.challenge.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> ChapSecret {
        ChapSecret::new(text.as_bytes()).unwrap()
    }

    /// RFC 1321 §A.5: MD5 of "abc" and of "message digest", cut into identifier, secret, challenge.
    #[test]
    fn response_is_md5_over_identifier_secret_and_challenge() {
        let digest = "900150983cd24fb0d6963f7d28e17f72";
        let made = response(&secret("b"), b'a', b"c");
        let text: String = made.iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(text, digest);
        let made = response(&secret("essage "), b'm', b"digest");
        assert_eq!(made[..4], [0xf9, 0x6b, 0x69, 0x7d]);
    }

    #[test]
    fn response_fits_its_own_identifier_challenge_and_secret_alone() {
        let right = response(&secret("printer"), 7, &[1; 16]);
        let fits = |secret: &ChapSecret, identifier, challenge: &[u8]| {
            let exchange = ChapExchange {
                identifier,
                challenge: challenge.to_vec(),
                response: right,
            };
            check(secret, &exchange)
        };
        assert!(fits(&secret("printer"), 7, &[1; 16]));
        assert!(!fits(&secret("printed"), 7, &[1; 16]));
        assert!(!fits(&secret("printer"), 8, &[1; 16]));
        assert!(!fits(&secret("printer"), 7, &[2; 16]));
    }

    #[test]
    fn response_to_no_challenge_proves_nothing() {
        let exchange = ChapExchange {
            identifier: 0,
            challenge: Vec::new(),
            response: response(&secret("printer"), 0, &[]),
        };
        assert!(!check(&secret("printer"), &exchange));
    }

    #[test]
    fn secret_has_one_to_128_octets() {
        assert_eq!(ChapSecret::new(b""), Err(ChapSecretError::Empty));
        assert_eq!(ChapSecret::new(&[1; 129]), Err(ChapSecretError::TooLong));
        assert!(ChapSecret::new(&[0; 128]).is_ok());
    }

    #[test]
    fn stored_secret_is_read_back_and_what_is_none_is_refused() {
        let stored = serde_json::to_string(&secret("printer")).unwrap();
        assert_eq!(stored, "\"cHJpbnRlcg==\"");
        let read = serde_json::from_str::<ChapSecret>(&stored).unwrap();
        assert_eq!(read, secret("printer"));
        for wrong in ["\"\"", "\"cHJpbnRlcg\"", "\"?\"", "7"] {
            assert!(
                serde_json::from_str::<ChapSecret>(wrong).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", secret("printer")), "ChapSecret([redacted])");
    }
}
