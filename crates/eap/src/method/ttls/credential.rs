//! Credentials out of the client's AVPs: the challenge must be the tunnel's.
//!
//! RFC 5281 §11.1: client and server derive the challenge from TLS, so that nobody can replay a
//! response that was made elsewhere. Under TLS 1.3 the exporter is used, without context (RFC 9427
//! §2.2); its octets depend on how many are asked for, so exactly those are that are needed.

use super::InnerRequest;
use crate::credential::InnerCredential;
use crate::failure::FailureCause;
use crate::inner_error::InnerError;
use crate::keys::InnerPassword;
use crate::method::inner::ms_chap_v2;
use crate::tunnel::Tunnel;

const CHALLENGE_LABEL: &[u8] = b"ttls challenge";
/// Challenge octets of CHAP and MS-CHAPv2, and one more for the identifier.
const LONG: usize = 16 + 1;
/// Those of MS-CHAP.
const SHORT: usize = 8 + 1;

/// The credential in `request`, if its challenge is that of `tunnel`.
///
/// # Errors
/// [`InnerError::WrongChallenge`] where the response answers another challenge than this tunnel's;
/// EAP is no credential yet.
pub(super) fn of_this_tunnel(
    request: InnerRequest<'_>,
    tunnel: &Tunnel,
) -> Result<InnerCredential, FailureCause> {
    match request {
        InnerRequest::Pap { identity, password } => Ok(InnerCredential::Password {
            identity: identity.to_vec(),
            password: InnerPassword::new(password.to_vec()),
        }),
        InnerRequest::Chap {
            identity,
            challenge,
            identifier,
            response,
        } => Ok(InnerCredential::Chap {
            identity: identity.to_vec(),
            identifier,
            challenge: check::<16, LONG>(tunnel, challenge, identifier)?.to_vec(),
            response,
        }),
        InnerRequest::MsChap {
            identity,
            challenge,
            identifier,
            nt_response,
        } => Ok(InnerCredential::MsChap {
            identity: identity.to_vec(),
            challenge: check::<8, SHORT>(tunnel, challenge, identifier)?,
            nt_response,
        }),
        InnerRequest::MsChapV2 {
            identity,
            challenge,
            identifier,
            peer_challenge,
            nt_response,
        } => Ok(InnerCredential::MsChapV2 {
            identity: identity.to_vec(),
            name: ms_chap_v2::without_domain(identity).to_vec(),
            authenticator_challenge: check::<16, LONG>(tunnel, challenge, identifier)?,
            peer_challenge,
            nt_response,
        }),
        InnerRequest::Eap(_) => Err(FailureCause::Internal),
    }
}

/// The challenge, if it and the identifier after it are what TLS makes.
fn check<const OCTETS: usize, const EXPORTED: usize>(
    tunnel: &Tunnel,
    challenge: &[u8],
    identifier: u8,
) -> Result<[u8; OCTETS], FailureCause> {
    let exported: [u8; EXPORTED] = tunnel.export(CHALLENGE_LABEL)?;
    match exported.split_first_chunk::<OCTETS>() {
        Some((ours, [last])) if ours == challenge && *last == identifier => Ok(*ours),
        _ => Err(FailureCause::Inner(InnerError::WrongChallenge)),
    }
}
