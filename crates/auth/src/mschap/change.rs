//! Change-Password (RFC 2759 §7): the new password under the old NT hash, the old NT hash under the
//! new one, and a response by the new one. Without the old hash none of it can be made.
//!
//! ```text
//! clear block   fill (random) | password (UTF-16LE, 0..=512 octets) | its length (4, lowest first)
//!               └────────────────── 512 octets ──────────────────┘
//! ```

use super::MsChapV2Exchange;
use super::nt_hash::NtHash;
use super::response::{challenge_hash, challenge_response, des_encrypt};
use rc4::{KeyInit, Rc4, StreamCipher};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Octets of the encrypted block: 256 UTF-16 units and their length in octets.
pub const ENCRYPTED_PASSWORD_OCTETS: usize = 516;
/// Octets of the clear block that hold fill and password.
const CLEAR_OCTETS: usize = ENCRYPTED_PASSWORD_OCTETS - 4;

/// A change of password, as a peer sends it.
#[derive(Clone)]
pub struct PasswordChange {
    /// Encrypted-Password: the clear block under RC4 with the old NT hash.
    pub encrypted_password: Box<[u8; ENCRYPTED_PASSWORD_OCTETS]>,
    /// Encrypted-Hash: the old NT hash under DES with the new one.
    pub encrypted_hash: [u8; 16],
    /// The response by the new password, to the challenge of our failure message.
    pub exchange: MsChapV2Exchange,
}

impl fmt::Debug for PasswordChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordChange([redacted])")
    }
}

/// The new password, from a peer that has the old NT hash. Whether it is fit to be one is not
/// looked at here.
pub struct NewPassword {
    units: Zeroizing<Vec<u16>>,
    nt_hash: NtHash,
}

impl NewPassword {
    /// The password as text, if its UTF-16 is well-formed.
    pub fn text(&self) -> Option<Zeroizing<String>> {
        // UTF-8 takes at most three octets where UTF-16 takes one unit: nothing is moved, and left
        // behind, by growing.
        let mut text = Zeroizing::new(String::with_capacity(3 * self.units.len()));
        for character in char::decode_utf16(self.units.iter().copied()) {
            text.push(character.ok()?);
        }
        Some(text)
    }

    /// Its NT hash.
    pub fn nt_hash(&self) -> &NtHash {
        &self.nt_hash
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword([redacted])")
    }
}

/// Opens a change with the old NT hash; `None` where it was made with another, or is broken.
/// A few microseconds.
pub fn open_change(old: &NtHash, change: &PasswordChange) -> Option<NewPassword> {
    let mut block = Zeroizing::new(*change.encrypted_password);
    apply_rc4(old, &mut *block);
    let (fill_and_password, length) = block.split_last_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let start = fill_and_password.len().checked_sub(length)?;
    let (pairs, odd) = fill_and_password.get(start..)?.as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    let units = pairs.iter().copied().map(u16::from_le_bytes);
    let units = Zeroizing::new(units.collect::<Vec<_>>());
    let nt_hash = NtHash::of_units(&units);
    is_made_with(old, &nt_hash, change).then_some(NewPassword { units, nt_hash })
}

/// Whether Encrypted-Hash and NT-Response are those of these two hashes. Constant-time compare.
fn is_made_with(old: &NtHash, new: &NtHash, change: &PasswordChange) -> bool {
    let hash = encrypted_hash(old, new).ct_eq(&change.encrypted_hash);
    let challenge = challenge_hash(&change.exchange);
    let response = challenge_response(new, &challenge).ct_eq(&change.exchange.nt_response);
    bool::from(hash & response)
}

fn apply_rc4(key: &NtHash, block: &mut [u8]) {
    // Sixteen octets are a length that RC4 takes, and it has no end of key stream.
    if let Ok(mut cipher) = Rc4::new_from_slice(key.octets()) {
        cipher.apply_keystream(block);
    }
}

/// NewPasswordEncryptedWithOldNtPasswordHash (RFC 2759 §8.9), for what plays the peer. `fill` is
/// random; `None` for a password of more than 256 UTF-16 units.
pub fn encrypted_password(
    new: &str,
    old: &NtHash,
    fill: &[u8; CLEAR_OCTETS],
) -> Option<[u8; ENCRYPTED_PASSWORD_OCTETS]> {
    let octets: Zeroizing<Vec<u8>> =
        Zeroizing::new(new.encode_utf16().flat_map(u16::to_le_bytes).collect());
    let length = u32::try_from(octets.len()).ok()?.to_le_bytes();
    let fill = fill.get(..CLEAR_OCTETS.checked_sub(octets.len())?)?;
    let mut block = [0; ENCRYPTED_PASSWORD_OCTETS];
    for (to, from) in block
        .iter_mut()
        .zip(fill.iter().chain(&*octets).chain(&length))
    {
        *to = *from;
    }
    apply_rc4(old, &mut block);
    Some(block)
}

/// OldNtPasswordHashEncryptedWithNewNtPasswordHash (RFC 2759 §8.12): each half of the old hash
/// under seven octets of the new one, the last two of which go unused.
pub fn encrypted_hash(old: &NtHash, new: &NtHash) -> [u8; 16] {
    let mut encrypted = [0; 16];
    let halves = old.octets().as_chunks::<8>().0;
    let keys = new.octets().as_chunks::<7>().0;
    let blocks = encrypted.as_chunks_mut::<8>().0.iter_mut();
    for ((block, half), key) in blocks.zip(halves).zip(keys) {
        *block = des_encrypt(half, key);
    }
    encrypted
}
