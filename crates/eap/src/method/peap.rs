//! PEAPv0 (draft-josefsson-pppext-eap-tls-eap, [MS-PEAP]) over TLS 1.2 and 1.3 (RFC 9427).
//!
//! ```text
//!   Start ──> handshake ──> Identity ──> EAP ──> verdict ──> Result TLV ──> Result TLV ──> end
//!                 └──resumed───────────────────────┘
//! ```
//! Version 0 is all that is offered, so clients that would rather speak 1 come down to it. Inside,
//! EAP packets go without their header, except those that carry TLVs.

mod binding;
mod tlv;

use crate::acceptance::Acceptance;
use crate::credential::InnerCredential;
use crate::failure::FailureCause;
use crate::fragments;
use crate::inner_error::InnerError;
use crate::inner_method::InnerMethod;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::method::inner::{InnerEap, InnerOffer, InnerStep};
use crate::method::{Method, MethodStep};
use crate::method_name::MethodName;
use crate::packet::{self, Body, Code, EapPacket, EapType};
use crate::stage::Stage;
use crate::tls::{KeyLabel, MethodTls, SessionFacts};
use crate::tunnel::{Event, Tunnel};
use crate::verdict::Verdict;
use binding::Binding;
use std::sync::Arc;

const VERSION: u8 = 0;
const KEY_LABEL: KeyLabel = KeyLabel {
    tls12: b"client EAP encryption",
    eap_type: EapType::PEAP,
};
/// A label of our own (RFC 5705 §4): nobody else derives anything under it.
const SEED_LABEL: &[u8] = b"EXPERIMENTAL Portvakt PEAP inner challenge";
/// The same for the nonce of crypto-binding.
const NONCE_LABEL: &[u8] = b"EXPERIMENTAL Portvakt PEAP binding nonce";

/// One PEAP conversation.
pub(crate) struct Peap {
    tunnel: Tunnel,
    offer: InnerOffer,
    inner: Option<InnerMethod>,
    /// The method of the log-on whose session was resumed.
    resumed: Option<MethodName>,
    /// Of the next request: packets with TLVs bear it inside too.
    identifier: u8,
    state: State,
}

enum State {
    ExpectOpenTunnel,
    ExpectInnerResponse(InnerEap),
    ExpectVerdict(Asked),
    /// The client's answer to our Result TLV.
    ExpectResult(Result<Accepted, FailureCause>),
    Finished,
}

/// Kind of credential that awaits a verdict.
enum Asked {
    Eap(InnerEap),
    Session,
}

/// Keys and binding of an accepted credential, until the client has confirmed the result.
struct Accepted {
    keys: Keys,
    binding: Option<Binding>,
}

impl Peap {
    pub(crate) fn new(tls: Arc<MethodTls>, offer: InnerOffer) -> Self {
        Peap {
            tunnel: Tunnel::new(tls),
            offer,
            inner: None,
            resumed: None,
            identifier: 0,
            state: State::ExpectOpenTunnel,
        }
    }

    fn handle_event(&mut self, event: Event, limits: Limits) -> MethodStep {
        match event {
            Event::Send(type_data) => MethodStep::Request(type_data),
            Event::Open => self.handle_silence(limits),
            Event::Find(id) => MethodStep::Find(id),
            Event::Resumed(session) => self.handle_resumed(&session),
            Event::Data(plaintext) => self.handle_data(&plaintext, limits),
            Event::Failed(cause) => MethodStep::Failure(cause),
        }
    }

    /// The tunnel is open and the client waits for us, or it has nothing to say.
    fn handle_silence(&mut self, limits: Limits) -> MethodStep {
        match self.leave_state() {
            State::ExpectOpenTunnel => match self.tunnel.export(SEED_LABEL) {
                Ok(seed) => {
                    let eap = InnerEap::new(self.offer.clone(), seed, limits);
                    self.state = State::ExpectInnerResponse(eap);
                    self.say(&InnerEap::identity_request(), limits)
                }
                Err(cause) => MethodStep::Failure(cause),
            },
            State::ExpectResult(Err(cause)) => MethodStep::Failure(cause),
            _ => MethodStep::Failure(FailureCause::InnerMissing),
        }
    }

    /// The session of an earlier log-on: it is the credential, in place of an inner method.
    fn handle_resumed(&mut self, session: &SessionFacts) -> MethodStep {
        self.resumed = Some(session.basis.method);
        self.state = State::ExpectVerdict(Asked::Session);
        MethodStep::Authenticate(InnerCredential::resumed(session, session.certificate()))
    }

    fn handle_data(&mut self, plaintext: &[u8], limits: Limits) -> MethodStep {
        match (self.leave_state(), read_inner(plaintext)) {
            (State::ExpectInnerResponse(mut eap), Ok(body)) => {
                let step = eap.handle(body, self.identifier);
                self.follow(eap, step, limits)
            }
            (State::ExpectInnerResponse(_), Err(error)) => {
                self.refuse(FailureCause::Inner(error), limits)
            }
            (State::ExpectResult(Err(cause)), _) => MethodStep::Failure(cause),
            (State::ExpectResult(Ok(accepted)), Ok(body)) => match conclude(accepted, body) {
                Ok(keys) => MethodStep::Success(Some(keys)),
                Err(cause) => MethodStep::Failure(cause),
            },
            (State::ExpectResult(Ok(_)), Err(error)) => {
                MethodStep::Failure(FailureCause::Inner(error))
            }
            (State::ExpectOpenTunnel | State::ExpectVerdict(_) | State::Finished, _) => {
                MethodStep::Failure(FailureCause::Inner(InnerError::Unasked))
            }
        }
    }

    fn follow(&mut self, eap: InnerEap, step: InnerStep, limits: Limits) -> MethodStep {
        self.inner = eap.method();
        match step {
            InnerStep::Request(request) => {
                self.state = State::ExpectInnerResponse(eap);
                self.say(&request, limits)
            }
            InnerStep::Authenticate(credential) => {
                self.state = State::ExpectVerdict(Asked::Eap(eap));
                MethodStep::Authenticate(credential)
            }
            InnerStep::Accepted(acceptance) => self.accept(&acceptance, limits),
            InnerStep::Failed(cause) => self.refuse(cause, limits),
        }
    }

    fn accept(&mut self, acceptance: &Acceptance, limits: Limits) -> MethodStep {
        let accepted = match self.bind(acceptance) {
            Ok(accepted) => accepted,
            Err(cause) => return MethodStep::Failure(cause),
        };
        self.tunnel.rest_on_certificates(acceptance.certificates());
        let request = accepted.binding.as_ref().map(Binding::request);
        self.state = State::ExpectResult(Ok(accepted));
        self.say_tlvs(&tlv::write_success(request.as_ref()), limits)
    }

    /// Crypto-binding is offered where the inner method leaves a key, and on resumed sessions,
    /// which have no inner method; whether to answer is up to the client ([MS-PEAP] §3.1.5.6).
    fn bind(&self, acceptance: &Acceptance) -> Result<Accepted, FailureCause> {
        let keys = self.tunnel.export_keys(&KEY_LABEL);
        let keys = keys.map_err(|_ours| FailureCause::Internal)?;
        let nonce = self.tunnel.export(NONCE_LABEL)?;
        let binding = match acceptance.inner_key() {
            _ if self.resumed.is_some() => Some(Binding::of_session(&keys, nonce)),
            inner_key => inner_key.map(|inner| Binding::new(&keys, inner, nonce)),
        };
        Ok(Accepted { keys, binding })
    }

    /// The client is told inside the tunnel first, where nobody can forge it.
    fn refuse(&mut self, cause: FailureCause, limits: Limits) -> MethodStep {
        self.state = State::ExpectResult(Err(cause));
        self.say_tlvs(&tlv::write_failure(), limits)
    }

    /// TLVs go with an EAP header.
    fn say_tlvs(&mut self, body: &[u8], limits: Limits) -> MethodStep {
        let packet = packet::write(Code::Request, self.identifier, body);
        self.say(&packet, limits)
    }

    fn say(&mut self, plaintext: &[u8], limits: Limits) -> MethodStep {
        self.tunnel.seal(plaintext, limits).into()
    }

    fn leave_state(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Finished)
    }
}

impl Method for Peap {
    fn eap_type(&self) -> EapType {
        EapType::PEAP
    }

    fn start(&mut self) -> Vec<u8> {
        fragments::write_start(VERSION)
    }

    fn expect_identifier(&mut self, identifier: u8) {
        self.identifier = identifier;
    }

    fn handle(&mut self, type_data: &[u8], limits: Limits) -> MethodStep {
        let event = self.tunnel.handle(type_data, limits);
        self.handle_event(event, limits)
    }

    fn handle_search(&mut self, is_found: bool, limits: Limits) -> MethodStep {
        let event = self.tunnel.handle_search(is_found, limits);
        self.handle_event(event, limits)
    }

    fn handle_verdict(&mut self, verdict: Verdict, limits: Limits) -> MethodStep {
        match self.leave_state() {
            State::ExpectVerdict(Asked::Eap(mut eap)) => {
                let step = eap.handle_verdict(verdict);
                self.follow(eap, step, limits)
            }
            State::ExpectVerdict(Asked::Session) => match verdict.into_acceptance() {
                Ok(acceptance) => self.accept(&acceptance, limits),
                Err(cause) => self.refuse(cause, limits),
            },
            _ => MethodStep::Failure(FailureCause::Internal),
        }
    }

    fn tunnel(&self) -> Option<&Tunnel> {
        Some(&self.tunnel)
    }

    fn stage(&self) -> Stage {
        let tunnel = self.tunnel.stage();
        match &self.state {
            State::ExpectResult(Ok(_)) => Stage::SuccessIndication,
            State::ExpectResult(Err(_)) => Stage::FailureIndication,
            State::ExpectInnerResponse(eap) if tunnel == Stage::InnerAuthentication => {
                eap.stage().unwrap_or(tunnel)
            }
            _ => tunnel,
        }
    }

    fn failure(&self) -> Option<FailureCause> {
        match &self.state {
            State::ExpectResult(Err(cause)) => Some(*cause),
            State::ExpectInnerResponse(eap) => eap.failure().or(self.tunnel.failure()),
            _ => self.tunnel.failure(),
        }
    }

    fn name(&self) -> MethodName {
        match (self.inner, self.resumed) {
            (None, Some(resumed)) => resumed,
            (inner, _) => MethodName::peap(inner),
        }
    }
}

/// A packet without its header, or a whole one: as a type, 2 would be Notification, which nobody
/// is asked for.
fn read_inner(plaintext: &[u8]) -> Result<Body<'_>, InnerError> {
    if plaintext.first() != Some(&(Code::Response as u8)) {
        return Ok(Body::read(plaintext)?);
    }
    let packet = EapPacket::read_whole(plaintext)?;
    Ok(packet.body)
}

/// Ends a log-on by the client's Result TLV, after the credential was accepted.
fn conclude(accepted: Accepted, body: Body<'_>) -> Result<Keys, FailureCause> {
    let Body::Method {
        kind: EapType::EXTENSIONS,
        data,
    } = body
    else {
        return Err(FailureCause::Inner(InnerError::Unasked));
    };
    let answer = tlv::read(data).map_err(FailureCause::Inner)?;
    if !answer.success {
        return Err(match accepted.binding {
            Some(_) => FailureCause::BindingRefused,
            None => FailureCause::ServerDoubted,
        });
    }
    match (accepted.binding, answer.binding) {
        (_, None) => Ok(accepted.keys),
        (Some(binding), Some(response)) if binding.is_answered_by(response) => Ok(binding.keys()),
        (_, Some(_)) => Err(FailureCause::BindingBroken),
    }
}
