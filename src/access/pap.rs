//! A bare User-Password (RFC 2865 §5.2), as VPN concentrators send it.

use portvakt_auth::{Refusal, Symptom, password};
use portvakt_radius::VerifiedRequest;

use super::authentication;
use super::credential::{Credential, Granted, Offered};
use super::exchange::{AcceptedBy, Exchange, Outcome, RefusedBy};
use super::received_password::ReceivedPassword;
use crate::policy::Route;
use crate::transport::DropReason;

/// Said of a password that was hidden under another secret, as far as can be told.
const NOISE: &str = "the password makes no sense: the shared secret may differ";

/// Takes the password out and lets it be decided upon.
pub(super) fn handle(mut exchange: Exchange, request: &VerifiedRequest<'_>, route: Route) {
    exchange.context.method = "pap";
    let password = match exchange.peer.security().user_password(request) {
        Ok(password) => password,
        Err(error) => return exchange.refuse_with(Refusal::MethodNotAllowed, error.to_string()),
    };
    if !request.is_signed() && !password::is_plausible(password.as_bytes()) {
        return refuse_noise(exchange);
    }
    let name = match route {
        Ok(name) => name,
        Err(refused) => {
            exchange.context.symptom = refused.symptom;
            return exchange.refuse_with(refused.refusal, refused.detail);
        }
    };
    let offered = Offered::Password(ReceivedPassword::new(password.as_bytes()));
    if let Some(detail) = offered.why_no_password() {
        return exchange.refuse_with(Refusal::NotAPassword, detail.to_owned());
    }
    let credential = Credential { name, offered };
    authentication::authenticate(exchange, credential, |exchange, decision| {
        exchange.finish(match decision {
            Ok(Granted { grant, .. }) => Outcome::Accept {
                grant,
                with: AcceptedBy::Pap,
            },
            Err(refusal) => Outcome::Reject {
                refusal,
                detail: None,
                with: RefusedBy::Bare,
            },
        });
    });
}

/// Refuses what was hidden under another secret than ours, uncounted: a guess is text. Nothing else
/// proves that an unsigned request comes from the client, so else a wrong secret would lock everybody
/// who logs on, and anybody who can send from the client's address could lock anybody.
fn refuse_noise(mut exchange: Exchange) {
    let (peer, client) = (
        exchange.context.peer.ip(),
        exchange.peer.client.name.as_str(),
    );
    let drops = &exchange.access.state.drops;
    drops.note(peer, Some(client), DropReason::SecretDoubtful);
    exchange.context.symptom = Some(Symptom::SecretDoubtful);
    exchange.refuse_with(Refusal::NotAPassword, NOISE.to_owned());
}
