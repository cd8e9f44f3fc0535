//! Encrypts the secrets of an account before they are stored: AES-256-GCM under the server's key.
//! Seals the keys of TLS session tickets too, and, under a key derived from that, the Class
//! attribute.
//!
//! Sealed are NT hashes and CHAP secrets, which open a log-on as they are; a password hash is not.
//! A thief of the database file, or of a backup, needs the key file as well. An intruder who reads
//! the disk of a machine on which the key lies beside the database has both.

mod class;
mod secrets;
mod ticket_keys;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use base64ct::{Base64, Encoding as _};
use thiserror::Error;
use zeroize::Zeroizing;

pub use class::{ClassKey, ClassReference, SealedClass};

/// Octets of a key.
const KEY_OCTETS: usize = 32;
/// Authenticated with each text, before the account: it opens for no other purpose or account.
const PURPOSE: &[u8] = b"portvakt account secrets\0";

/// Errors of a sealing key.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SealingError {
    /// The file holds no key.
    #[error(
        "{path} holds no sealing key, which is 32 octets in base64 (openssl rand -base64 32 makes \
         a new one)"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The sealed secrets of one account do not open.
    #[error(
        "the sealed secrets of the account {account} cannot be opened: the row is damaged or \
         from another database; restore a backup, or see \"The sealing key\" in docs/operating.md"
    )]
    Unopened {
        /// The account.
        account: String,
    },
}

/// The key that NT hashes and CHAP secrets are sealed with. Clones share it.
#[derive(Clone)]
pub struct SealingKey {
    key: Arc<RandomizedNonceKey>,
    class: ClassKey,
    path: PathBuf,
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SealingKey({})", self.path.display())
    }
}

impl SealingKey {
    /// Reads the key in `text`, the content of the file `path`: 32 octets in base64, white space
    /// around them allowed. `path` is kept for messages.
    ///
    /// # Errors
    /// [`SealingError::Malformed`].
    pub fn parse(path: &Path, text: &[u8]) -> Result<Self, SealingError> {
        let path = path.to_owned();
        match decode(text).and_then(|octets| keys(octets.as_slice()).ok()) {
            Some((key, class)) => Ok(Self { key, class, path }),
            None => Err(SealingError::Malformed { path }),
        }
    }

    /// A new key as the text of its file, from the system's random source.
    ///
    /// # Errors
    /// The random source refuses.
    pub fn generate() -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let mut octets = Zeroizing::new([0; KEY_OCTETS]);
        aws_lc_rs::rand::fill(octets.as_mut_slice())?;
        let text = Zeroizing::new(Base64::encode_string(octets.as_slice()));
        Ok(Zeroizing::new([text.as_bytes(), b"\n"].concat()))
    }

    /// The key of Class attributes, derived from this one.
    #[must_use]
    pub fn class_key(&self) -> &ClassKey {
        &self.class
    }

    /// The file that the key was read from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Encrypts `secret` for `account`: 12 octets of nonce, the ciphertext, 16 octets of tag.
    ///
    /// The nonce is random: a key is good for 2^32 texts.
    fn seal_text(&self, account: &str, secret: Zeroizing<Vec<u8>>) -> Result<Vec<u8>, Unspecified> {
        self.seal_octets(associated_data(account), secret)
    }

    fn seal_octets(
        &self,
        bound_to: Aad<Vec<u8>>,
        mut secret: Zeroizing<Vec<u8>>,
    ) -> Result<Vec<u8>, Unspecified> {
        let (nonce, tag) = self.key.seal_in_place_separate_tag(bound_to, &mut secret)?;
        Ok([nonce.as_ref().as_slice(), secret.as_slice(), tag.as_ref()].concat())
    }

    /// Decrypts the output of [`Self::seal_text`] for the same account.
    fn open_text(&self, account: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        self.open_octets(associated_data(account), sealed)
    }

    fn open_octets(
        &self,
        bound_to: Aad<Vec<u8>>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unspecified)?;
        let mut text = Zeroizing::new(text.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.key.open_in_place(nonce, bound_to, &mut text)?;
        let length = opened.len();
        text.truncate(length);
        Ok(text)
    }
}

fn keys(octets: &[u8]) -> Result<(Arc<RandomizedNonceKey>, ClassKey), Unspecified> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, octets)?;
    Ok((Arc::new(key), ClassKey::derived_from(octets)?))
}

fn decode(text: &[u8]) -> Option<Zeroizing<[u8; KEY_OCTETS]>> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let mut octets = Zeroizing::new([0; KEY_OCTETS]);
    let length = Base64::decode(text, &mut *octets).ok()?.len();
    (length == KEY_OCTETS).then_some(octets)
}

fn associated_data(account: &str) -> Aad<Vec<u8>> {
    Aad::from([PURPOSE, account.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SealingKey {
        SealingKey::parse(Path::new("sealing.key"), &SealingKey::generate().unwrap()).unwrap()
    }

    fn secret() -> Zeroizing<Vec<u8>> {
        Zeroizing::new(b"an NT hash".to_vec())
    }

    #[test]
    fn sealed_secret_opens_for_its_own_account_and_key_alone() {
        let key = key();
        let sealed = key.seal_text("anna", secret()).unwrap();
        assert_eq!(*key.open_text("anna", &sealed).unwrap(), *secret());
        assert_eq!(key.open_text("bo", &sealed), Err(Unspecified));
        assert_eq!(self::key().open_text("anna", &sealed), Err(Unspecified));
    }

    #[test]
    fn altered_or_shortened_text_does_not_open() {
        let key = key();
        let sealed = key.seal_text("anna", secret()).unwrap();
        for index in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[index] ^= 1;
            let (altered, short) = (
                key.open_text("anna", &altered),
                key.open_text("anna", &sealed[..index]),
            );
            assert_eq!(
                (altered, short),
                (Err(Unspecified), Err(Unspecified)),
                "{index}"
            );
        }
    }

    #[test]
    fn same_secret_is_sealed_differently_each_time_and_shows_nothing() {
        let key = key();
        let sealed = key.seal_text("anna", secret()).unwrap();
        assert_ne!(sealed, key.seal_text("anna", secret()).unwrap());
        assert!(!sealed.windows(7).any(|octets| octets == b"NT hash"));
    }

    #[test]
    fn key_is_32_octets_in_base64() {
        let parse = |text: &str| SealingKey::parse(Path::new("k"), text.as_bytes());
        let good = Base64::encode_string(&[7; 32]);
        assert_eq!(
            format!("{:?}", parse(&format!("{good}\n")).unwrap()),
            "SealingKey(k)"
        );
        for wrong in ["", "c2hvcnQ=", &Base64::encode_string(&[7; 33]), "????"] {
            let error = parse(wrong).unwrap_err();
            assert_eq!(error, SealingError::Malformed { path: "k".into() });
            assert!(
                error.to_string().contains("openssl rand -base64 32"),
                "{error}"
            );
        }
    }
}
