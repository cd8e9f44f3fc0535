//! MS-MPPE-Send-Key and MS-MPPE-Recv-Key: how the keys of an EAP conversation, or of MS-CHAPv2,
//! reach the NAS (RFC 2548 §2.4.2, §2.4.3).
//!
//! ```text
//! salt (2, high bit set) | MD5-hidden: key length (1) | key | zeros up to a multiple of 16
//! ```

use thiserror::Error;
use zeroize::Zeroizing;

use crate::dictionary::microsoft;
use crate::password::xor;
use crate::{Packet, SharedSecret};

/// A wrapped key of 32 octets: salt, and three blocks for length, key and padding.
const WRAPPED: usize = 2 + 48;
/// A wrapped key of 16 octets.
const WRAPPED_SHORT: usize = 2 + 32;

/// Why a wrapped key gives no key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
pub enum RevealError {
    /// The reply lacks one of the two keys.
    #[error("a key is missing")]
    Missing,
    /// The value is no salt and blocks of 16 octets.
    #[error("the wrapped key has an impossible length")]
    Length,
    /// The salt's high bit is not set.
    #[error("the salt lacks its high bit")]
    Salt,
    /// The length inside is more than what follows it, or not what was expected: wrong secret.
    #[error("the key has an impossible length")]
    KeyLength,
}

/// The values of MS-MPPE-Recv-Key and MS-MPPE-Send-Key for `msk`, with salts made fit (R14).
pub(crate) fn hide_msk(
    msk: &[u8; 64],
    request_authenticator: &[u8; 16],
    secret: &SharedSecret,
    salts: [u16; 2],
) -> ([u8; WRAPPED], [u8; WRAPPED]) {
    let [receive_salt, send_salt] = fit_salts(salts);
    let (halves, _) = msk.as_chunks::<32>();
    let wrap = |half: usize, salt| {
        let key = halves.get(half).unwrap_or(&[0; 32]);
        hide(key, request_authenticator, secret, salt)
    };
    (wrap(0, receive_salt), wrap(1, send_salt))
}

/// The values of MS-MPPE-Recv-Key and MS-MPPE-Send-Key for keys of 128 bits, salts as above.
pub(crate) fn hide_session_keys(
    receive: &[u8; 16],
    send: &[u8; 16],
    request_authenticator: &[u8; 16],
    secret: &SharedSecret,
    salts: [u16; 2],
) -> ([u8; WRAPPED_SHORT], [u8; WRAPPED_SHORT]) {
    let [receive_salt, send_salt] = fit_salts(salts);
    let wrap = |key: &[u8; 16], salt| hide(key, request_authenticator, secret, salt);
    (wrap(receive, receive_salt), wrap(send, send_salt))
}

/// High bits set, and the two distinct.
fn fit_salts(salts: [u16; 2]) -> [u16; 2] {
    let [first, second] = salts.map(|salt| salt | 0x8000);
    [first, if first == second { second ^ 1 } else { second }]
}

/// `N` is the salt and as many blocks as the key of `K` octets and its length fill.
fn hide<const K: usize, const N: usize>(
    key: &[u8; K],
    request_authenticator: &[u8; 16],
    secret: &SharedSecret,
    salt: u16,
) -> [u8; N] {
    const { assert!(K < 240 && N == 2 + (1 + K).next_multiple_of(16)) };
    let salt = salt.to_be_bytes();
    let length = [u8::try_from(K).unwrap_or(u8::MAX)];
    let mut wrapped = [0; N];
    let plain = salt.iter().chain(&length).chain(key);
    for (to, from) in wrapped.iter_mut().zip(plain) {
        *to = *from;
    }
    let mut stream = secret.digest_after_secret(&[request_authenticator, &salt]);
    if let Some((_, blocks)) = wrapped.split_first_chunk_mut::<2>() {
        for block in blocks.as_chunks_mut::<16>().0 {
            xor(block, &stream);
            stream = secret.digest_after_secret(&[block.as_slice()]);
        }
    }
    wrapped
}

/// The key in the value of MS-MPPE-Send-Key or MS-MPPE-Recv-Key: the NAS's side.
///
/// # Errors
/// [`RevealError`]; a wrong secret mostly ends in [`RevealError::KeyLength`].
pub fn reveal(
    wrapped: &[u8],
    request_authenticator: &[u8; 16],
    secret: &SharedSecret,
) -> Result<Zeroizing<Vec<u8>>, RevealError> {
    let (salt, hidden) = wrapped
        .split_first_chunk::<2>()
        .ok_or(RevealError::Length)?;
    let (blocks, rest) = hidden.as_chunks::<16>();
    if blocks.is_empty() || !rest.is_empty() {
        return Err(RevealError::Length);
    }
    if u16::from_be_bytes(*salt) & 0x8000 == 0 {
        return Err(RevealError::Salt);
    }
    let mut plain = Zeroizing::new(Vec::with_capacity(hidden.len()));
    let mut stream = secret.digest_after_secret(&[request_authenticator, salt]);
    for block in blocks {
        let mut clear = Zeroizing::new(*block);
        xor(&mut clear, &stream);
        plain.extend_from_slice(clear.as_slice());
        stream = secret.digest_after_secret(&[block]);
    }
    let (length, key) = plain.split_first().ok_or(RevealError::Length)?;
    let key = key
        .get(..usize::from(*length))
        .ok_or(RevealError::KeyLength)?;
    Ok(Zeroizing::new(key.to_vec()))
}

/// The MSK that [`crate::Reply::push_mppe_keys`] put into an Access-Accept.
///
/// # Errors
/// [`RevealError`].
pub fn reveal_msk(
    accept: &Packet<'_>,
    request_authenticator: &[u8; 16],
    secret: &SharedSecret,
) -> Result<Zeroizing<[u8; 64]>, RevealError> {
    let half = |kind| {
        let wrapped = accept
            .vendor(microsoft::VENDOR, kind)
            .ok_or(RevealError::Missing)?;
        let key = reveal(wrapped, request_authenticator, secret)?;
        (key.len() == 32)
            .then_some(key)
            .ok_or(RevealError::KeyLength)
    };
    let receive = half(microsoft::MS_MPPE_RECV_KEY)?;
    let send = half(microsoft::MS_MPPE_SEND_KEY)?;
    let mut msk = Zeroizing::new([0; 64]);
    for (to, from) in msk.iter_mut().zip(receive.iter().chain(send.iter())) {
        *to = *from;
    }
    Ok(msk)
}

#[cfg(test)]
mod tests;
