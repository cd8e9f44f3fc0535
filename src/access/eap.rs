//! EAP over RADIUS (RFC 3579): a conversation per supplicant, one step per Access-Request.

use std::sync::Arc;

use portvakt_auth::mschap::{MsChapExchange, MsChapV2Exchange, PasswordChange};
use portvakt_auth::{AccountId, ChapExchange, Grant, Refusal};
use portvakt_eap::packet::{self, Body, Code, EapPacket, EapType};
use portvakt_eap::{
    Authorization, Conversation, EapError, FailureCause, IdentityType, InnerCredential, InnerKey,
    Limits, Message, SessionId, Stage, Step, Untaken, UntunnelledOffer, Verdict,
};
use portvakt_radius::{AttributeType, EapMessage, VerifiedRequest};
use zeroize::Zeroizing;

use super::authentication::{self, Decision};
use super::conversations::{Full, PendingConversation, StateToken};
use super::credential::{Credential, MutualProof, Offered};
use super::exchange::{AcceptedBy, AskedFor, Exchange, Outcome, RefusedBy};
use super::ms_chap_error::Retries;
use super::received_password::ReceivedPassword;
use super::repeats::Arrival;
use super::report::EvictionReason;
use super::request_context::RequestContext;
use super::{report, request_context, symptom};
use crate::metrics::HandshakeOutcome;
use crate::policy::Policy;
use crate::policy::route;
use crate::policy::{LocalName, NameRefused, Route};

/// The prefix of a machine's name.
const HOST: &[u8] = b"host/";
/// Said of a machine whose name does not.
const NO_HOST: &str = "TEAP asked for the machine, and the name that the device gave does not begin \
                       with host/";
/// Said of a certificate without a name of ours.
const NAMES_NOBODY: &str = "the certificate names nobody of the outer name's realm where client-names \
                            looks";

/// Said of a method, outer or inner, that a reload has taken away since its conversation began.
const WITHDRAWN: &str = "this method is no longer offered: the configuration was reloaded while the \
                         conversation was under way";

/// Takes the EAP packet of a request to the conversation that it belongs to, or begins one.
pub(super) fn handle(
    mut exchange: Exchange,
    request: &VerifiedRequest<'_>,
    message: EapMessage<'_>,
    route: Route,
) {
    let limits = request_context::eap_limits(request, exchange.policy.max_fragment);
    let response = whole(message);
    exchange.eap_identifier = packet::identifier_of(&response);
    let state = request.first(AttributeType::STATE);
    match state {
        Some(state) if !begins(&response) => return resume(exchange, state, &response, limits),
        Some(state) => end_former(&exchange, state),
        None => {}
    }
    if response.is_empty() {
        let [identifier] = crate::random::bytes();
        let eap = packet::write_typed(Code::Request, identifier, EapType::IDENTITY, &[]);
        return exchange.finish(Outcome::AskIdentity { eap });
    }
    begin(exchange, request, &response, limits, route);
}

/// Whether a conversation begins with it, whatever State came along: EAP-Start (RFC 3579 §2.1), and
/// an Identity, which is never the answer to anything of a conversation. Equipment that keeps the
/// State of an earlier one must not shut the device out.
fn begins(response: &[u8]) -> bool {
    let is_identity = |packet: EapPacket<'_>| {
        packet.code == Code::Response && matches!(packet.body, Body::Identity(_))
    };
    response.is_empty() || EapPacket::read(response).is_ok_and(is_identity)
}

/// The device begins anew: its former conversation is over.
fn end_former(exchange: &Exchange, state: &[u8]) {
    let former = exchange.access.conversations.take_of_device(
        state,
        &exchange.peer.client,
        exchange.context.calling_station.as_ref(),
        exchange.arrived(),
    );
    give_way(exchange, former, EvictionReason::ToANewIdentity);
}

/// Refuses a request with EAP in it before that is looked at.
pub(super) fn refuse_unread(mut exchange: Exchange, message: EapMessage<'_>, detail: String) {
    exchange.eap_identifier = packet::identifier_of(&whole(message));
    refuse(exchange, Refusal::MethodNotAllowed, Some(detail));
}

fn whole(message: EapMessage<'_>) -> Vec<u8> {
    let mut packet = Vec::with_capacity(message.len());
    message.copy_into(&mut packet);
    packet
}

fn begin(
    mut exchange: Exchange,
    request: &VerifiedRequest<'_>,
    response: &[u8],
    limits: Limits,
    route: Route,
) {
    exchange.context.eap_identity = identity(response).map(request_context::text);
    let name = request.first(AttributeType::USER_NAME);
    let outer = match route {
        // I1: a roaming user's server can't have meant us by a name without a realm.
        Ok(_) if exchange.peer.client.federation_peer && !name.is_some_and(has_realm) => {
            let detail = Some("a federation peer's users have a realm in their names".to_owned());
            return refuse(exchange, Refusal::RealmUnknown, detail);
        }
        Ok(outer) => outer,
        Err(refused) => {
            exchange.context.symptom = refused.symptom;
            return refuse(exchange, refused.refusal, Some(refused.detail));
        }
    };
    let policy = Arc::clone(&exchange.policy);
    let Some(methods) = policy.methods(&outer, &exchange.peer.client.service) else {
        let detail = Some("no EAP method is offered to this realm and service".to_owned());
        return refuse(exchange, Refusal::MethodNotAllowed, detail);
    };
    match exchange.access.conversations.make_room() {
        Ok(displaced) => give_way(&exchange, displaced, EvictionReason::ForRoom),
        Err(Full) => {
            let detail = Some("as many conversations as max-conversations allows".to_owned());
            return refuse(exchange, Refusal::Overloaded, detail);
        }
    }
    let untunnelled = untunnelled(&exchange, request);
    match Conversation::start_untunnelled(methods, untunnelled, response) {
        Ok((conversation, step)) => {
            let pending = Box::new(PendingConversation {
                conversation,
                outer,
                decision: None,
                is_refusal_recorded: false,
                decided_on: IdentityType::User,
                retries: Retries::new(exchange.policy.mschapv2_retries),
                inner_identity: Vec::new(),
                context: exchange.context.clone(),
                client: Arc::clone(&exchange.peer.client),
                since: exchange.arrived(),
                former: None,
            });
            advance(exchange, pending, step, limits);
        }
        Err(error) => refuse_broken(exchange, &error),
    }
}

/// Methods without a tunnel: for a gateway's devices within IKEv2, not for those that come by radio or
/// by wire to equipment that is both.
fn untunnelled(exchange: &Exchange, request: &VerifiedRequest<'_>) -> UntunnelledOffer {
    let methods = &exchange.peer.client.ikev2_methods;
    let methods = match request_context::is_virtual(request) {
        true => Arc::clone(methods),
        false => Arc::default(),
    };
    match methods.is_empty() {
        true => UntunnelledOffer::none(),
        false => UntunnelledOffer::new(methods, crate::random::bytes()),
    }
}

/// The name in EAP-Response/Identity (RFC 3748 §5.1).
fn identity(response: &[u8]) -> Option<&[u8]> {
    match EapPacket::read(response).ok()?.body {
        Body::Identity(name) => Some(name),
        _ => None,
    }
}

/// Whether a name that can be routed names its realm itself, not by a Windows domain.
fn has_realm(name: &[u8]) -> bool {
    name.contains(&b'@')
}

fn resume(exchange: Exchange, state: &[u8], response: &[u8], limits: Limits) {
    let Ok(state) = StateToken::try_from(state) else {
        return refuse_stale(exchange);
    };
    let access = Arc::clone(&exchange.access);
    let now = exchange.arrived();
    match access.repeats.arrive(exchange, state, response, now) {
        Arrival::New(exchange) => go_on(exchange, state, response, limits),
        Arrival::Repeated(exchange, given) => exchange.repeat(&given),
        Arrival::Waits => {}
        Arrival::Spent(exchange) => refuse_stale(exchange),
    }
}

fn go_on(mut exchange: Exchange, state: StateToken, response: &[u8], limits: Limits) {
    let access = Arc::clone(&exchange.access);
    let pending = access
        .conversations
        .take(&state, &exchange.peer.client, exchange.arrived());
    let Some(mut pending) = pending else {
        // Only what a conversation was asked is kept.
        let waiting = exchange.repeats_of.take();
        let waiting = waiting.and_then(|state| access.repeats.forget(&state));
        waiting.into_iter().for_each(refuse_stale);
        return refuse_stale(exchange);
    };
    if let Some(former) = std::mem::replace(&mut pending.former, exchange.repeats_of) {
        access.repeats.forget(&former);
    }
    match pending.conversation.handle_response(response, limits) {
        Ok(step) => advance(exchange, pending, step, limits),
        Err(error) => answer_untaken(exchange, pending, response, error),
    }
}

fn refuse_stale(exchange: Exchange) {
    let detail = "the State belongs to no conversation: it ended, is used up, or was never ours";
    refuse(exchange, Refusal::GaveUp, Some(detail.to_owned()));
}

/// The EAP packet makes no sense here: the last request again, or the end.
fn answer_untaken(
    exchange: Exchange,
    mut pending: Box<PendingConversation>,
    response: &[u8],
    error: EapError,
) {
    let untaken = pending.conversation.answer_untaken(response, error);
    let exchange = with_context_of(exchange, &pending);
    match untaken {
        Untaken::Again {
            request,
            is_invalid,
        } => {
            let (state, displaced) = exchange.access.conversations.suspend_again(pending);
            give_way(&exchange, displaced, EvictionReason::ToItsDevice);
            exchange.finish(Outcome::Challenge {
                state,
                eap: request,
                is_invalid,
                refusal: None,
            });
        }
        Untaken::Failure { packet, cause } => fail(exchange, &pending, packet, cause),
    }
}

/// Tells of the conversation that ended to make room.
fn give_way(exchange: &Exchange, displaced: Option<Box<PendingConversation>>, why: EvictionReason) {
    if let Some(displaced) = displaced {
        report::evicted(&displaced, &exchange.access, why);
    }
}

/// The exchange with the facts of the conversation's earlier requests.
fn with_context_of(mut exchange: Exchange, pending: &PendingConversation) -> Exchange {
    let earlier = &pending.context;
    exchange.is_refusal_recorded = pending.is_refusal_recorded;
    let own = report::with_method(exchange.context, &pending.conversation);
    exchange.context = RequestContext {
        began: earlier.began,
        eap_identity: earlier.eap_identity.clone(),
        inner_identity: earlier.inner_identity.clone(),
        account: earlier.account.clone(),
        machine: earlier.machine.clone(),
        detail: own.detail.or_else(|| earlier.detail.clone()),
        symptom: own.symptom.or(earlier.symptom),
        ..own
    };
    exchange
}

/// Does what the conversation wants next.
fn advance(exchange: Exchange, mut pending: Box<PendingConversation>, step: Step, limits: Limits) {
    let exchange = with_context_of(exchange, &pending);
    match step {
        Step::Request(eap) => {
            let refusal = refusal_to_record(&mut pending);
            let table = &exchange.access.conversations;
            let (state, displaced) = table.suspend(pending, exchange.has_left(eap.leaves()));
            give_way(&exchange, displaced, EvictionReason::ToItsDevice);
            exchange.finish(Outcome::Challenge {
                state,
                eap,
                is_invalid: false,
                refusal,
            });
        }
        Step::Authenticate(credential) => prove(exchange, pending, credential, limits),
        Step::FindSession(id) => find_session(exchange, pending, id, limits),
        Step::Success { packet, keys } => match pending.decision.take() {
            Some(Ok(grant)) => {
                exchange.finish(Outcome::Accept {
                    grant,
                    with: AcceptedBy::Eap(packet, keys),
                });
            }
            // A method that succeeds without our word would be a bug; nobody gets in by it.
            _ => {
                let detail = Some("the method succeeded though nothing was granted".to_owned());
                refuse(exchange, Refusal::MethodNotAllowed, detail);
            }
        },
        Step::Failure { packet, cause } => fail(exchange, &pending, packet, cause),
    }
}

/// The refusal that the next request tells the device for good, once.
fn refusal_to_record(pending: &mut PendingConversation) -> Option<Refusal> {
    let refusal = pending.decision.as_ref()?.as_ref().err().copied()?;
    let is_news = !pending.is_refusal_recorded;
    let is_told = pending.conversation.stage() == Stage::FailureIndication;
    pending.is_refusal_recorded |= is_told;
    (is_told && is_news).then_some(refusal)
}

/// Has a TLS session looked for that is not in memory, and goes on with it, or without.
fn find_session(
    exchange: Exchange,
    mut pending: Box<PendingConversation>,
    id: SessionId,
    limits: Limits,
) {
    let state = Arc::clone(&exchange.access.state);
    let sessions = state.sessions.clone();
    let found = move |sealed: Option<Vec<u8>>| {
        let is_found = sealed.is_some_and(|sealed| sessions.adopt(id, &sealed));
        match pending.conversation.handle_search(is_found, limits) {
            Ok(step) => advance(exchange, pending, step, limits),
            Err(error) => {
                tracing::error!(%error, "a conversation did not take the session it had asked for");
                refuse(exchange, Refusal::GaveUp, Some(error.to_string()));
            }
        }
    };
    state.store.find_tls_session(id, Box::new(found));
}

/// Ends it with the conversation's EAP-Failure.
fn fail(
    mut exchange: Exchange,
    pending: &PendingConversation,
    packet: Message,
    cause: FailureCause,
) {
    report::handshake_failed(&exchange.access.state.metrics, &cause);
    if !matches!(pending.decision, Some(Err(_))) {
        exchange.context.symptom = symptom::of_failure(&cause);
    }
    let refusal = report::refusal_of(pending.decision.as_ref(), Some(&cause));
    let detail = report::detail_of(pending.decision.as_ref(), &cause);
    exchange.finish(Outcome::Reject {
        refusal,
        detail,
        with: RefusedBy::Eap(packet),
    });
}

/// Has what the device offers decided upon, and goes on with the verdict.
fn prove(
    mut exchange: Exchange,
    mut pending: Box<PendingConversation>,
    credential: InnerCredential,
    limits: Limits,
) {
    let asked = pending.conversation.identity_type();
    let decided_on = std::mem::replace(&mut pending.decided_on, asked);
    match pending.decision.take() {
        None => note_handshake(&exchange, &pending),
        Some(Err(refusal)) => note_try(&mut exchange, &mut pending, refusal),
        Some(Ok(machine)) if decided_on != asked => {
            turn_to_user(&mut exchange, &mut pending, &machine);
        }
        // On a resumed session, and now proves itself anew: what was granted by the session is void.
        Some(Ok(_resumed)) => exchange.context.account = None,
    }
    exchange.asked_for = asked_for(asked, exchange.context.machine.as_ref());
    pending.retries.offer(&credential);
    match credential_of(&mut exchange, &mut pending, credential) {
        Ok(credential) => {
            authentication::authenticate(exchange, credential, move |exchange, decision| {
                conclude(exchange, pending, decision, limits);
            });
        }
        Err(refused) => {
            exchange.context.detail = Some(refused.detail.into());
            exchange.context.symptom = refused.symptom;
            conclude(exchange, pending, Err(refused.refusal), limits);
        }
    }
}

/// The credential in the terms of a log-on, with the name to look up; noted down on the way.
fn credential_of(
    exchange: &mut Exchange,
    pending: &mut PendingConversation,
    credential: InnerCredential,
) -> Result<Credential, NameRefused> {
    let refused = |refusal, detail: &str| NameRefused {
        refusal,
        detail: detail.to_owned(),
        symptom: None,
    };
    let (policy, asked) = (&exchange.policy, pending.conversation.identity_type());
    let identity = identity_of(&credential, &pending.outer, policy)
        .map_err(|refusal| refused(refusal, NAMES_NOBODY))?;
    exchange.context.inner_identity = Some(request_context::text(&identity));
    pending
        .context
        .inner_identity
        .clone_from(&exchange.context.inner_identity);
    pending.inner_identity.clone_from(&identity);
    let client = &exchange.peer.client;
    let methods = policy.methods(&pending.outer, &client.service);
    let untunnelled = &client.ikev2_methods;
    if !methods.is_some_and(|methods| pending.conversation.is_offered_by(methods, untunnelled)) {
        return Err(refused(Refusal::MethodNotAllowed, WITHDRAWN));
    }
    let name =
        name_of(&identity, asked, &credential).map_err(|refusal| refused(refusal, NO_HOST))?;
    let name = route::inner_name(name, &pending.outer, &policy.realms)?;
    let offered = offered(credential);
    match offered.why_no_password() {
        Some(detail) => Err(refused(Refusal::NotAPassword, detail)),
        None => Ok(Credential { name, offered }),
    }
}

/// TEAP has the machine's grant and asks for its user, who alone decides what is granted.
fn turn_to_user(exchange: &mut Exchange, pending: &mut PendingConversation, machine: &Grant) {
    for context in [&mut exchange.context, &mut pending.context] {
        context.machine = Some(machine.account().clone());
        context.account = None;
    }
    pending.retries = Retries::new(exchange.policy.mschapv2_retries);
}

/// Counts the handshake of a method that has one.
fn note_handshake(exchange: &Exchange, pending: &PendingConversation) {
    if pending.conversation.tls_version().is_none() {
        return;
    }
    let outcome = match pending.conversation.is_resumed() {
        true => HandshakeOutcome::Resumed,
        false => HandshakeOutcome::Completed,
    };
    exchange.access.state.metrics.handshake(outcome);
}

/// The device was refused, and offers something else now: each try has its own line.
fn note_try(exchange: &mut Exchange, pending: &mut PendingConversation, refusal: Refusal) {
    let earlier = &mut pending.context;
    exchange.context = RequestContext {
        began: earlier.began,
        inner_identity: earlier.inner_identity.clone(),
        account: earlier.account.clone(),
        detail: earlier.detail.take(),
        symptom: earlier.symptom.take(),
        ..report::with_method(exchange.context.clone(), &pending.conversation)
    };
    if !std::mem::take(&mut pending.is_refusal_recorded) {
        report::retried(exchange, refusal);
    }
    exchange.is_refusal_recorded = false;
    exchange.context.detail = None;
    exchange.context.symptom = None;
}

/// The identity inside the tunnel, or that of the certificate.
fn identity_of(
    credential: &InnerCredential,
    outer: &LocalName,
    policy: &Policy,
) -> Result<Vec<u8>, Refusal> {
    match credential {
        InnerCredential::Certificate { certificate } => {
            let named = policy.certificate_names(outer, certificate);
            let mut named = named.into_iter();
            let name = named.find(|name| policy.certificate_may_name(outer, name));
            let name = name.ok_or(Refusal::CertificateInvalid)?;
            Ok(name.as_bytes().to_vec())
        }
        other => Ok(other.identity().to_vec()),
    }
}

/// The identity that is asked for; `machine` is the account that TEAP has let in so far.
fn asked_for(asked: IdentityType, machine: Option<&AccountId>) -> AskedFor {
    match (asked, machine) {
        (IdentityType::Machine, _) => AskedFor::Machine,
        (IdentityType::User, Some(machine)) => AskedFor::UserAt(machine.clone()),
        (IdentityType::User, None) => AskedFor::Anybody,
    }
}

/// The name to look up. A machine that gives a name and a password calls itself `host/NAME`, as
/// Windows does; in a certificate, and in the session of one, the name stands as it is.
fn name_of<'i>(
    identity: &'i [u8],
    asked: IdentityType,
    credential: &InnerCredential,
) -> Result<&'i [u8], Refusal> {
    let machine = identity.split_at_checked(HOST.len());
    let machine = machine.filter(|(host, _)| host.eq_ignore_ascii_case(HOST));
    let may_be_bare = matches!(
        credential,
        InnerCredential::Certificate { .. } | InnerCredential::Resumed { .. }
    );
    match (asked, machine) {
        (IdentityType::Machine, Some((_, name))) => Ok(name),
        (IdentityType::Machine, None) if !may_be_bare => Err(Refusal::WrongIdentityType),
        _ => Ok(identity),
    }
}

/// The credential in the terms of a log-on.
fn offered(credential: InnerCredential) -> Offered {
    match credential {
        InnerCredential::Password { password, .. } => {
            Offered::Password(ReceivedPassword::new(password.as_bytes()))
        }
        InnerCredential::Chap {
            identifier,
            challenge,
            response,
            ..
        } => Offered::Chap(ChapExchange {
            identifier,
            challenge,
            response,
        }),
        InnerCredential::MsChap {
            challenge,
            nt_response,
            ..
        } => Offered::MsChap(MsChapExchange {
            challenge,
            nt_response,
        }),
        InnerCredential::MsChapV2 {
            name,
            authenticator_challenge,
            peer_challenge,
            nt_response,
            ..
        } => Offered::MsChapV2(MsChapV2Exchange {
            name,
            authenticator_challenge,
            peer_challenge,
            nt_response,
        }),
        InnerCredential::MsChapV2Change {
            name,
            authenticator_challenge,
            peer_challenge,
            nt_response,
            encrypted_password,
            encrypted_hash,
            ..
        } => Offered::MsChapV2Change(PasswordChange {
            exchange: MsChapV2Exchange {
                name,
                authenticator_challenge,
                peer_challenge,
                nt_response,
            },
            encrypted_password,
            encrypted_hash,
        }),
        InnerCredential::Resumed { context, .. } => Offered::Session(context),
        InnerCredential::Certificate { .. } => Offered::Certificate,
    }
}

fn conclude(
    exchange: Exchange,
    mut pending: Box<PendingConversation>,
    decision: Decision,
    limits: Limits,
) {
    pending
        .context
        .account
        .clone_from(&exchange.context.account);
    pending.context.detail.clone_from(&exchange.context.detail);
    pending.context.symptom = exchange.context.symptom;
    let verdict = match &decision {
        Ok(granted) => {
            if let Some(context) = granted.grant.session_context() {
                pending.conversation.remember(Authorization {
                    account: granted.grant.account().to_string(),
                    device: device_of(&exchange.context),
                    identity: pending.inner_identity.clone(),
                    context,
                });
            }
            accepted(&granted.mutual_proof)
        }
        Err(refusal) => {
            let can_change = exchange.can_change_password;
            let challenge = crate::random::bytes();
            pending.retries.verdict(*refusal, can_change, challenge)
        }
    };
    pending.decision = Some(decision.map(|granted| granted.grant));
    match pending.conversation.handle_verdict(verdict, limits) {
        Ok(step) => advance(exchange, pending, step, limits),
        Err(error) => {
            tracing::error!(%error, "a conversation did not take the verdict it had asked for");
            refuse(exchange, Refusal::GaveUp, Some(error.to_string()));
        }
    }
}

/// The name of the device (Calling-Station-Id) as octets; empty without one.
fn device_of(context: &RequestContext) -> Vec<u8> {
    let station = context.calling_station.as_deref();
    station.unwrap_or_default().as_bytes().to_vec()
}

fn accepted(mutual_proof: &MutualProof) -> Verdict {
    match mutual_proof {
        MutualProof::MsChapV2(success) => {
            let mut key = Zeroizing::new([0; 32]);
            let halves = success.keys.receive.iter().chain(&success.keys.send);
            for (to, from) in key.iter_mut().zip(halves) {
                *to = *from;
            }
            Verdict::AcceptedMsChapV2 {
                authenticator_response: success.authenticator_response,
                inner_key: Some(InnerKey::new(*key)),
            }
        }
        MutualProof::None | MutualProof::MsChap(_) => Verdict::Accepted,
    }
}

fn refuse_broken(exchange: Exchange, error: &EapError) {
    refuse(exchange, Refusal::ProtocolError, Some(error.to_string()));
}

/// Rejects with an EAP-Failure that answers the request's EAP packet (E1).
fn refuse(exchange: Exchange, refusal: Refusal, detail: Option<String>) {
    let identifier = exchange.eap_identifier.unwrap_or(0);
    let with = RefusedBy::Eap(Message::failure(identifier));
    exchange.finish(Outcome::Reject {
        refusal,
        detail,
        with,
    });
}
