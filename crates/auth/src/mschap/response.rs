//! Challenge hash, responses and authenticator response (RFC 2759 §8).

use super::MsChapV2Exchange;
use super::nt_hash::NtHash;
use des::Des;
use des::cipher::{BlockCipherEncrypt, KeyInit};
use sha1::{Digest, Sha1};
use zeroize::{Zeroize, Zeroizing};

/// `S=` and 40 hexadecimal digits.
pub const AUTHENTICATOR_RESPONSE_OCTETS: usize = 42;

const MAGIC_1: &[u8] = b"Magic server to client signing constant";
const MAGIC_2: &[u8] = b"Pad to make it do more than one iteration";

/// The user name that enters the challenge hash: what follows the first backslash, or all of it
/// (RFC 2759 §8.2, "excluding any prepended domain name").
pub fn name_without_domain(name: &[u8]) -> &[u8] {
    let mut parts = name.splitn(2, |octet| *octet == b'\\');
    let first = parts.next().unwrap_or_default();
    parts.next().unwrap_or(first)
}

/// ChallengeHash (§8.2): what an MS-CHAPv2 response answers in place of a challenge of 8 octets.
pub(super) fn challenge_hash(exchange: &MsChapV2Exchange) -> [u8; 8] {
    let digest: [u8; 20] = Sha1::new()
        .chain_update(exchange.peer_challenge)
        .chain_update(exchange.authenticator_challenge)
        .chain_update(name_without_domain(&exchange.name))
        .finalize()
        .into();
    let mut challenge = [0; 8];
    for (to, from) in challenge.iter_mut().zip(digest) {
        *to = from;
    }
    challenge
}

/// ChallengeResponse (§8.5): the challenge under three DES keys of 7 octets, the third of them the
/// last 2 octets of the hash and zeros.
pub(super) fn challenge_response(hash: &NtHash, challenge: &[u8; 8]) -> [u8; 24] {
    let mut padded = Zeroizing::new([0; 21]);
    for (to, from) in padded.iter_mut().zip(hash.octets()) {
        *to = *from;
    }
    let mut response = [0; 24];
    let keys = padded.as_chunks::<7>().0;
    for (block, key) in response.as_chunks_mut::<8>().0.iter_mut().zip(keys) {
        *block = des_encrypt(challenge, key);
    }
    response
}

/// DesEncrypt (§8.6).
pub(super) fn des_encrypt(clear: &[u8; 8], key: &[u8; 7]) -> [u8; 8] {
    let mut key = with_parity(key);
    let cipher = Des::new(&key.into());
    key.zeroize();
    let mut block = (*clear).into();
    cipher.encrypt_block(&mut block);
    block.into()
}

/// 56 bits as the upper 7 bits of 8 octets; DES does not look at the parity in the lowest.
fn with_parity(key: &[u8; 7]) -> [u8; 8] {
    let bits = key
        .iter()
        .fold(0u64, |bits, octet| bits << 8 | u64::from(*octet));
    let mut spread = 0u64;
    for group in 0..8 {
        spread = spread << 8 | (bits >> (49 - 7 * group) & 0x7f) << 1;
    }
    spread.to_be_bytes()
}

/// GenerateAuthenticatorResponse (§8.7).
pub(super) fn authenticator_response(
    hash: &NtHash,
    nt_response: &[u8; 24],
    challenge: &[u8; 8],
) -> [u8; AUTHENTICATOR_RESPONSE_OCTETS] {
    let digest = Sha1::new()
        .chain_update(*hash.hashed())
        .chain_update(nt_response)
        .chain_update(MAGIC_1)
        .finalize();
    let digest: [u8; 20] = Sha1::new()
        .chain_update(digest)
        .chain_update(challenge)
        .chain_update(MAGIC_2)
        .finalize()
        .into();
    let digits = digest.iter().flat_map(|octet| [octet >> 4, octet & 0xf]);
    let mut text = [0; AUTHENTICATOR_RESPONSE_OCTETS];
    for (to, from) in text
        .iter_mut()
        .zip(b"S=".iter().copied().chain(digits.map(hex_digit)))
    {
        *to = from;
    }
    text
}

/// Upper case, as RFC 2759 §5 asks for.
const fn hex_digit(value: u8) -> u8 {
    match value {
        0..=9 => b'0' + value,
        _ => b'A' - 10 + value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2759 §9.3: seven octets of a hash, and the DES key that becomes of them. The lowest bit
    /// of each octet is parity, which DES does not look at and we leave at zero.
    #[test]
    fn des_keys_of_the_rfc_are_reproduced_but_for_parity() {
        let raw = [
            [0xfc, 0x15, 0x6a, 0xf7, 0xed, 0xcd, 0x6c],
            [0x0e, 0xdd, 0xe3, 0x33, 0x7d, 0x42, 0x7f],
        ];
        let keys = [
            [0xfd, 0x0b, 0x5b, 0x5e, 0x7f, 0x6e, 0x34, 0xd9],
            [0x0e, 0x6e, 0x79, 0x67, 0x37, 0xea, 0x08, 0xfe],
        ];
        assert_eq!(
            raw.map(|raw| with_parity(&raw)),
            keys.map(|key: [u8; 8]| key.map(|octet| octet & 0xfe))
        );
    }
}
