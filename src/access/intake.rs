//! The first check of an Access-Request, before its name matters: attributes that may be there
//! once, one kind of credential, and a method that its client may bring.
//!
//! All that is refused here is refused in words: it is what a NAS shows that is being set up.

use portvakt_auth::Refusal;
use portvakt_radius::dictionary::microsoft;
use portvakt_radius::{AttributeType, ChallengeCredential, EapMessage, VerifiedRequest, deciding};

use super::exchange::Exchange;
use super::{challenge, eap, pap, request_context};
use crate::config::ClientMethods;
use crate::policy::Route;

/// Service-Type of a request that wants no log-on (RFC 5176 §3.2).
const AUTHORIZE_ONLY: u32 = 17;

/// Hands the request to the method that it speaks, or refuses it.
pub(super) fn handle(mut exchange: Exchange, request: &VerifiedRequest<'_>, route: Route) {
    let methods = exchange.peer.client.methods;
    if let Some(name) = deciding::repeated(request) {
        let detail = format!("{name} is there twice, and may be there once");
        return match request.eap_message() {
            Some(message) => eap::refuse_unread(exchange, message, detail),
            None => exchange.refuse_with(Refusal::MethodNotAllowed, detail),
        };
    }
    match request.eap_message() {
        Some(message) => handle_eap(exchange, request, message, route),
        None => match ChallengeCredential::read(request) {
            Ok(Some(credential)) => challenge::handle(exchange, request, &credential, route),
            Ok(None) if request.first(AttributeType::USER_PASSWORD).is_none() => {
                let detail = no_credential(&exchange, request);
                exchange.refuse_with(Refusal::MethodNotAllowed, detail);
            }
            Ok(None) if methods.pap => pap::handle(exchange, request, route),
            Ok(None) => {
                exchange.context.method = "pap";
                let mut detail = not_among("PAP", methods);
                if request_context::names_itself(&exchange.context) {
                    detail = format!("{detail}; {}", request_context::MAC_AUTHENTICATION);
                }
                exchange.refuse_with(Refusal::MethodNotAllowed, detail);
            }
            Err(error) => challenge::refuse_broken(exchange, &error),
        },
    }
}

fn handle_eap(
    mut exchange: Exchange,
    request: &VerifiedRequest<'_>,
    message: EapMessage<'_>,
    route: Route,
) {
    exchange.context.method = "eap";
    let methods = exchange.peer.client.methods;
    if let Some(name) = beside_eap(request) {
        let detail = format!("{name} beside EAP-Message: a request brings one of them");
        return eap::refuse_unread(exchange, message, detail);
    }
    match methods.eap {
        true => eap::handle(exchange, request, message, route),
        false => eap::refuse_unread(exchange, message, not_among("EAP", methods)),
    }
}

/// Another credential than the EAP packet (RFC 3579 §3.3, note 1): whose word would count?
fn beside_eap(request: &VerifiedRequest<'_>) -> Option<&'static str> {
    let plain = [
        (AttributeType::USER_PASSWORD, "User-Password"),
        (AttributeType::CHAP_PASSWORD, "CHAP-Password"),
        (AttributeType::ARAP_PASSWORD, "ARAP-Password"),
    ];
    let found = plain
        .into_iter()
        .find(|(kind, _)| request.first(*kind).is_some());
    let answers = [
        microsoft::MS_CHAP_RESPONSE,
        microsoft::MS_CHAP2_RESPONSE,
        microsoft::MS_CHAP2_CPW,
    ];
    let is_there = |kind: &u8| request.vendor(microsoft::VENDOR, *kind).is_some();
    match found {
        Some((_, name)) => Some(name),
        None => answers
            .iter()
            .any(is_there)
            .then_some("an answer to MS-CHAP"),
    }
}

/// The detail of a refusal for a method that the client may not bring.
pub(super) fn not_among(method: &str, methods: ClientMethods) -> String {
    format!("this client may not bring {method}: its methods are {methods}")
}

fn no_credential(exchange: &Exchange, request: &VerifiedRequest<'_>) -> String {
    if request.integer(AttributeType::SERVICE_TYPE) == Some(AUTHORIZE_ONLY) {
        return "Service-Type is Authorize-Only: there is no log-on in it".to_owned();
    }
    let nothing = "the request has no EAP-Message, User-Password or answer to a challenge";
    match request_context::names_itself(&exchange.context) {
        true => format!("{nothing}; {}", request_context::MAC_AUTHENTICATION),
        false => nothing.to_owned(),
    }
}
