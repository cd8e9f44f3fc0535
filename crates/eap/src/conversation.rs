//! One supplicant's conversation: negotiation, identifiers, the hand-over to a method, the end.
//!
//! ```text
//!   start ──> ExpectAnswerToOffer ──Nak──> (next offer)
//!                   │
//!                   v             verdict
//!             ExpectResponse <──> ExpectVerdict
//!                   │  ^ └─────────────┴──────> Finished
//!                   v  │ search
//!                ExpectSearch
//! ```

mod identity_verdicts;
mod message;
mod negotiation;
mod progress;
mod step;
mod untaken;

use identity_verdicts::IdentityVerdicts;
use message::Telling;
pub use message::{Leaves, Message};
pub use negotiation::{Methods, MethodsError};
pub use progress::Progress;
pub use step::Step;
pub use untaken::Untaken;

use crate::eap_error::EapError;
use crate::failure::FailureCause;
use crate::identity_type::IdentityType;
use crate::limits::Limits;
use crate::method::untunnelled::Untunnelled;
use crate::method::{Method, MethodStep};
use crate::method_name::MethodName;
use crate::packet::{self, Body, Code, EapPacket, EapType, Nak};
use crate::stage::Stage;
use crate::tls::{Authorization, Basis, TlsVersion};
use crate::tunnel::Tunnel;
use crate::untunnelled_method::{UntunnelledMethod, UntunnelledOffer};
use crate::verdict::Verdict;
use crate::wishes::Wishes;
use progress::Sent;
use std::fmt;
use untaken::Exchanged;

/// Most requests of one conversation, repeated ones included. Ten are usual; clients stop at 50 to
/// 100 (E11).
const ROUND_TRIPS_AT_MOST: u8 = 64;
/// Most octets of an outer identity: what a User-Name can hold.
const IDENTITY_AT_MOST: usize = 253;

/// State of a conversation, by the event that it expects.
enum State {
    /// The first answer to an offer, which may still be a Nak.
    ExpectAnswerToOffer(ExpectAnswerToOffer),
    /// The next response of the method.
    ExpectResponse(Box<dyn Method>),
    /// The verdict of the caller.
    ExpectVerdict(Box<dyn Method>),
    /// Whether the caller found the session that the peer named.
    ExpectSearch(Box<dyn Method>),
    /// Nothing: Success or Failure went out.
    Finished(LastMethod),
}

struct ExpectAnswerToOffer {
    method: Box<dyn Method>,
    /// A Nak may change our mind once for each method there is.
    offers_left: usize,
}

/// Facts of a method that ended, for the audit event.
#[derive(Clone, Copy)]
struct LastMethod {
    name: Option<MethodName>,
    tls_version: Option<TlsVersion>,
    resumed: bool,
}

impl LastMethod {
    const NONE: LastMethod = LastMethod {
        name: None,
        tls_version: None,
        resumed: false,
    };
}

/// One supplicant's EAP conversation, without IO: responses in, steps out.
pub struct Conversation {
    methods: Methods,
    /// Offered before `methods`.
    untunnelled: UntunnelledOffer,
    outer_identity: Vec<u8>,
    /// Of the request that awaits an answer.
    identifier: u8,
    sent: Sent,
    exchanged: Exchanged,
    /// Verdicts by identity: whatever a method says, success needs each identity that it asks for.
    verdicts: IdentityVerdicts,
    /// Whether the peer knows of a refusal.
    telling: Telling,
    state: State,
    /// Data to keep the session with, once the log-on has succeeded.
    authorization: Option<Authorization>,
}

impl Conversation {
    /// Begins with the EAP-Response/Identity of the first Access-Request, a whole EAP packet.
    ///
    /// # Errors
    /// [`EapError`] where it is none; there is no conversation then, and no answer is owed.
    pub fn start(
        methods: &Methods,
        identity_response: &[u8],
    ) -> Result<(Conversation, Step), EapError> {
        Self::start_untunnelled(methods, UntunnelledOffer::none(), identity_response)
    }

    /// As [`Conversation::start`], and offers methods without a tunnel before `methods`. Only for a
    /// device that knows who it speaks to, and is overheard by nobody: one within IKEv2.
    ///
    /// # Errors
    /// As [`Conversation::start`].
    pub fn start_untunnelled(
        methods: &Methods,
        untunnelled: UntunnelledOffer,
        identity_response: &[u8],
    ) -> Result<(Conversation, Step), EapError> {
        let packet = read_response(identity_response)?;
        let Body::Identity(identity) = packet.body else {
            return Err(EapError::NotIdentity);
        };
        if identity.len() > IDENTITY_AT_MOST {
            return Err(EapError::IdentityTooLong);
        }
        let offers_left = untunnelled.methods.len() + methods.count();
        let mut conversation = Conversation {
            methods: methods.clone(),
            untunnelled,
            outer_identity: identity.to_vec(),
            identifier: packet.identifier,
            sent: Sent::NOTHING,
            exchanged: Exchanged::default(),
            verdicts: IdentityVerdicts::default(),
            telling: Telling::default(),
            state: State::Finished(LastMethod::NONE),
            authorization: None,
        };
        let method = conversation.first_offered().ok_or(EapError::NotExpected)?;
        let step = conversation.offer(method, offers_left);
        Ok((conversation, step))
    }

    /// The identity outside the tunnel, as sent: often anonymous, proven by nothing.
    pub fn outer_identity(&self) -> &[u8] {
        &self.outer_identity
    }

    /// Takes the peer's next packet; the next request keeps to `limits`.
    ///
    /// # Errors
    /// [`EapError`]: the packet is not taken, the conversation stands where it stood (E1, RFC 3748
    /// §4.1). Over RADIUS it is answered all the same: [`Self::answer_untaken`]. What ends a
    /// conversation is a [`Step::Failure`].
    pub fn handle_response(&mut self, eap_packet: &[u8], limits: Limits) -> Result<Step, EapError> {
        let packet = read_response(eap_packet)?;
        let expected = match &self.state {
            State::ExpectAnswerToOffer(offer) => offer.method.eap_type(),
            State::ExpectResponse(method) => method.eap_type(),
            State::ExpectVerdict(_) | State::ExpectSearch(_) | State::Finished(_) => {
                return Err(EapError::NotExpected);
            }
        };
        if packet.identifier != self.identifier {
            return Err(EapError::WrongIdentifier);
        }
        match packet.body {
            Body::Method { kind, data } if kind == expected => {
                self.sent.note_answer();
                self.exchanged.note_taken(eap_packet);
                Ok(self.handle_method(data, limits))
            }
            Body::Nak(nak) if self.is_offering() => {
                self.exchanged.note_taken(eap_packet);
                Ok(self.handle_nak(nak))
            }
            Body::Nak(_) => Err(EapError::NakTooLate),
            body => Err(EapError::WrongType {
                asked: expected,
                sent: body.eap_type(),
            }),
        }
    }

    /// A Nak counts only as the first answer to an offer (RFC 3748 §5.3.1).
    fn is_offering(&self) -> bool {
        matches!(self.state, State::ExpectAnswerToOffer(_))
    }

    /// Takes the caller's answer to [`Step::Authenticate`]. After a refusing one the next message
    /// is [late](Leaves::Late), whatever the method makes of it.
    ///
    /// # Errors
    /// [`EapError::NotExpected`] where no verdict is awaited.
    pub fn handle_verdict(&mut self, verdict: Verdict, limits: Limits) -> Result<Step, EapError> {
        match self.leave_state() {
            State::ExpectVerdict(mut method) => {
                self.verdicts.answer(verdict.is_accepting());
                self.telling.note(&verdict);
                if !verdict.is_accepting() {
                    self.authorization = None;
                    method.tunnel().inspect(|tunnel| tunnel.revoke_session());
                }
                method.expect_identifier(self.identifier.wrapping_add(1));
                let step = method.handle_verdict(verdict, limits);
                Ok(self.follow(method, step))
            }
            other => {
                self.state = other;
                Err(EapError::NotExpected)
            }
        }
    }

    /// Takes the answer to [`Step::FindSession`]: whether [`Sessions::adopt`](crate::Sessions::adopt)
    /// has taken the session into memory.
    ///
    /// # Errors
    /// [`EapError::NotExpected`] where no search is awaited.
    pub fn handle_search(&mut self, is_found: bool, limits: Limits) -> Result<Step, EapError> {
        match self.leave_state() {
            State::ExpectSearch(mut method) => {
                method.expect_identifier(self.identifier.wrapping_add(1));
                let step = method.handle_search(is_found, limits);
                Ok(self.follow(method, step))
            }
            other => {
                self.state = other;
                Err(EapError::NotExpected)
            }
        }
    }

    /// Lets the device resume this session later, with `authorization` as its memory. To be called
    /// between [`Step::Authenticate`] and an accepting verdict. The session can be resumed only
    /// once the whole log-on has succeeded (E7). On a resumed session it changes nothing: what was
    /// remembered at the full log-on stays.
    pub fn remember(&mut self, authorization: Authorization) {
        self.authorization = Some(authorization);
    }

    /// Whether the handshake resumed the session of an earlier log-on.
    pub fn is_resumed(&self) -> bool {
        match &self.state {
            State::ExpectAnswerToOffer(_) => false,
            State::ExpectResponse(method)
            | State::ExpectVerdict(method)
            | State::ExpectSearch(method) => is_resumed(method.as_ref()),
            State::Finished(last) => last.resumed,
        }
    }

    /// The present stage: for the event of a conversation that its peer gave up (E10).
    pub fn stage(&self) -> Stage {
        match &self.state {
            State::ExpectAnswerToOffer(_) => Stage::MethodNegotiation,
            State::ExpectResponse(method) | State::ExpectSearch(method) => method.stage(),
            State::ExpectVerdict(_) => Stage::Verdict,
            State::Finished(_) => Stage::Finished,
        }
    }

    /// How far it has come, and what was sent last (E10).
    pub fn progress(&self) -> Progress {
        self.sent.at(self.stage(), self.exchanged.latest_error())
    }

    /// Why it will fail, once that is decided and the peer knows: many devices hang up then, and
    /// leave the conversation where it stands.
    pub fn failure(&self) -> Option<FailureCause> {
        match &self.state {
            State::ExpectResponse(method) => method.failure(),
            _ => None,
        }
    }

    /// The method agreed on, once the peer has answered to it.
    pub fn method(&self) -> Option<MethodName> {
        match &self.state {
            State::ExpectAnswerToOffer(_) => None,
            State::ExpectResponse(method)
            | State::ExpectVerdict(method)
            | State::ExpectSearch(method) => Some(method.name()),
            State::Finished(last) => last.name,
        }
    }

    /// The identity to authenticate: the user's, but for TEAP that asks for the
    /// machine.
    pub fn identity_type(&self) -> IdentityType {
        match &self.state {
            State::ExpectResponse(method)
            | State::ExpectVerdict(method)
            | State::ExpectSearch(method) => method.identity_type(),
            State::ExpectAnswerToOffer(_) | State::Finished(_) => IdentityType::User,
        }
    }

    /// Whether its log-on could be begun under `methods`, or without a tunnel by one of
    /// `untunnelled`: these offer its method, the inner one included, and have TEAP ask for the same
    /// identities. To be asked at [`Step::Authenticate`], for a conversation may have begun under
    /// other methods.
    pub fn is_offered_by(&self, methods: &Methods, untunnelled: &[UntunnelledMethod]) -> bool {
        let State::ExpectVerdict(method) = &self.state else {
            return false;
        };
        let basis = Basis {
            method: method.name(),
            identity: method.identity_type(),
        };
        let kind = method.eap_type();
        let is_untunnelled = untunnelled.iter().any(|one| one.name() == basis.method);
        let offered = is_untunnelled || methods.offers(basis);
        offered && methods.identities(kind) == self.methods.identities(kind)
    }

    /// The TLS version agreed on, once the ClientHello was read.
    pub fn tls_version(&self) -> Option<TlsVersion> {
        match &self.state {
            State::ExpectAnswerToOffer(_) => None,
            State::ExpectResponse(method)
            | State::ExpectVerdict(method)
            | State::ExpectSearch(method) => method.tls_version(),
            State::Finished(last) => last.tls_version,
        }
    }

    fn first_offered(&self) -> Option<Box<dyn Method>> {
        let untunnelled = self.untunnelled.methods.first();
        let untunnelled = untunnelled.map(|method| self.begin_untunnelled(*method));
        untunnelled.or_else(|| self.methods.first())
    }

    /// The first of ours that the peer would accept.
    fn wanted_by(&self, nak: Nak<'_>) -> Option<Box<dyn Method>> {
        let wanted =
            |method: &&UntunnelledMethod| nak.wanted().any(|wish| wish == method.eap_type());
        let untunnelled = self.untunnelled.methods.iter().find(wanted);
        let untunnelled = untunnelled.map(|method| self.begin_untunnelled(*method));
        untunnelled.or_else(|| self.methods.wanted_by(nak))
    }

    fn begin_untunnelled(&self, method: UntunnelledMethod) -> Box<dyn Method> {
        let identity = self.outer_identity.clone();
        Box::new(Untunnelled::new(method, identity, &self.untunnelled.seed))
    }

    fn offer(&mut self, mut method: Box<dyn Method>, offers_left: usize) -> Step {
        method.expect_identifier(self.identifier.wrapping_add(1));
        let (kind, data) = (method.eap_type(), method.start());
        self.state = State::ExpectAnswerToOffer(ExpectAnswerToOffer {
            method,
            offers_left,
        });
        self.request(kind, &data)
    }

    fn handle_method(&mut self, type_data: &[u8], limits: Limits) -> Step {
        let mut method = match self.leave_state() {
            State::ExpectAnswerToOffer(offer) => offer.method,
            State::ExpectResponse(method)
            | State::ExpectVerdict(method)
            | State::ExpectSearch(method) => method,
            State::Finished(last) => return self.fail(last, FailureCause::Internal),
        };
        method.expect_identifier(self.identifier.wrapping_add(1));
        let step = method.handle(type_data, limits);
        self.follow(method, step)
    }

    fn handle_nak(&mut self, nak: Nak<'_>) -> Step {
        let offers_left = match &self.state {
            State::ExpectAnswerToOffer(offer) => offer.offers_left,
            _ => 0,
        };
        let next = self.wanted_by(nak).filter(|_| offers_left > 0);
        match next {
            Some(method) => self.offer(method, offers_left.saturating_sub(1)),
            None => {
                let wishes = Wishes::of(nak);
                let cause = FailureCause::MethodNotAgreed { wishes };
                self.fail(LastMethod::NONE, cause)
            }
        }
    }

    fn follow(&mut self, method: Box<dyn Method>, step: MethodStep) -> Step {
        let last = LastMethod {
            name: Some(method.name()),
            tls_version: method.tls_version(),
            resumed: is_resumed(method.as_ref()),
        };
        match step {
            MethodStep::Request(data) => {
                let kind = method.eap_type();
                self.state = State::ExpectResponse(method);
                self.request(kind, &data)
            }
            // One refused identity is final: no method may go on to the next.
            MethodStep::Authenticate(_) if !self.verdicts.ask(method.identity_type()) => {
                self.fail(last, FailureCause::Internal)
            }
            MethodStep::Authenticate(credential) => {
                self.state = State::ExpectVerdict(method);
                Step::Authenticate(credential)
            }
            MethodStep::Find(id) => {
                self.state = State::ExpectSearch(method);
                Step::FindSession(id)
            }
            MethodStep::Success(keys) if self.is_accepted(method.eap_type()) => {
                let authorization = self.authorization.take();
                if let Some(tunnel) = method.tunnel() {
                    let basis = Basis {
                        method: method.name(),
                        identity: method.identity_type(),
                    };
                    tunnel.keep_session(authorization, basis);
                }
                self.state = State::Finished(last);
                let packet = packet::write_result(Code::Success, self.identifier);
                Step::Success {
                    packet: self.telling.success(packet),
                    keys,
                }
            }
            MethodStep::Success(_unproven) => self.fail(last, FailureCause::Internal),
            MethodStep::Failure(cause) => self.fail(last, cause),
        }
    }

    fn is_accepted(&self, method: EapType) -> bool {
        self.verdicts.covers(self.methods.identities(method))
    }

    /// The one place where an identifier is used up.
    fn request(&mut self, kind: EapType, type_data: &[u8]) -> Step {
        if self.sent.requests >= ROUND_TRIPS_AT_MOST {
            return self.fail(self.last_method(), FailureCause::TooManyRoundTrips);
        }
        self.identifier = self.identifier.wrapping_add(1);
        let request = packet::write_typed(Code::Request, self.identifier, kind, type_data);
        self.sent.note_request(kind, request.len());
        self.exchanged.note_request(&request);
        Step::Request(self.telling.request(request))
    }

    fn last_method(&self) -> LastMethod {
        LastMethod {
            name: self.method(),
            tls_version: self.tls_version(),
            resumed: self.is_resumed(),
        }
    }

    fn fail(&mut self, last: LastMethod, cause: FailureCause) -> Step {
        self.state = State::Finished(last);
        let packet = packet::write_result(Code::Failure, self.identifier);
        Step::Failure {
            packet: self.telling.failure(packet),
            cause,
        }
    }

    fn leave_state(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Finished(LastMethod::NONE))
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation")
            .field("stage", &self.stage())
            .field("method", &self.method())
            .field("requests", &self.sent.requests)
            .finish_non_exhaustive()
    }
}

fn is_resumed(method: &dyn Method) -> bool {
    let tunnel = method.tunnel();
    tunnel.is_some_and(Tunnel::is_resumed)
}

fn read_response(bytes: &[u8]) -> Result<EapPacket<'_>, EapError> {
    let packet = EapPacket::read(bytes)?;
    match packet.code {
        Code::Response => Ok(packet),
        other => Err(EapError::NotAResponse(other)),
    }
}

#[cfg(test)]
mod tests;
