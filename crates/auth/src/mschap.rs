//! MS-CHAP and MS-CHAPv2 (RFC 2433, RFC 2759) as the authenticator computes them, and the MPPE keys
//! of MS-CHAPv2 (RFC 3079). Only the arithmetic: whose hash it is, and what counts, is for
//! [`crate::password`].
//!
//! Both rest on the NT hash, which is as good as the password to a thief, and on DES:
//! an exchange that was overheard gives the NT hash away within hours. They belong inside TLS.

mod change;
mod mppe;
mod nt_hash;
mod response;
#[cfg(test)]
mod tests;

pub use change::{
    ENCRYPTED_PASSWORD_OCTETS, NewPassword, PasswordChange, encrypted_hash, encrypted_password,
    open_change,
};
pub use mppe::MppeKeys;
pub use nt_hash::{NtHash, NtHashError};
pub use response::{AUTHENTICATOR_RESPONSE_OCTETS, name_without_domain};

use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A peer's response to an MS-CHAPv2 challenge (RFC 2759 §4).
#[derive(Clone)]
pub struct MsChapV2Exchange {
    /// The user name as the peer gave it in this exchange. A domain before a backslash does not
    /// enter the computation (RFC 2759 §8.2), a realm does.
    pub name: Vec<u8>,
    /// Ours.
    pub authenticator_challenge: [u8; 16],
    /// The peer's.
    pub peer_challenge: [u8; 16],
    /// NT-Response.
    pub nt_response: [u8; 24],
}

/// A peer's response to an MS-CHAP challenge (RFC 2433 §5); the weaker LAN Manager response is
/// never looked at.
#[derive(Clone)]
pub struct MsChapExchange {
    /// Ours.
    pub challenge: [u8; 8],
    /// The Windows NT compatible challenge response.
    pub nt_response: [u8; 24],
}

/// Result of a right MS-CHAPv2 response.
#[derive(Debug)]
pub struct MsChapV2Success {
    /// `S=` and 40 hexadecimal digits: proves to the peer that we know the NT hash too.
    pub authenticator_response: [u8; AUTHENTICATOR_RESPONSE_OCTETS],
    /// The keys of MPPE, for MS-CHAPv2 that does not run inside a tunnel.
    pub keys: MppeKeys,
}

/// Result of a right MS-CHAP response.
pub struct MsChapSuccess {
    /// The NT-Key of MS-CHAP-MPPE-Keys: the hash of the NT hash, from which the NAS derives the
    /// keys of MPPE. RFC 2548 §2.4.1 speaks of the NT hash itself; what NAS expect is this.
    pub nt_key: Zeroizing<[u8; 16]>,
}

impl fmt::Debug for MsChapV2Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MsChapV2Exchange([redacted])")
    }
}

impl fmt::Debug for MsChapExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MsChapExchange([redacted])")
    }
}

impl fmt::Debug for MsChapSuccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MsChapSuccess([redacted])")
    }
}

/// Checks an MS-CHAPv2 response against an NT hash. Constant-time compare; about 1 µs.
///
/// The hash of the empty password fits nothing (P1).
pub fn check_v2(hash: &NtHash, exchange: &MsChapV2Exchange) -> Option<MsChapV2Success> {
    let challenge = response::challenge_hash(exchange);
    if !is_right(hash, &challenge, &exchange.nt_response) {
        return None;
    }
    Some(MsChapV2Success {
        authenticator_response: response::authenticator_response(
            hash,
            &exchange.nt_response,
            &challenge,
        ),
        keys: MppeKeys::derive(hash, &exchange.nt_response),
    })
}

/// Checks an MS-CHAP response against an NT hash, as [`check_v2`] does.
pub fn check_v1(hash: &NtHash, exchange: &MsChapExchange) -> Option<MsChapSuccess> {
    is_right(hash, &exchange.challenge, &exchange.nt_response).then(|| MsChapSuccess {
        nt_key: hash.hashed(),
    })
}

fn is_right(hash: &NtHash, challenge: &[u8; 8], nt_response: &[u8; 24]) -> bool {
    let expected = response::challenge_response(hash, challenge);
    bool::from(expected.ct_eq(nt_response)) && !hash.is_of_empty_password()
}

/// The NT-Response that the peer owes (RFC 2759 §8.1): for what plays the peer, such as tests and
/// the load harness.
pub fn nt_response(hash: &NtHash, exchange: &MsChapV2Exchange) -> [u8; 24] {
    response::challenge_response(hash, &response::challenge_hash(exchange))
}

/// The response that the peer owes to an MS-CHAP challenge (RFC 2433 §A.5).
pub fn nt_response_v1(hash: &NtHash, challenge: &[u8; 8]) -> [u8; 24] {
    response::challenge_response(hash, challenge)
}

/// `S=` and 40 digits for an exchange that was found right (RFC 2759 §8.7); [`check_v2`] returns
/// it.
pub fn authenticator_response(
    hash: &NtHash,
    exchange: &MsChapV2Exchange,
) -> [u8; AUTHENTICATOR_RESPONSE_OCTETS] {
    let challenge = response::challenge_hash(exchange);
    response::authenticator_response(hash, &exchange.nt_response, &challenge)
}
