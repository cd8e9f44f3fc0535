//! The Class attribute of an Access-Accept (RFC 2865 §5.25): a sealed reference to the log-on, which
//! the NAS returns in accounting.
//!
//! ```text
//! version (1) = 1 | nonce (12) | AES-256-GCM-SIV of: milliseconds since 1970 (8), account | tag (16)
//! ```
//!
//! Opaque to the NAS, and another one each time: it tells nobody who came back. The key is derived
//! from the sealing key, so a reference outlives restarts. A Class that somebody else made, or
//! altered, opens nothing.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use jiff::Timestamp;
use portvakt_auth::AccountId;

/// The first octet: the version of this format.
const VERSION: u8 = 1;
/// Authenticated with each reference.
const PURPOSE: &[u8] = b"portvakt class";
/// Octets of a tag.
const TAG: usize = 16;
/// Octets before the account.
const TIME: usize = 8;
/// An attribute's value has no more octets.
const LONGEST: usize = 253;
/// An account's name fits up to here.
const LONGEST_ACCOUNT: usize = LONGEST - 1 - NONCE_LEN - TIME - TAG;

/// The key of Class attributes. Clones share it.
#[derive(Clone)]
pub struct ClassKey(Arc<LessSafeKey>);

/// A log-on, as a Class refers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassReference {
    /// The account that logged on.
    pub account: AccountId,
    /// When, to the millisecond.
    pub logged_on: Timestamp,
}

/// The value of a Class attribute.
pub struct SealedClass {
    octets: [u8; LONGEST],
    length: usize,
}

impl SealedClass {
    /// The octets of the value.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

impl ClassKey {
    /// The key that belongs to a sealing key of these octets.
    pub(crate) fn derived_from(sealing_key: &[u8]) -> Result<Self, Unspecified> {
        let extracted = Salt::new(HKDF_SHA256, &[]).extract(sealing_key);
        let expanded = extracted.expand(&[PURPOSE], HKDF_SHA256)?;
        let mut octets = zeroize::Zeroizing::new([0; 32]);
        expanded.fill(octets.as_mut_slice())?;
        let key = UnboundKey::new(&AES_256_GCM_SIV, octets.as_slice())?;
        Ok(Self(Arc::new(LessSafeKey::new(key))))
    }

    /// Seals a reference; `nonce` is random. `None` for an account whose name is too long for an
    /// attribute: above 216 octets.
    #[must_use]
    pub fn seal(
        &self,
        account: &AccountId,
        logged_on: Timestamp,
        nonce: [u8; NONCE_LEN],
    ) -> Option<SealedClass> {
        let name = account.as_str().as_bytes();
        if name.len() > LONGEST_ACCOUNT {
            return None;
        }
        let mut class = SealedClass {
            octets: [0; LONGEST],
            length: 1 + NONCE_LEN + TIME + name.len() + TAG,
        };
        let (version, rest) = class.octets.split_first_mut()?;
        let (of_nonce, rest) = rest.split_first_chunk_mut::<NONCE_LEN>()?;
        let (text, rest) = rest.split_at_mut_checked(TIME + name.len())?;
        (*version, *of_nonce) = (VERSION, nonce);
        let (time, of_name) = text.split_first_chunk_mut::<TIME>()?;
        *time = logged_on.as_millisecond().to_be_bytes();
        of_name.copy_from_slice(name);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let key = &self.0;
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(PURPOSE), text);
        rest.get_mut(..TAG)?.copy_from_slice(tag.ok()?.as_ref());
        Some(class)
    }

    /// Opens the value of a Class attribute; `None` unless this key sealed it.
    #[must_use]
    pub fn open(&self, class: &[u8]) -> Option<ClassReference> {
        let sealed = class.strip_prefix(&[VERSION])?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut octets = [0; LONGEST];
        let octets = octets.get_mut(..sealed.len())?;
        octets.copy_from_slice(sealed);
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let text = self
            .0
            .open_in_place(nonce, Aad::from(PURPOSE), octets)
            .ok()?;
        let (time, name) = text.split_first_chunk::<TIME>()?;
        let account = AccountId::new(str::from_utf8(name).ok()?).ok()?;
        let logged_on = Timestamp::from_millisecond(i64::from_be_bytes(*time)).ok()?;
        Some(ClassReference { account, logged_on })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(octet: u8) -> ClassKey {
        ClassKey::derived_from(&[octet; 32]).unwrap()
    }

    fn anna() -> ClassReference {
        ClassReference {
            account: AccountId::new("anna").unwrap(),
            logged_on: "2026-11-28T10:00:00.123Z".parse().unwrap(),
        }
    }

    fn sealed(of: &ClassReference, nonce: u8) -> Vec<u8> {
        let class = key(1).seal(&of.account, of.logged_on, [nonce; 12]);
        class.unwrap().as_bytes().to_vec()
    }

    /// AC8.
    #[test]
    fn reference_comes_back_from_its_own_key_alone() {
        let class = sealed(&anna(), 7);
        assert_eq!(key(1).open(&class), Some(anna()));
        assert_eq!(key(2).open(&class), None);
    }

    /// AC8.
    #[test]
    fn altered_or_foreign_class_opens_nothing() {
        let class = sealed(&anna(), 7);
        for index in 0..class.len() {
            let mut altered = class.clone();
            altered[index] ^= 1;
            assert_eq!(key(1).open(&altered), None, "{index}");
            assert_eq!(key(1).open(&class[..index]), None, "{index}");
        }
        for foreign in [&b""[..], b"OU=staff", &[1; 253], &[1; 300]] {
            assert_eq!(key(1).open(foreign), None);
        }
    }

    #[test]
    fn class_is_another_one_each_time_and_shows_nothing() {
        let (one, other) = (sealed(&anna(), 7), sealed(&anna(), 8));
        assert_ne!(one[13..], other[13..]);
        assert!(!one.windows(4).any(|octets| octets == b"anna"));
    }

    #[test]
    fn name_that_fits_into_no_attribute_has_no_class() {
        let named = |length| ClassReference {
            account: AccountId::new(&"x".repeat(length)).unwrap(),
            ..anna()
        };
        let longest = sealed(&named(LONGEST_ACCOUNT), 7);
        assert_eq!(longest.len(), 253);
        assert_eq!(key(1).open(&longest), Some(named(LONGEST_ACCOUNT)));
        let longer = named(LONGEST_ACCOUNT + 1);
        let class = key(1).seal(&longer.account, longer.logged_on, [7; 12]);
        assert!(class.is_none());
    }
}
