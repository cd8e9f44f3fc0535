//! Seals what is as good as a password before it is written: AES-256-GCM under the server's key.
//!
//! A thief of the database file, or of a backup of it, needs the key as well. One who reads this
//! machine's disk while the key lies beside the database has both.

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

use super::StoreError;
use super::folder::DataFolder;

/// Octets of a key.
const KEY_OCTETS: usize = 32;
/// What is sealed for an account can be opened for no other, and for no other purpose.
const PURPOSE: &[u8] = b"portvakt account secrets\0";

/// The key that NT hashes and CHAP secrets are sealed with, and the file it came from.
#[derive(Debug)]
pub struct SealingKey {
    key: RandomizedNonceKey,
    path: PathBuf,
}

/// The key in the text of its file: 32 octets in base64, as `openssl rand -base64 32` makes them.
#[must_use]
pub(crate) fn decode(text: &[u8]) -> Option<Zeroizing<[u8; KEY_OCTETS]>> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let mut octets = Zeroizing::new([0; KEY_OCTETS]);
    let length = Base64::decode(text, &mut *octets).ok()?.len();
    (length == KEY_OCTETS).then_some(octets)
}

impl SealingKey {
    /// The key in `text`, which was read from `path`.
    ///
    /// # Errors
    /// [`StoreError::SealingKeyMalformed`].
    pub fn parse(path: &Path, text: &[u8]) -> Result<Self, StoreError> {
        let key = decode(text)
            .and_then(|octets| RandomizedNonceKey::new(&AES_256_GCM, octets.as_slice()).ok());
        let path = path.to_owned();
        match key {
            Some(key) => Ok(Self { key, path }),
            None => Err(StoreError::SealingKeyMalformed { path }),
        }
    }

    /// The key in the data folder. `in_use` says that something is sealed already: then a missing
    /// one is not made anew, or what it sealed would be lost without a word.
    pub(super) fn of_folder(folder: &DataFolder, in_use: bool) -> Result<Self, StoreError> {
        let path = folder.sealing_key();
        let unusable = |cause| StoreError::SealingKeyUnusable {
            path: path.clone(),
            cause,
        };
        let text = match std::fs::read(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound && in_use => {
                return Err(StoreError::SealingKeyMissing { path });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = generate();
                folder.write_sealing_key(&text).map_err(unusable)?;
                text
            }
            Err(error) => return Err(unusable(error)),
        };
        Self::parse(&path, &text)
    }

    /// The file it came from.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Nonce, ciphertext, tag. The nonce is random: a key is good for 2^32 of them.
    pub(super) fn seal(
        &self,
        account: &str,
        mut secret: Zeroizing<Vec<u8>>,
    ) -> Result<Vec<u8>, StoreError> {
        let sealed = self
            .key
            .seal_in_place_separate_tag(aad(account), &mut secret);
        let (nonce, tag) = sealed.map_err(|_| unsealable(account))?;
        Ok([nonce.as_ref().as_slice(), secret.as_slice(), tag.as_ref()].concat())
    }

    /// What [`seal`](Self::seal) sealed for this account.
    pub(super) fn open(
        &self,
        account: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.try_open(account, sealed)
            .map_err(|_| unsealable(account))
    }

    fn try_open(&self, account: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unspecified)?;
        let mut text = Zeroizing::new(text.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self
            .key
            .open_in_place(nonce, aad(account), &mut text)?
            .len();
        text.truncate(length);
        Ok(text)
    }
}

fn aad(account: &str) -> Aad<Vec<u8>> {
    Aad::from([PURPOSE, account.as_bytes()].concat())
}

fn unsealable(account: &str) -> StoreError {
    StoreError::Unsealable {
        account: account.to_owned(),
    }
}

fn generate() -> Zeroizing<Vec<u8>> {
    let octets = Zeroizing::new(crate::random::bytes::<KEY_OCTETS>());
    let text = Zeroizing::new(Base64::encode_string(octets.as_slice()));
    Zeroizing::new([text.as_bytes(), b"\n"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SealingKey {
        SealingKey::parse(Path::new("sealing.key"), &generate()).unwrap()
    }

    fn secret() -> Zeroizing<Vec<u8>> {
        Zeroizing::new(b"an NT hash".to_vec())
    }

    #[test]
    fn sealed_secret_opens_for_its_own_account_and_key_alone() {
        let key = key();
        let sealed = key.seal("anna", secret()).unwrap();
        assert_eq!(*key.open("anna", &sealed).unwrap(), *secret());
        assert!(key.open("bo", &sealed).is_err());
        assert!(self::key().open("anna", &sealed).is_err());
    }

    #[test]
    fn altered_or_shortened_text_does_not_open() {
        let key = key();
        let sealed = key.seal("anna", secret()).unwrap();
        for index in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[index] ^= 1;
            assert!(key.open("anna", &altered).is_err(), "octet {index}");
            assert!(
                key.open("anna", &sealed[..index]).is_err(),
                "{index} octets"
            );
        }
    }

    #[test]
    fn same_secret_is_sealed_differently_each_time_and_shows_nothing() {
        let key = key();
        let sealed = key.seal("anna", secret()).unwrap();
        assert_ne!(sealed, key.seal("anna", secret()).unwrap());
        assert!(!sealed.windows(7).any(|octets| octets == b"NT hash"));
    }

    #[test]
    fn key_is_32_octets_in_base64() {
        let parse = |text: &str| SealingKey::parse(Path::new("k"), text.as_bytes());
        let good = Base64::encode_string(&[7; 32]);
        assert!(parse(&format!("{good}\n")).is_ok());
        for wrong in ["", "c2hvcnQ=", &Base64::encode_string(&[7; 33]), "????"] {
            let error = parse(wrong).unwrap_err();
            assert!(
                error.to_string().contains("openssl rand -base64 32"),
                "{error}"
            );
        }
    }
}
