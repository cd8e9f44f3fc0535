//! Answers to a challenge outside EAP, as VPN concentrators send them: MS-CHAPv2 (RFC 2548 §2.3,
//! RFC 2759), MS-CHAP (RFC 2433), and CHAP, which can only be refused.
//!
//! Such an exchange gives the NT hash away to whoever overhears it, so each is off unless a client
//! is configured for it, and no client of eduroam should be (I1).

use portvakt_auth::Refusal;
use portvakt_auth::password::MissingSecret;
use portvakt_radius::{AttributeType, ChallengeCredential, ChallengeError, VerifiedRequest};

use super::attempt;
use super::credential::{Credential, Evidence, Granted, MsChap, MsChapV2, Offered};
use super::exchange::{AcceptedBy, Exchange, Outcome, RefusedBy};
use super::route;

/// Takes the answer out and lets it be decided upon.
pub(super) fn handle(
    mut exchange: Exchange,
    request: &VerifiedRequest<'_>,
    credential: &ChallengeCredential<'_>,
) {
    let name = request.first(AttributeType::USER_NAME).unwrap_or_default();
    let methods = exchange.client.methods;
    let (method, allowed) = match credential {
        ChallengeCredential::Chap { .. } => ("chap", true),
        ChallengeCredential::MsChap { .. } => ("mschap", methods.legacy_mschap),
        ChallengeCredential::MsChapV2 { .. } => ("mschapv2", methods.mschapv2),
    };
    exchange.facts.method = method;
    if !allowed {
        return exchange.refuse(Refusal::MethodNotAllowed);
    }
    let Some((offered, refused_by)) = offer(credential, name) else {
        exchange.facts.detail = Some(MissingSecret::ClearText.for_helpdesk().into());
        return exchange.refuse(MissingSecret::ClearText.refusal());
    };
    let name = match route::route(name, &exchange.policy.realms) {
        Ok(name) => name,
        Err(refusal) => return refuse(exchange, refusal, refused_by),
    };
    let credential = Credential { name, offered };
    attempt::log_on(
        exchange,
        credential,
        move |exchange, decision| match decision {
            Ok(granted) => accept(exchange, granted, refused_by),
            Err(refusal) => refuse(exchange, refusal, refused_by),
        },
    );
}

/// What is offered, and how its refusal is told; `None` for CHAP, which only a password in clear
/// text could answer.
fn offer(credential: &ChallengeCredential<'_>, name: &[u8]) -> Option<(Offered, RefusedBy)> {
    match *credential {
        ChallengeCredential::Chap { .. } => None,
        ChallengeCredential::MsChap {
            identifier,
            challenge,
            nt_response,
        } => {
            let offered = MsChap {
                challenge: *challenge,
                nt_response: *nt_response,
            };
            Some((Offered::MsChap(offered), RefusedBy::MsChap { identifier }))
        }
        ChallengeCredential::MsChapV2 {
            identifier,
            authenticator_challenge,
            peer_challenge,
            nt_response,
        } => {
            let offered = MsChapV2 {
                name: name.to_vec(),
                authenticator_challenge: *authenticator_challenge,
                peer_challenge: *peer_challenge,
                nt_response: *nt_response,
            };
            Some((
                Offered::MsChapV2(offered),
                RefusedBy::MsChapV2 { identifier },
            ))
        }
    }
}

fn accept(exchange: Exchange, granted: Granted, refused_by: RefusedBy) {
    let Granted { grant, evidence } = granted;
    let with = match (evidence, &refused_by) {
        (Evidence::MsChap(success), _) => AcceptedBy::MsChap(success),
        (Evidence::MsChapV2(success), &RefusedBy::MsChapV2 { identifier }) => {
            AcceptedBy::MsChapV2 {
                identifier,
                success,
            }
        }
        // Something else was proven than was offered: a bug, and nobody gets in by it.
        _ => return refuse(exchange, Refusal::MethodNotAllowed, refused_by),
    };
    exchange.finish(Outcome::Accept { grant, with });
}

fn refuse(exchange: Exchange, refusal: Refusal, with: RefusedBy) {
    exchange.finish(Outcome::Reject {
        refusal,
        detail: None,
        with,
    });
}

/// Refuses a request whose answer can't be read, or that has more than one.
pub(super) fn refuse_broken(exchange: Exchange, error: &ChallengeError) {
    let detail = Some(error.to_string());
    let refusal = Refusal::MethodNotAllowed;
    exchange.finish(Outcome::Reject {
        refusal,
        detail,
        with: RefusedBy::Bare,
    });
}
