//! The session keys of MPPE from MS-CHAPv2, 128 bits (RFC 3079 §3).

use super::nt_hash::NtHash;
use sha1::{Digest, Sha1};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const MASTER_KEY: &[u8] = b"This is the MPPE Master Key";
const CLIENT_SENDS: &[u8] =
    b"On the client side, this is the send key; on the server side, it is the receive key.";
const CLIENT_RECEIVES: &[u8] =
    b"On the client side, this is the receive key; on the server side, it is the send key.";

/// The start keys of both directions, seen from the server: MS-MPPE-Send-Key and MS-MPPE-Recv-Key
/// of RFC 2548 §2.4 as they are before wrapping. Redacted in `Debug`, wiped on drop.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct MppeKeys {
    /// For what goes to the client.
    pub send: [u8; 16],
    /// For what comes from the client.
    pub receive: [u8; 16],
}

impl MppeKeys {
    /// The keys of an exchange that was found right (RFC 3079 §3.4).
    pub fn derive(hash: &NtHash, nt_response: &[u8; 24]) -> MppeKeys {
        let master = master_key(hash, nt_response);
        MppeKeys {
            send: start_key(&master, CLIENT_RECEIVES),
            receive: start_key(&master, CLIENT_SENDS),
        }
    }

    /// The MSK of EAP-MSCHAPv2 as an inner method: receive key, send key, and zeros.
    pub fn msk(&self) -> Zeroizing<[u8; 64]> {
        let mut msk = Zeroizing::new([0; 64]);
        for (to, from) in msk.iter_mut().zip(self.receive.iter().chain(&self.send)) {
            *to = *from;
        }
        msk
    }
}

impl fmt::Debug for MppeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MppeKeys([redacted])")
    }
}

/// GetMasterKey.
fn master_key(hash: &NtHash, nt_response: &[u8; 24]) -> Zeroizing<[u8; 16]> {
    let digest = Sha1::new()
        .chain_update(*hash.hashed())
        .chain_update(nt_response)
        .chain_update(MASTER_KEY);
    Zeroizing::new(first_16(digest))
}

/// GetAsymmetricStartKey for a key of 16 octets.
fn start_key(master: &[u8; 16], direction: &[u8]) -> [u8; 16] {
    let digest = Sha1::new()
        .chain_update(master)
        .chain_update([0; 40])
        .chain_update(direction)
        .chain_update([0xf2; 40]);
    first_16(digest)
}

fn first_16(digest: Sha1) -> [u8; 16] {
    let digest = Zeroizing::new(<[u8; 20]>::from(digest.finalize()));
    let mut key = [0; 16];
    for (to, from) in key.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3079 §3.5.3, the master key in the middle.
    #[test]
    fn master_key_is_that_of_the_rfc() {
        let response = [
            0x82, 0x30, 0x9e, 0xcd, 0x8d, 0x70, 0x8b, 0x5e, 0xa0, 0x8f, 0xaa, 0x39, 0x81, 0xcd,
            0x83, 0x54, 0x42, 0x33, 0x11, 0x4a, 0x3d, 0x85, 0xd6, 0xdf,
        ];
        let master = [
            0xfd, 0xec, 0xe3, 0x71, 0x7a, 0x8c, 0x83, 0x8c, 0xb3, 0x88, 0xe5, 0x27, 0xae, 0x3c,
            0xdd, 0x31,
        ];
        assert_eq!(
            *master_key(&NtHash::of_password("clientPass"), &response),
            master
        );
    }
}
