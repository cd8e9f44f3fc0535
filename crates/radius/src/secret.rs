//! The secret shared with one client or home server, and the MD5 constructions of RADIUS over it.

use std::fmt;

use md5::{Digest, Md5};
use thiserror::Error;
use zeroize::Zeroizing;

const BLOCK: usize = 64;

/// A shared secret must have octets: without them every authenticator can be forged.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the shared secret is empty")]
pub struct EmptySecret;

/// A shared secret, with the MD5 states that are the same for all of its packets kept ready:
/// after the two HMAC pads, and after the secret as a prefix. Zeroized on drop.
#[derive(Clone)]
pub struct SharedSecret {
    octets: Zeroizing<Box<[u8]>>,
    prefix: Md5,
    inner: Md5,
    outer: Md5,
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(hidden)")
    }
}

impl SharedSecret {
    /// Prepares `octets`, one or more, of which all count (RFC 2865 §3 advises 16 or more).
    ///
    /// # Errors
    /// [`EmptySecret`].
    pub fn new(octets: &[u8]) -> Result<SharedSecret, EmptySecret> {
        if octets.is_empty() {
            return Err(EmptySecret);
        }
        let key = hmac_key(octets);
        Ok(SharedSecret {
            octets: Zeroizing::new(octets.into()),
            prefix: Md5::new_with_prefix(octets),
            inner: padded(&key, 0x36),
            outer: padded(&key, 0x5c),
        })
    }

    /// HMAC-MD5 (RFC 2104) over the parts in order.
    pub(crate) fn hmac(&self, parts: &[&[u8]]) -> [u8; 16] {
        let inner = digest(self.inner.clone(), parts);
        digest(self.outer.clone(), &[&inner])
    }

    /// MD5(parts ‖ secret): Response Authenticators, and Request Authenticators of accounting.
    pub(crate) fn digest_before_secret(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut state = Md5::new();
        for part in parts {
            state.update(part);
        }
        digest(state, &[&self.octets])
    }

    /// MD5(secret ‖ parts): the key stream of hidden passwords and keys.
    pub(crate) fn digest_after_secret(&self, parts: &[&[u8]]) -> [u8; 16] {
        digest(self.prefix.clone(), parts)
    }
}

fn digest(mut state: Md5, parts: &[&[u8]]) -> [u8; 16] {
    for part in parts {
        state.update(part);
    }
    state.finalize().into()
}

/// The secret filled up to a block, or its digest when it is longer than one.
fn hmac_key(octets: &[u8]) -> Zeroizing<[u8; BLOCK]> {
    let mut key = Zeroizing::new([0; BLOCK]);
    let hashed: Zeroizing<[u8; 16]> = Zeroizing::new(Md5::digest(octets).into());
    let source = if octets.len() > BLOCK {
        hashed.as_slice()
    } else {
        octets
    };
    for (to, from) in key.iter_mut().zip(source) {
        *to = *from;
    }
    key
}

fn padded(key: &[u8; BLOCK], pad: u8) -> Md5 {
    Md5::new_with_prefix(*Zeroizing::new(key.map(|octet| octet ^ pad)))
}

#[cfg(test)]
mod tests;
