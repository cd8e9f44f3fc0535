//! Answers to a challenge outside EAP, as VPN concentrators send them: MS-CHAPv2 (RFC 2548 §2.3,
//! RFC 2759) with its change of password, MS-CHAP (RFC 2433), and CHAP (RFC 2865 §5.3).
//!
//! Such an exchange gives the NT hash away to whoever overhears it, so each is off unless a client
//! is configured for it, and no client of eduroam should be (I1).

use portvakt_auth::mschap::{MsChapExchange, MsChapV2Exchange, PasswordChange};
use portvakt_auth::{ChapExchange, Refusal};
use portvakt_eap::MsChapV2Error;
use portvakt_radius::{AttributeType, ChallengeCredential, ChallengeError, VerifiedRequest};

use super::authentication;
use super::credential::{Credential, Granted, MutualProof, Offered};
use super::exchange::{AcceptedBy, Exchange, MsChapVersion, Outcome, RefusedBy};
use super::{intake, ms_chap_error};
use crate::policy::Route;

/// How a device is answered.
#[derive(Clone, Copy)]
enum Speaks {
    /// CHAP: yes or no.
    Chap,
    /// MS-CHAP.
    MsChap { identifier: u8 },
    /// MS-CHAPv2; `changing` if it has sent a new password.
    MsChapV2 { identifier: u8, changing: bool },
}

/// Takes the answer out and lets it be decided upon.
pub(super) fn handle(
    mut exchange: Exchange,
    request: &VerifiedRequest<'_>,
    credential: &ChallengeCredential<'_>,
    route: Route,
) {
    let name = request.first(AttributeType::USER_NAME);
    let methods = exchange.peer.client.methods;
    let (method, allowed) = match credential {
        ChallengeCredential::Chap { .. } => ("chap", methods.legacy_chap),
        ChallengeCredential::MsChap { .. } => ("mschap", methods.legacy_mschap),
        ChallengeCredential::MsChapV2 { .. } | ChallengeCredential::MsChapV2Change { .. } => {
            ("mschapv2", methods.mschapv2)
        }
    };
    exchange.context.method = method;
    if !allowed {
        let detail = intake::not_among(spelled(credential), methods);
        return exchange.refuse_with(Refusal::MethodNotAllowed, detail);
    }
    let (offered, speaks) = offer(credential, name.unwrap_or_default());
    let name = match route {
        Ok(name) => name,
        Err(refused) => {
            exchange.context.detail = Some(refused.detail.into());
            exchange.context.symptom = refused.symptom;
            return refuse(exchange, refused.refusal, speaks);
        }
    };
    let credential = Credential { name, offered };
    authentication::authenticate(
        exchange,
        credential,
        move |exchange, decision| match decision {
            Ok(granted) => accept(exchange, granted, speaks),
            Err(refusal) => refuse(exchange, refusal, speaks),
        },
    );
}

/// The method's name as its RFC has it.
fn spelled(credential: &ChallengeCredential<'_>) -> &'static str {
    match credential {
        ChallengeCredential::Chap { .. } => "CHAP",
        ChallengeCredential::MsChap { .. } => "MS-CHAP",
        ChallengeCredential::MsChapV2 { .. } | ChallengeCredential::MsChapV2Change { .. } => {
            "MS-CHAPv2"
        }
    }
}

/// The offered proof, and the form of the answer to the device.
fn offer(credential: &ChallengeCredential<'_>, name: &[u8]) -> (Offered, Speaks) {
    match *credential {
        ChallengeCredential::Chap {
            identifier,
            challenge,
            response,
        } => {
            let offered = ChapExchange {
                identifier,
                challenge: challenge.to_vec(),
                response: *response,
            };
            (Offered::Chap(offered), Speaks::Chap)
        }
        ChallengeCredential::MsChap {
            identifier,
            challenge,
            nt_response,
        } => {
            let offered = MsChapExchange {
                challenge: *challenge,
                nt_response: *nt_response,
            };
            (Offered::MsChap(offered), Speaks::MsChap { identifier })
        }
        ChallengeCredential::MsChapV2 {
            identifier,
            authenticator_challenge,
            peer_challenge,
            nt_response,
        } => {
            let offered = exchange(name, authenticator_challenge, peer_challenge, nt_response);
            let changing = false;
            let speaks = Speaks::MsChapV2 {
                identifier,
                changing,
            };
            (Offered::MsChapV2(offered), speaks)
        }
        ChallengeCredential::MsChapV2Change {
            identifier,
            authenticator_challenge,
            peer_challenge,
            nt_response,
            encrypted_password,
            encrypted_hash,
        } => {
            let offered = PasswordChange {
                exchange: exchange(name, authenticator_challenge, peer_challenge, nt_response),
                encrypted_password: Box::new(encrypted_password.whole()),
                encrypted_hash: *encrypted_hash,
            };
            let changing = true;
            let speaks = Speaks::MsChapV2 {
                identifier,
                changing,
            };
            (Offered::MsChapV2Change(offered), speaks)
        }
    }
}

fn exchange(
    name: &[u8],
    authenticator_challenge: &[u8; 16],
    peer_challenge: &[u8; 16],
    nt_response: &[u8; 24],
) -> MsChapV2Exchange {
    MsChapV2Exchange {
        name: name.to_vec(),
        authenticator_challenge: *authenticator_challenge,
        peer_challenge: *peer_challenge,
        nt_response: *nt_response,
    }
}

fn accept(exchange: Exchange, granted: Granted, speaks: Speaks) {
    let Granted {
        grant,
        mutual_proof,
    } = granted;
    let with = match (mutual_proof, speaks) {
        (MutualProof::None, Speaks::Chap) => AcceptedBy::Chap,
        (MutualProof::MsChap(success), Speaks::MsChap { .. }) => AcceptedBy::MsChap(success),
        (MutualProof::MsChapV2(success), Speaks::MsChapV2 { identifier, .. }) => {
            AcceptedBy::MsChapV2 {
                identifier,
                success,
            }
        }
        // Something else was proven than was offered: a bug, and nobody gets in by it.
        _ => return refuse(exchange, Refusal::MethodNotAllowed, speaks),
    };
    exchange.finish(Outcome::Accept { grant, with });
}

fn refuse(exchange: Exchange, refusal: Refusal, speaks: Speaks) {
    let with = refused_by(&exchange, refusal, speaks);
    exchange.finish(Outcome::Reject {
        refusal,
        detail: None,
        with,
    });
}

/// The refusal for the device. The first version has no change of password that is spoken here, and
/// a change that failed is not asked for again.
fn refused_by(exchange: &Exchange, refusal: Refusal, speaks: Speaks) -> RefusedBy {
    let may_retry =
        exchange.peer.client.mschap_retry && ms_chap_error::looks_like_a_wrong_password(refusal);
    let tell = |version, identifier, error: MsChapV2Error, retry| RefusedBy::MsChap {
        version,
        identifier,
        error,
        retry,
    };
    match speaks {
        Speaks::Chap => RefusedBy::Bare,
        Speaks::MsChap { identifier } => {
            let error = ms_chap_error::of(refusal, false);
            tell(MsChapVersion::One, identifier, error, may_retry)
        }
        Speaks::MsChapV2 {
            identifier,
            changing: true,
        } => {
            let error = ms_chap_error::of_change(refusal);
            tell(MsChapVersion::Two, identifier, error, false)
        }
        Speaks::MsChapV2 { identifier, .. } => {
            let error = ms_chap_error::of(refusal, exchange.can_change_password);
            tell(MsChapVersion::Two, identifier, error, may_retry)
        }
    }
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
