//! Bare MS-CHAPv2 (RFC 2548 §2.3, RFC 2759), as VPN concentrators send it.
//!
//! The exchange gives the NT hash away to whoever overhears it, so it is off unless a client is
//! configured for it, and no client of eduroam should be (I1).

use portvakt_auth::Refusal;
use portvakt_auth::mschap::MsChapV2Success;
use portvakt_radius::dictionary::microsoft;
use portvakt_radius::{AttributeType, VerifiedRequest};

use super::attempt;
use super::credential::{Credential, Evidence, Granted, MsChapV2, Offered};
use super::exchange::{AcceptedBy, Exchange, Outcome, RefusedBy};
use super::route;

/// Whether the request holds an answer to an MS-CHAPv2 challenge.
pub(super) fn is_in(request: &VerifiedRequest<'_>) -> bool {
    request
        .vendor(microsoft::VENDOR, microsoft::MS_CHAP2_RESPONSE)
        .is_some()
}

/// Takes the answer out and lets it be decided upon.
pub(super) fn handle(mut exchange: Exchange, request: &VerifiedRequest<'_>) {
    exchange.facts.method = "mschapv2";
    let name = request.first(AttributeType::USER_NAME).unwrap_or_default();
    let Some(response) = Response::read(request) else {
        exchange.facts.detail = Some("MS-CHAP-Challenge or MS-CHAP2-Response has a wrong length");
        return exchange.refuse(Refusal::MethodNotAllowed);
    };
    let identifier = response.identifier;
    let refused = move |exchange: Exchange, refusal| {
        let with = RefusedBy::MsChapV2 { identifier };
        exchange.finish(Outcome::Reject {
            refusal,
            detail: None,
            with,
        });
    };
    let routed = match route::route(name, &exchange.policy.realms) {
        Ok(routed) => routed,
        Err(refusal) => return refused(exchange, refusal),
    };
    let offered = Offered::MsChapV2(MsChapV2 {
        name: name.to_vec(),
        authenticator_challenge: response.authenticator_challenge,
        peer_challenge: response.peer_challenge,
        nt_response: response.nt_response,
    });
    let credential = Credential {
        name: routed,
        offered,
    };
    attempt::log_on(
        exchange,
        credential,
        move |exchange, decision| match decision {
            Ok(Granted {
                grant,
                evidence: Evidence::MsChapV2(success),
            }) => {
                let with = AcceptedBy::MsChapV2 {
                    identifier,
                    success,
                };
                exchange.finish(Outcome::Accept { grant, with });
            }
            // A password was proven where a response was offered: a bug, and nobody gets in by it.
            Ok(_) => refused(exchange, Refusal::MethodNotAllowed),
            Err(refusal) => refused(exchange, refusal),
        },
    );
}

/// MS-CHAP-Challenge and MS-CHAP2-Response (RFC 2548 §2.1.2, §2.3.2).
struct Response {
    identifier: u8,
    authenticator_challenge: [u8; 16],
    peer_challenge: [u8; 16],
    nt_response: [u8; 24],
}

impl Response {
    /// `None` where one is missing or of a wrong length.
    fn read(request: &VerifiedRequest<'_>) -> Option<Self> {
        let challenge = request.vendor(microsoft::VENDOR, microsoft::MS_CHAP_CHALLENGE)?;
        let response = request.vendor(microsoft::VENDOR, microsoft::MS_CHAP2_RESPONSE)?;
        let (&[identifier, _flags], rest) = response.split_first_chunk::<2>()?;
        let (peer_challenge, rest) = rest.split_first_chunk::<16>()?;
        let (_reserved, rest) = rest.split_first_chunk::<8>()?;
        Some(Self {
            identifier,
            authenticator_challenge: challenge.try_into().ok()?,
            peer_challenge: *peer_challenge,
            nt_response: rest.try_into().ok()?,
        })
    }
}

/// The value of MS-CHAP2-Success (RFC 2548 §2.3.3): Ident and `S=…`.
pub(super) fn success(identifier: u8, success: &MsChapV2Success) -> Vec<u8> {
    let mut value = vec![identifier];
    value.extend_from_slice(&success.authenticator_response);
    value
}

/// The value of MS-CHAP-Error (RFC 2548 §2.1.5): Ident, and "no" without a hint or a second try
/// (I6). `challenge` is what RFC 2759 §6 wants in it.
pub(super) fn error(identifier: u8, challenge: &[u8; 16]) -> Vec<u8> {
    let challenge = u128::from_be_bytes(*challenge);
    let mut value = vec![identifier];
    let text = format!("E=691 R=0 C={challenge:032X} V=3 M=Authentication failed");
    value.extend_from_slice(text.as_bytes());
    value
}
