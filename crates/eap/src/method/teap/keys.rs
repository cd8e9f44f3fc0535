//! Keys of tunnel and inner methods in one (RFC 9930 §6): each inner method is bound to the tunnel
//! and to the methods before it.
//!
//! ```text
//!   S-IMCK[0] = what the tunnel exports
//!   S-IMCK[j] | CMK[j] = PRF(S-IMCK[j-1], "Inner Methods Compound Keys" | IMSK[j])
//!   MSK, EMSK = PRF(S-IMCK[n], …)
//! ```
//! The PRF is that of RFC 5246 with the hash of the cipher suite, under TLS 1.3 too.

use crate::keys::{InnerKey, Keys};
use crate::tls::SuiteHash;
use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384};
use zeroize::{Zeroize, Zeroizing};

/// Label under which the tunnel exports S-IMCK[0].
pub(super) const SEED_LABEL: &[u8] = b"EXPORTER: teap session key seed";
/// Octets of S-IMCK.
pub(super) const SEED_OCTETS: usize = 40;
const MAC_KEY_OCTETS: usize = 20;
/// Octets of a Compound-MAC, whatever the hash: the rest is cut off.
pub(super) const MAC_OCTETS: usize = 20;

/// The keys as they stand after the inner methods so far.
pub(super) struct Chain {
    hash: SuiteHash,
    /// S-IMCK of the last inner method that left a key; before any, S-IMCK[0].
    latest: Zeroizing<[u8; SEED_OCTETS]>,
}

/// CMK: makes the MACs of one crypto-binding.
pub(super) struct MacKey {
    hash: SuiteHash,
    key: Zeroizing<[u8; MAC_KEY_OCTETS]>,
}

impl Chain {
    pub(super) fn new(hash: SuiteHash, seed: [u8; SEED_OCTETS]) -> Self {
        Chain {
            hash,
            latest: Zeroizing::new(seed),
        }
    }

    /// Takes an inner method in. One that leaves no key, like a password, makes a MAC as if its key
    /// were zeros, and nothing else: so it follows from what RFC 9930 says of log-ons without any
    /// key, and so wpa_supplicant does it.
    pub(super) fn extend(&mut self, inner: Option<&InnerKey>) -> MacKey {
        let zeros = [0; 32];
        let inner_key = inner.map_or(&zeros, InnerKey::as_bytes);
        let mut material = Zeroizing::new([0; SEED_OCTETS + MAC_KEY_OCTETS]);
        let seed = [b"Inner Methods Compound Keys".as_slice(), inner_key];
        expand(self.hash, &*self.latest, &seed, &mut *material);
        let (latest, key) = material.split_at(SEED_OCTETS);
        if inner.is_some() {
            self.latest.copy_from_slice(latest);
        }
        let mut mac_key = Zeroizing::new([0; MAC_KEY_OCTETS]);
        mac_key.copy_from_slice(key);
        MacKey {
            hash: self.hash,
            key: mac_key,
        }
    }

    /// MSK and EMSK of the log-on; from the tunnel alone where no inner method left a key.
    pub(super) fn keys(&self) -> Keys {
        let mut material = Zeroizing::new([0; 128]);
        let (msk, emsk) = material.split_at_mut(64);
        let label = b"Session Key Generating Function".as_slice();
        expand(self.hash, &*self.latest, &[label], msk);
        expand(self.hash, &*self.latest, &[b"Extended ", label], emsk);
        Keys::split(&material)
    }
}

impl MacKey {
    /// Compound-MAC over `parts`.
    pub(super) fn mac(&self, parts: &[&[u8]]) -> [u8; MAC_OCTETS] {
        let mut mac = [0; MAC_OCTETS];
        match self.hash {
            SuiteHash::Sha256 => authenticate::<Hmac<Sha256>>(&*self.key, parts, &mut mac),
            SuiteHash::Sha384 => authenticate::<Hmac<Sha384>>(&*self.key, parts, &mut mac),
        }
        mac
    }

    /// Whether `mac` is that of `parts`. Takes the same time wherever they differ.
    pub(super) fn is_mac(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        let ours = self.mac(parts);
        let pairs = ours.iter().zip(mac);
        mac.len() == MAC_OCTETS && pairs.fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
    }
}

/// P_hash (RFC 5246 §5): `seed` begins with the label.
fn expand(hash: SuiteHash, secret: &[u8], seed: &[&[u8]], into: &mut [u8]) {
    match hash {
        SuiteHash::Sha256 => expand_by::<Hmac<Sha256>, 32>(secret, seed, into),
        SuiteHash::Sha384 => expand_by::<Hmac<Sha384>, 48>(secret, seed, into),
    }
}

fn expand_by<M: Mac + KeyInit, const N: usize>(secret: &[u8], seed: &[&[u8]], into: &mut [u8]) {
    let (mut turn, mut block) = (Zeroizing::new([0; N]), Zeroizing::new([0; N]));
    authenticate::<M>(secret, seed, &mut *turn);
    for part in into.chunks_mut(N) {
        let parts = [&[turn.as_slice()], seed].concat();
        authenticate::<M>(secret, &parts, &mut *block);
        part.iter_mut()
            .zip(block.iter())
            .for_each(|(to, from)| *to = *from);
        let before = turn.clone();
        authenticate::<M>(secret, &[&*before], &mut *turn);
    }
}

/// As much of the MAC as `into` holds. `key` is at most 64 octets, which no block is shorter than;
/// HMAC fills it up with zeros itself.
fn authenticate<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]], into: &mut [u8]) {
    let mut block = Key::<M>::default();
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = M::new(&block);
    block.as_mut_slice().zeroize();
    parts.iter().for_each(|part| mac.update(part));
    let mut output = mac.finalize().into_bytes();
    into.iter_mut()
        .zip(&output)
        .for_each(|(to, from)| *to = *from);
    output.as_mut_slice().zeroize();
}

#[cfg(test)]
mod tests {
    use super::{Chain, SuiteHash, expand};
    use crate::keys::InnerKey;

    fn hex(octets: &[u8]) -> String {
        octets.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    /// The test vectors that the TLS working group exchanged for the PRF of TLS 1.2.
    #[test]
    fn the_prf_is_that_of_tls_1_2() {
        let secret = [
            0x9b, 0xbe, 0x43, 0x6b, 0xa9, 0x40, 0xf0, 0x17, 0xb1, 0x76, 0x52, 0x84, 0x9a, 0x71,
            0xdb, 0x35,
        ];
        let seed = [
            0xa0, 0xba, 0x9f, 0x93, 0x6c, 0xda, 0x31, 0x18, 0x27, 0xa6, 0xf7, 0x96, 0xff, 0xd5,
            0x19, 0x8c,
        ];
        let mut octets = [0; 100];
        let parts = [b"test label".as_slice(), &seed];
        expand(SuiteHash::Sha256, &secret, &parts, &mut octets);
        let expected = "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a\
                        6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab\
                        4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701\
                        87347b66";
        assert_eq!(hex(&octets), expected);
    }

    #[test]
    fn a_method_without_a_key_leaves_those_before_it() {
        for hash in [SuiteHash::Sha256, SuiteHash::Sha384] {
            let (mut with, without) = (Chain::new(hash, [7; 40]), Chain::new(hash, [7; 40]));
            with.extend(None);
            assert_eq!(with.keys().msk, without.keys().msk);
            assert_ne!(with.keys().msk, with.keys().emsk);
            with.extend(Some(&InnerKey::new([9; 32])));
            assert_ne!(with.keys().msk, without.keys().msk);
        }
    }
}
