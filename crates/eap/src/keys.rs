//! Keys and passwords: redacted in `Debug`, wiped when dropped.

use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Keys of a successful conversation, which both ends have (RFC 3748 §7.10).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Keys {
    /// Master Session Key: the first 32 octets go into MS-MPPE-Recv-Key, the next 32 into
    /// MS-MPPE-Send-Key (E4).
    pub msk: [u8; 64],
    /// Extended Master Session Key: stays here. Zeros of a method that has none.
    pub emsk: [u8; 64],
}

impl Keys {
    /// The keys of EAP-MSCHAPv2 without a tunnel: MasterReceiveKey and MasterSendKey as the server sees
    /// them (RFC 3079 §3.3), and zeros up to 64 octets, as strongSwan and Windows make them. There is
    /// no EMSK.
    pub(crate) fn of_ms_chap_v2(key: &InnerKey) -> Self {
        let mut keys = Keys {
            msk: [0; 64],
            emsk: [0; 64],
        };
        for (to, from) in keys.msk.iter_mut().zip(key.as_bytes()) {
            *to = *from;
        }
        keys
    }

    /// Splits the 128 octets that TLS exports, MSK first (RFC 5281 §8, RFC 9190 §2.3).
    pub(crate) fn split(material: &[u8; 128]) -> Self {
        let mut keys = Keys {
            msk: [0; 64],
            emsk: [0; 64],
        };
        let (msk, emsk) = material.split_at(64);
        keys.msk.copy_from_slice(msk);
        keys.emsk.copy_from_slice(emsk);
        keys
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

/// A password that came through a tunnel, trailing NULs removed (RFC 5281 §11.2.5).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct InnerPassword(Vec<u8>);

impl InnerPassword {
    /// Takes the password over; the caller keeps no copy.
    pub fn new(password: Vec<u8>) -> Self {
        InnerPassword(password)
    }

    /// The octets, as the device sent them: no encoding is promised. May be empty.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for InnerPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InnerPassword(..)")
    }
}

/// Key of an inner method, which both ends have: binds it to the tunnel around it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct InnerKey([u8; 32]);

impl InnerKey {
    /// Takes the key over; the caller keeps no copy.
    pub fn new(key: [u8; 32]) -> Self {
        InnerKey(key)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for InnerKey {
    /// Takes the same time wherever they differ.
    fn eq(&self, other: &Self) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        pairs.fold(0, |differing, (ours, theirs)| differing | (ours ^ theirs)) == 0
    }
}

impl Eq for InnerKey {}

impl fmt::Debug for InnerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InnerKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::{InnerKey, InnerPassword};
    use crate::keys::Keys;

    #[test]
    fn debug_output_shows_no_secret() {
        let keys = Keys::split(&[0xab; 128]);
        assert_eq!(format!("{keys:?}"), "Keys(..)");
        let password = InnerPassword::new(b"hunter2".to_vec());
        assert_eq!(format!("{password:?}"), "InnerPassword(..)");
        assert_eq!(format!("{:?}", InnerKey::new([7; 32])), "InnerKey(..)");
    }

    #[test]
    fn the_msk_comes_first() {
        let mut material = [1; 128];
        material[64..].fill(2);
        let keys = Keys::split(&material);
        assert_eq!((keys.msk, keys.emsk), ([1; 64], [2; 64]));
    }
}
