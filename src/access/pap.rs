//! A bare User-Password (RFC 2865 §5.2), as VPN concentrators send it.

use portvakt_auth::Refusal;
use portvakt_radius::{AttributeType, VerifiedRequest};

use super::attempt;
use super::credential::{Credential, Granted, Offered};
use super::exchange::{AcceptedBy, Exchange, Outcome, RefusedBy};
use super::held::HeldPassword;
use super::route;

/// Takes the password out and lets it be decided upon.
pub(super) fn handle(mut exchange: Exchange, request: &VerifiedRequest<'_>) {
    exchange.facts.method = "pap";
    let password = match request.user_password(&exchange.client.secret) {
        Ok(password) => password,
        Err(error) => return exchange.refuse_with(Refusal::MethodNotAllowed, error.to_string()),
    };
    let name = request.first(AttributeType::USER_NAME);
    let name = match route::route(name, &exchange.policy.realms) {
        Ok(name) => name,
        Err(refused) => return exchange.refuse_with(refused.refusal, refused.detail),
    };
    let credential = Credential {
        name,
        offered: Offered::Password(HeldPassword::new(password.as_bytes())),
    };
    attempt::log_on(exchange, credential, |exchange, decision| {
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
