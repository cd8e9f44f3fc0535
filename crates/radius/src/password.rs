//! User-Password: a password of at most 128 octets, hidden under the shared secret and the
//! Request Authenticator (RFC 2865 §5.2).

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::SharedSecret;

/// The longest password, and the longest value of User-Password.
pub const MAX_PASSWORD: usize = 128;

/// Why there is no password to be had from a request, or none to be put into one.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
pub enum PasswordError {
    /// The request has no User-Password.
    #[error("User-Password is missing")]
    Missing,
    /// The request has more than one User-Password.
    #[error("User-Password is there twice")]
    Repeated,
    /// The value has not 16, 32 … 128 octets.
    #[error("User-Password has an impossible length")]
    Length,
    /// The password has more than 128 octets.
    #[error("the password is longer than 128 octets")]
    TooLong,
}

impl PasswordError {
    /// A stable word for counters and the corpus.
    pub const fn label(&self) -> &'static str {
        match self {
            PasswordError::Missing => "missing",
            PasswordError::Repeated => "repeated",
            PasswordError::Length => "length",
            PasswordError::TooLong => "too-long",
        }
    }
}

/// A password as its owner typed it, 0 to 128 octets. Hidden in `Debug`, zeroized on drop.
pub struct Password {
    octets: Zeroizing<[u8; MAX_PASSWORD]>,
    length: usize,
}

impl Password {
    /// The octets, without the NULs that padded them.
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

impl AsRef<[u8]> for Password {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(hidden)")
    }
}

/// Hides `password` in `out` and returns the value of User-Password: 16, 32 … 128 octets.
///
/// # Errors
/// [`PasswordError::TooLong`].
pub fn hide_password<'o>(
    password: &[u8],
    request_authenticator: &[u8; 16],
    secret: &SharedSecret,
    out: &'o mut [u8; MAX_PASSWORD],
) -> Result<&'o [u8], PasswordError> {
    let length = password.len().next_multiple_of(16).max(16);
    let out = out.get_mut(..length).ok_or(PasswordError::TooLong)?;
    out.fill(0);
    for (to, from) in out.iter_mut().zip(password) {
        *to = *from;
    }
    let mut before = *request_authenticator;
    for block in out.as_chunks_mut::<16>().0 {
        xor(block, &secret.digest_after_secret(&[&before]));
        before = *block;
    }
    Ok(out)
}

/// Undoes [`hide_password`] and removes the trailing NULs. Any value of the right length gives
/// some octets: only the request's Message-Authenticator tells whether the secret was right.
///
/// # Errors
/// [`PasswordError::Length`].
pub fn reveal_password(
    hidden: &[u8],
    request_authenticator: &[u8; 16],
    secret: &SharedSecret,
) -> Result<Password, PasswordError> {
    let (blocks, rest) = hidden.as_chunks::<16>();
    if blocks.is_empty() || !rest.is_empty() || hidden.len() > MAX_PASSWORD {
        return Err(PasswordError::Length);
    }
    let mut octets = Zeroizing::new([0; MAX_PASSWORD]);
    let mut before = request_authenticator;
    for (to, from) in octets.as_chunks_mut::<16>().0.iter_mut().zip(blocks) {
        *to = *from;
        xor(to, &secret.digest_after_secret(&[before]));
        before = from;
    }
    let length = octets.iter().rposition(|octet| *octet != 0);
    let length = length.map_or(0, |last| last + 1);
    Ok(Password { octets, length })
}

pub(crate) fn xor(block: &mut [u8; 16], key: &[u8; 16]) {
    for (octet, key) in block.iter_mut().zip(key) {
        *octet ^= key;
    }
}

#[cfg(test)]
mod tests;
