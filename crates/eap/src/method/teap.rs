//! TEAP version 1 (RFC 9930) over TLS 1.2 and 1.3.
//!
//! ```text
//!   Start ──> handshake ──> inner method ──> verdict ──> Crypto-Binding ──> Result ──> end
//!                 │              └──────── next identity ──────┘
//!                 └──resumed──────────────────┘
//! ```
//! Every identity that is asked for is proven by an inner method of its own, and bound to the
//! tunnel before the next is asked for.

mod binding;
mod framing;
mod keys;
mod proof;
mod rules;
mod tlv;

pub(crate) use rules::{TeapOffers, TeapRules};

use crate::acceptance::Acceptance;
use crate::credential::InnerCredential;
use crate::eap_error::EapError;
use crate::failure::FailureCause;
use crate::identity_type::IdentityType;
use crate::inner_error::InnerError;
use crate::inner_method::InnerMethod;
use crate::limits::Limits;
use crate::method::{Method, MethodStep};
use crate::method_name::MethodName;
use crate::packet::EapType;
use crate::stage::Stage;
use crate::tls::{MethodTls, SessionFacts, TlsVersion};
use crate::tunnel::{Event, Tunnel};
use crate::verdict::Verdict;
use binding::Binding;
use keys::Chain;
use proof::{Proof, ProofStep, Proven};
use std::sync::Arc;
use tlv::{ErrorCode, Message, Status, Writer};
use zeroize::Zeroizing;

/// Labels of our own (RFC 5705 §4): nobody else derives anything under them. Each gives 32 octets
/// to every identity.
const CHALLENGE_LABEL: &[u8] = b"EXPERIMENTAL Portvakt TEAP inner challenge";
const NONCE_LABEL: &[u8] = b"EXPERIMENTAL Portvakt TEAP binding nonce";

/// One TEAP conversation.
pub(crate) struct Teap {
    tunnel: Tunnel,
    offers: TeapOffers,
    rules: TeapRules,
    /// Outer TLVs: ours, then the device's.
    outer: Vec<u8>,
    /// Whether the device's first message is there: what is outside of later ones does not count.
    is_begun: bool,
    inner: Option<InnerMethod>,
    /// The method of the log-on whose session was resumed.
    resumed: Option<MethodName>,
    /// Of the next request: EAP inside bears it too.
    identifier: u8,
    /// How many of the identities are proven.
    proven: usize,
    /// Made when the tunnel is open.
    keys: Option<Chain>,
    /// Whether we have told the device already that it said something we do not know.
    has_refused: bool,
    state: State,
}

enum State {
    ExpectOpenTunnel,
    ExpectInner(Box<Proof>),
    ExpectVerdict(Asked),
    ExpectBinding(Bound),
    /// The device's answer to our failure, whatever it is.
    ExpectEnd(FailureCause),
    Finished,
}

/// Kind of credential that awaits a verdict.
enum Asked {
    Inner(Box<Proof>),
    Session,
}

/// The messages that the device owes an answer to after an identity was accepted.
struct Bound {
    binding: Binding,
    /// Whether there was an inner method, whose end is told by itself.
    has_inner: bool,
}

impl Teap {
    pub(crate) fn new(tls: Arc<MethodTls>, offers: TeapOffers, rules: TeapRules) -> Self {
        Teap {
            tunnel: Tunnel::new(tls).holding(),
            outer: Writer::default().authority_id(&rules.authority).finish(),
            offers,
            rules,
            is_begun: false,
            inner: None,
            resumed: None,
            identifier: 0,
            proven: 0,
            keys: None,
            has_refused: false,
            state: State::ExpectOpenTunnel,
        }
    }

    /// The identity that is to be proven next; after all of them, none.
    fn wanted(&self) -> Option<IdentityType> {
        self.rules.identities.asked().get(self.proven).copied()
    }

    fn handle_event(&mut self, event: Event, limits: Limits) -> MethodStep {
        match event {
            Event::Send(type_data) => MethodStep::Request(framing::mark(type_data)),
            Event::Open => self.handle_silence(limits),
            Event::Find(id) => MethodStep::Find(id),
            Event::Resumed(session) => self.handle_resumed(&session),
            Event::Data(plaintext) => self.handle_data(&plaintext, limits),
            Event::Failed(cause) => MethodStep::Failure(cause),
        }
    }

    /// The tunnel is open and the device waits for us, or it has nothing to say.
    fn handle_silence(&mut self, limits: Limits) -> MethodStep {
        match self.leave_state() {
            State::ExpectOpenTunnel => self.finish_handshake(limits),
            State::ExpectEnd(cause) => MethodStep::Failure(cause),
            _ => MethodStep::Failure(FailureCause::InnerMissing),
        }
    }

    /// Under TLS 1.3 our last flight is session tickets alone, and wpa_supplicant takes such for an
    /// empty message inside the tunnel: they go together with what is said first there. Under
    /// TLS 1.2 the last flight is Finished, and goes by itself.
    fn finish_handshake(&mut self, limits: Limits) -> MethodStep {
        if self.tunnel.version() == Some(TlsVersion::Tls13) {
            return self.open(limits);
        }
        match self.tunnel.confirm(limits) {
            Ok(Some(type_data)) => {
                self.state = State::ExpectOpenTunnel;
                MethodStep::Request(framing::mark(type_data))
            }
            Ok(None) => self.open(limits),
            Err(_ours) => MethodStep::Failure(FailureCause::Internal),
        }
    }

    /// The session of an earlier log-on: it is the credential, in place of an inner method.
    fn handle_resumed(&mut self, session: &SessionFacts) -> MethodStep {
        if let Err(cause) = self.derive_keys() {
            return MethodStep::Failure(cause);
        }
        self.resumed = Some(session.basis.method);
        self.state = State::ExpectVerdict(Asked::Session);
        MethodStep::Authenticate(InnerCredential::resumed(session, session.certificate()))
    }

    /// As if an inner method without a key had ended well, but there was none.
    fn accept_session(&mut self, acceptance: Acceptance, limits: Limits) -> MethodStep {
        self.bind(&Proven::without_key(acceptance), false, limits)
    }

    fn derive_keys(&mut self) -> Result<(), FailureCause> {
        let hash = self.tunnel.suite_hash().ok_or(FailureCause::Internal)?;
        let seed = self.tunnel.export(keys::SEED_LABEL)?;
        self.keys = Some(Chain::new(hash, seed));
        Ok(())
    }

    fn open(&mut self, limits: Limits) -> MethodStep {
        match self.derive_keys() {
            Ok(()) => self.ask_next(limits),
            Err(cause) => MethodStep::Failure(cause),
        }
    }

    fn ask_next(&mut self, limits: Limits) -> MethodStep {
        let (Some(identity), Ok(seed)) = (self.wanted(), self.fresh(CHALLENGE_LABEL)) else {
            return MethodStep::Failure(FailureCause::Internal);
        };
        let offer = self.offers.to(identity);
        let (proof, tlvs) = Proof::begin(identity, offer, seed, self.identifier, limits);
        self.state = State::ExpectInner(Box::new(proof));
        self.say(tlvs, limits)
    }

    /// Octets that the current identity has for itself.
    fn fresh(&self, label: &[u8]) -> Result<[u8; 32], FailureCause> {
        let octets = Zeroizing::new(self.tunnel.export::<64>(label)?);
        let (portions, _) = octets.as_chunks();
        portions
            .get(self.proven)
            .copied()
            .ok_or(FailureCause::Internal)
    }

    fn handle_data(&mut self, plaintext: &[u8], limits: Limits) -> MethodStep {
        let state = self.leave_state();
        if let State::ExpectEnd(cause) = state {
            return MethodStep::Failure(cause);
        }
        match Message::read(plaintext) {
            Ok(message) if message.result == Some(Status::Failure) => {
                let error = message.error;
                MethodStep::Failure(FailureCause::DeviceReportedFailure { error })
            }
            Ok(message) if message.unknown.is_some() => self.refuse_tlv(state, &message, limits),
            Ok(message) => self.handle_message(state, &message, limits),
            Err(error) => self.break_off(error, limits),
        }
    }

    fn handle_message(
        &mut self,
        state: State,
        message: &Message<'_>,
        limits: Limits,
    ) -> MethodStep {
        match state {
            State::ExpectOpenTunnel if message.is_silent() => self.open(limits),
            State::ExpectInner(mut proof) => {
                let step = proof.handle(message, self.identifier);
                self.follow(proof, step, limits)
            }
            State::ExpectBinding(bound) => match conclude(&bound, message, self.is_last()) {
                Ok(()) if self.is_last() => self.succeed(),
                Ok(()) => self.ask_next(limits),
                Err((cause, error)) => self.fail(cause, error, limits),
            },
            _ => self.break_off(InnerError::Unasked, limits),
        }
    }

    /// RFC 9930 §4.2: the rest of the message is ignored, unless it is about the end.
    fn refuse_tlv(&mut self, state: State, message: &Message<'_>, limits: Limits) -> MethodStep {
        match message.unknown.filter(|_| message.result.is_none()) {
            Some(unknown) if !std::mem::replace(&mut self.has_refused, true) => {
                self.state = state;
                self.say(Writer::default().nak(unknown), limits)
            }
            _ => {
                let kind = message.unknown.map_or(0, |unknown| unknown.kind);
                self.break_off(InnerError::MandatoryTlvUnknown(kind), limits)
            }
        }
    }

    fn follow(&mut self, proof: Box<Proof>, step: ProofStep, limits: Limits) -> MethodStep {
        self.inner = proof.method();
        match step {
            ProofStep::Say(tlvs) => {
                self.state = State::ExpectInner(proof);
                self.say(tlvs, limits)
            }
            ProofStep::Authenticate(credential) => {
                self.state = State::ExpectVerdict(Asked::Inner(proof));
                MethodStep::Authenticate(credential)
            }
            ProofStep::Accepted(proven) => self.bind(&proven, true, limits),
            ProofStep::Failed(FailureCause::Inner(error)) => self.break_off(error, limits),
            ProofStep::Failed(cause) => self.refuse(cause, limits),
        }
    }

    /// Tells the device that the identity was accepted, asks it to show that this tunnel is its
    /// own, and says whether that was all.
    fn bind(&mut self, proven: &Proven, has_inner: bool, limits: Limits) -> MethodStep {
        let (Ok(nonce), Some(keys)) = (self.fresh(NONCE_LABEL), &mut self.keys) else {
            return MethodStep::Failure(FailureCause::Internal);
        };
        let binding = Binding::new(keys.extend(proven.key.as_ref()), nonce, &self.outer);
        self.proven += 1;
        self.tunnel.rest_on_certificates(proven.certificates());
        let mut tlvs = Writer::default();
        if has_inner {
            tlvs = tlvs.intermediate_result(Status::Success);
        }
        tlvs = tlvs.whole(&binding.request());
        if self.is_last() {
            tlvs = tlvs.result(Status::Success);
        }
        self.state = State::ExpectBinding(Bound { binding, has_inner });
        self.say(tlvs, limits)
    }

    fn is_last(&self) -> bool {
        self.wanted().is_none()
    }

    /// The one place that hands out keys: every identity is proven, and the last one bound.
    fn succeed(&self) -> MethodStep {
        match &self.keys {
            Some(keys) => MethodStep::Success(Some(keys.keys())),
            None => MethodStep::Failure(FailureCause::Internal),
        }
    }

    /// The inner method did not end well. The device is told inside the tunnel first, where nobody
    /// can forge it.
    fn refuse(&mut self, cause: FailureCause, limits: Limits) -> MethodStep {
        let tlvs = Writer::default().intermediate_result(Status::Failure);
        self.end(tlvs, cause, ErrorCode::InnerMethod, limits)
    }

    /// The device broke the rules.
    fn break_off(&mut self, error: InnerError, limits: Limits) -> MethodStep {
        self.fail(
            FailureCause::Inner(error),
            ErrorCode::UnexpectedTlvs,
            limits,
        )
    }

    fn fail(&mut self, cause: FailureCause, error: ErrorCode, limits: Limits) -> MethodStep {
        self.end(Writer::default(), cause, error, limits)
    }

    fn end(
        &mut self,
        tlvs: Writer,
        cause: FailureCause,
        error: ErrorCode,
        limits: Limits,
    ) -> MethodStep {
        self.state = State::ExpectEnd(cause);
        self.say(tlvs.error(error).result(Status::Failure), limits)
    }

    fn say(&mut self, tlvs: Writer, limits: Limits) -> MethodStep {
        let sealed = self.tunnel.seal(&tlvs.finish(), limits);
        sealed.map(framing::mark).into()
    }

    fn leave_state(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Finished)
    }
}

/// Checks the device's answer after an identity was accepted: first whether this tunnel is
/// its own, then what it says of the result.
fn conclude(
    bound: &Bound,
    message: &Message<'_>,
    is_last: bool,
) -> Result<(), (FailureCause, ErrorCode)> {
    let response = message
        .binding
        .ok_or((FailureCause::BindingBroken, ErrorCode::TunnelCompromise))?;
    bound
        .binding
        .check(response)
        .map_err(|error| (FailureCause::BindingBroken, error))?;
    let wanted = |is: bool| is.then_some(Status::Success);
    if message.intermediate == Some(Status::Failure) {
        let cause = FailureCause::DeviceReportedFailure {
            error: message.error,
        };
        return Err((cause, ErrorCode::InnerMethod));
    }
    let is_sound = message.intermediate == wanted(bound.has_inner)
        && message.result == wanted(is_last)
        && !message.has_credential();
    match is_sound {
        true => Ok(()),
        false => Err((
            FailureCause::Inner(InnerError::Unasked),
            ErrorCode::UnexpectedTlvs,
        )),
    }
}

impl Method for Teap {
    fn eap_type(&self) -> EapType {
        EapType::TEAP
    }

    fn start(&mut self) -> Vec<u8> {
        framing::write_start(&self.outer)
    }

    fn expect_identifier(&mut self, identifier: u8) {
        self.identifier = identifier;
    }

    fn handle(&mut self, type_data: &[u8], limits: Limits) -> MethodStep {
        let unwrapped = match framing::read(type_data) {
            Ok(unwrapped) => unwrapped,
            Err(error) => {
                let cause = FailureCause::Protocol(EapError::Fragment(error));
                return MethodStep::Failure(cause);
            }
        };
        if !std::mem::replace(&mut self.is_begun, true) {
            self.outer.extend_from_slice(unwrapped.outer);
        }
        let event = self.tunnel.handle(&unwrapped.type_data, limits);
        self.handle_event(event, limits)
    }

    fn handle_search(&mut self, is_found: bool, limits: Limits) -> MethodStep {
        let event = self.tunnel.handle_search(is_found, limits);
        self.handle_event(event, limits)
    }

    fn handle_verdict(&mut self, verdict: Verdict, limits: Limits) -> MethodStep {
        match self.leave_state() {
            State::ExpectVerdict(Asked::Inner(mut proof)) => {
                let step = proof.handle_verdict(verdict, self.identifier);
                self.follow(proof, step, limits)
            }
            State::ExpectVerdict(Asked::Session) => match verdict.into_acceptance() {
                Ok(acceptance) => self.accept_session(acceptance, limits),
                Err(cause) => self.fail(cause, ErrorCode::InnerMethod, limits),
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
            State::ExpectBinding(_) if self.is_last() => Stage::SuccessIndication,
            State::ExpectEnd(_) => Stage::FailureIndication,
            State::ExpectInner(proof) if tunnel == Stage::InnerAuthentication => {
                proof.stage().unwrap_or(tunnel)
            }
            _ => tunnel,
        }
    }

    fn failure(&self) -> Option<FailureCause> {
        match &self.state {
            State::ExpectEnd(cause) => Some(*cause),
            State::ExpectInner(proof) => proof.failure().or(self.tunnel.failure()),
            _ => self.tunnel.failure(),
        }
    }

    fn name(&self) -> MethodName {
        match (self.inner, self.resumed) {
            (None, Some(resumed)) => resumed,
            (inner, _) => MethodName::teap(inner),
        }
    }

    fn identity_type(&self) -> IdentityType {
        let asked = self.rules.identities.asked();
        let current = self.wanted().or(asked.last().copied());
        current.unwrap_or(IdentityType::User)
    }
}
