//! Crypto-binding of PEAPv0 as the device computes it ([MS-PEAP] §3.1.5.5), apart from the server.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// IPMK and CMK: tunnel and inner method in one.
pub(super) struct Compound {
    session: Vec<u8>,
    confirm: Vec<u8>,
}

impl Compound {
    /// From the tunnel's key and that of the inner method.
    pub(super) fn of(tunnel: &[u8; 64], inner: &[u8; 32]) -> Self {
        let (temporary, _) = tunnel.split_at(40);
        let seed = [b"Inner Methods Compound Keys".as_slice(), inner].concat();
        let mut session = stretch(temporary, &seed, 60);
        let confirm = session.split_off(40);
        Compound { session, confirm }
    }

    /// On a resumed session: 40 octets and 20 of the tunnel's key, as they are.
    pub(super) fn of_session(tunnel: &[u8; 64]) -> Self {
        let (session, rest) = tunnel.split_at(40);
        let confirm = rest.iter().take(20).copied().collect();
        let session = session.to_vec();
        Compound { session, confirm }
    }

    /// Whether the server's TLV is under the same key.
    pub(super) fn is_sound(&self, request: &[u8; 60]) -> bool {
        let (head, code) = request.split_at(40);
        head.starts_with(&[0, 12, 0, 56, 0, 0, 0, 0]) && self.code(head) == code
    }

    /// Our TLV: Response, the same nonce.
    pub(super) fn answer(&self, request: &[u8; 60]) -> Vec<u8> {
        let (_, nonce) = request.split_at(8);
        let nonce = nonce.iter().take(32).copied();
        let mut tlv: Vec<u8> = [0, 12, 0, 56, 0, 0, 0, 1]
            .into_iter()
            .chain(nonce)
            .collect();
        let code = self.code(&tlv);
        tlv.extend(code);
        tlv
    }

    /// The key of the whole log-on.
    pub(super) fn msk(&self) -> [u8; 64] {
        let keys = stretch(&self.session, b"Session Key Generating Function\0", 128);
        keys.first_chunk().copied().unwrap_or([0; 64])
    }

    fn code(&self, head: &[u8]) -> Vec<u8> {
        authenticate(&self.confirm, &[head, &[0; 20], &[25]].concat())
    }
}

/// PRF+: T1 = HMAC(key, seed 01 00 00), T2 = HMAC(key, T1 seed 02 00 00) …
fn stretch(key: &[u8], seed: &[u8], octets: usize) -> Vec<u8> {
    let (mut stretched, mut block, mut count) = (Vec::new(), Vec::new(), 0);
    while stretched.len() < octets {
        count += 1;
        block = authenticate(key, &[block.as_slice(), seed, &[count, 0, 0]].concat());
        stretched.extend_from_slice(&block);
    }
    stretched.truncate(octets);
    stretched
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn authenticate(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut hmac = Hmac::<Sha1>::new_from_slice(key).expect("a key");
    hmac.update(message);
    hmac.finalize().into_bytes().to_vec()
}
