//! Keys of TLS session tickets, sealed for the database.

use aws_lc_rs::aead::Aad;
use aws_lc_rs::error::Unspecified;
use zeroize::Zeroizing;

use crate::SealingKey;

/// Octets of a key.
const KEY_OCTETS: usize = 32;
/// Authenticated with each key, before the slot: it opens for no other purpose or time.
const PURPOSE: &[u8] = b"portvakt ticket key\0";

impl SealingKey {
    /// Encrypts the key of the tickets of `slot`, a span of time: 60 octets.
    ///
    /// # Errors
    /// The random source refuses.
    pub fn seal_ticket_key(
        &self,
        slot: i64,
        key: &[u8; KEY_OCTETS],
    ) -> Result<Vec<u8>, Unspecified> {
        self.seal_octets(associated_data(slot), Zeroizing::new(key.to_vec()))
    }

    /// Decrypts the output of [`Self::seal_ticket_key`] for the same slot; `None` where another key
    /// sealed it, or it was altered.
    #[must_use]
    pub fn open_ticket_key(&self, slot: i64, sealed: &[u8]) -> Option<Zeroizing<[u8; KEY_OCTETS]>> {
        let opened = self.open_octets(associated_data(slot), sealed).ok()?;
        let key = <&[u8; KEY_OCTETS]>::try_from(opened.as_slice()).ok()?;
        Some(Zeroizing::new(*key))
    }
}

fn associated_data(slot: i64) -> Aad<Vec<u8>> {
    Aad::from([PURPOSE, &slot.to_be_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn key() -> SealingKey {
        SealingKey::parse(Path::new("k"), &SealingKey::generate().unwrap()).unwrap()
    }

    #[test]
    fn ticket_key_opens_for_its_own_slot_and_sealing_key_alone() {
        let key = key();
        let sealed = key.seal_ticket_key(7, &[1; 32]).unwrap();
        assert_eq!(key.open_ticket_key(7, &sealed).as_deref(), Some(&[1; 32]));
        assert_eq!(key.open_ticket_key(8, &sealed), None);
        assert_eq!(self::key().open_ticket_key(7, &sealed), None);
        for index in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[index] ^= 1;
            assert_eq!(key.open_ticket_key(7, &altered), None, "{index}");
            assert_eq!(key.open_ticket_key(7, &sealed[..index]), None, "{index}");
        }
    }
}
