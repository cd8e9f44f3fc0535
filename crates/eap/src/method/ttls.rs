//! EAP-TTLSv0 (RFC 5281) over TLS 1.2 and 1.3 (RFC 9427), with PAP, CHAP, MS-CHAP, MS-CHAPv2 or
//! EAP inside.
//!
//! ```text
//!   Start ──> handshake ──> (empty request, TLS 1.3) ──> credential ──> verdict ──> end
//!                                          EAP: several requests ──┘      │
//!                                          MS-CHAPv2: our proof or error ─┘──> empty answer ──> end
//!                 └──resumed──> verdict ──> (0x00, empty answer, TLS 1.3) ──> end
//! ```
//! The last message of PAP, CHAP and MS-CHAP is the client's: the server answers it with
//! EAP-Success or EAP-Failure and nothing inside the tunnel. The octet 0x00 of RFC 9190 §2.5 stands
//! in for an inner method on *resumed* sessions only; clients treat tunnelled data after PAP as an
//! error.

mod credential;
mod inner;

pub use inner::InnerRequest;

use crate::acceptance::{Acceptance, MsChapV2Verdict};
use crate::avp::{self, Avp};
use crate::credential::InnerCredential;
use crate::failure::FailureCause;
use crate::fragments;
use crate::inner_error::InnerError;
use crate::inner_method::InnerMethod;
use crate::limits::Limits;
use crate::method::inner::ms_chap_v2::{self, Failure};
use crate::method::inner::{InnerEap, InnerOffer, InnerStep};
use crate::method::{Method, MethodStep};
use crate::method_name::MethodName;
use crate::ms_chap_v2_error::MsChapV2Error;
use crate::packet::{self, Code, EapPacket, EapType};
use crate::stage::Stage;
use crate::tls::{KeyLabel, MethodTls, SessionFacts};
use crate::tunnel::{Event, Tunnel};
use crate::verdict::Verdict;
use inner::{EAP_MESSAGE, MICROSOFT};
use std::sync::Arc;

const VERSION: u8 = 0;
const KEY_LABEL: KeyLabel = KeyLabel {
    tls12: b"ttls keying material",
    eap_type: EapType::TTLS,
};
/// A label of our own (RFC 5705 §4): nobody else derives anything under it.
const SEED_LABEL: &[u8] = b"EXPERIMENTAL Portvakt TTLS inner challenge";
/// How often an open tunnel is prodded with an empty request until the client says who it is.
/// One is needed under TLS 1.3, where the client's Finished leaves us nothing to say; one more
/// for clients that acknowledge our Finished under TLS 1.2.
const PRODS_AT_MOST: u8 = 2;
const MS_CHAP_ERROR: u32 = 2;
const MS_CHAP2_SUCCESS: u32 = 26;

/// One EAP-TTLS conversation.
pub(crate) struct Ttls {
    tunnel: Tunnel,
    offer: InnerOffer,
    inner: Option<InnerMethod>,
    /// The name of the log-on whose session was resumed.
    resumed: Option<MethodName>,
    /// Of the next request, for EAP inside.
    identifier: u8,
    state: State,
}

enum State {
    ExpectCredential {
        prods: u8,
    },
    ExpectInnerResponse(InnerEap),
    ExpectVerdict(Asked),
    /// Of what MS-CHAPv2 said last; the client's answer to it is empty.
    ExpectAcknowledgement(Result<Acceptance, FailureCause>),
    /// An empty answer to the octet 0x00 on a resumed session, or a credential all the same.
    ExpectConsent(Acceptance),
    Finished,
}

/// Kind of credential that awaits a verdict, which decides how the client is told.
enum Asked {
    Silent,
    MsChapV2 { identifier: u8 },
    Eap(InnerEap),
    Session,
}

impl Ttls {
    pub(crate) fn new(tls: Arc<MethodTls>, offer: InnerOffer) -> Self {
        Ttls {
            tunnel: Tunnel::new(tls),
            offer,
            inner: None,
            resumed: None,
            identifier: 0,
            state: State::ExpectCredential { prods: 0 },
        }
    }

    fn handle_event(&mut self, event: Event, limits: Limits) -> MethodStep {
        match event {
            Event::Send(type_data) => MethodStep::Request(type_data),
            Event::Open => self.handle_silence(),
            Event::Find(id) => MethodStep::Find(id),
            Event::Resumed(session) => self.handle_resumed(&session),
            Event::Data(plaintext) => self.handle_data(&plaintext, limits),
            Event::Failed(cause) => MethodStep::Failure(cause),
        }
    }

    /// The client has acknowledged, or has nothing to say yet.
    fn handle_silence(&mut self) -> MethodStep {
        match self.leave_state() {
            State::ExpectCredential { prods } if prods < PRODS_AT_MOST => {
                self.state = State::ExpectCredential { prods: prods + 1 };
                MethodStep::Request(vec![VERSION])
            }
            State::ExpectAcknowledgement(Ok(acceptance)) | State::ExpectConsent(acceptance) => {
                self.succeed(&acceptance)
            }
            State::ExpectAcknowledgement(Err(cause)) => MethodStep::Failure(cause),
            _ => MethodStep::Failure(FailureCause::InnerMissing),
        }
    }

    /// The session of an earlier log-on: it is the credential, in place of an inner method.
    fn handle_resumed(&mut self, session: &SessionFacts) -> MethodStep {
        self.resumed = Some(session.basis.method);
        self.state = State::ExpectVerdict(Asked::Session);
        MethodStep::Authenticate(InnerCredential::resumed(session, session.certificate()))
    }

    /// Under TLS 1.2 there is nothing to say; under TLS 1.3 the client waits for the octet 0x00.
    fn confirm_session(&mut self, acceptance: Acceptance, limits: Limits) -> MethodStep {
        match self.tunnel.confirm(limits) {
            Ok(Some(type_data)) => {
                self.state = State::ExpectConsent(acceptance);
                MethodStep::Request(type_data)
            }
            Ok(None) => self.succeed(&acceptance),
            Err(_ours) => MethodStep::Failure(FailureCause::Internal),
        }
    }

    fn handle_data(&mut self, plaintext: &[u8], limits: Limits) -> MethodStep {
        let result = match self.leave_state() {
            State::ExpectCredential { .. } | State::ExpectConsent(_) => {
                self.tunnel.rest_on_data();
                self.handle_credential(plaintext, limits)
            }
            State::ExpectInnerResponse(eap) => self.handle_inner_response(eap, plaintext, limits),
            State::ExpectAcknowledgement(Err(cause)) => Err(cause),
            _ => Err(FailureCause::Inner(InnerError::Unasked)),
        };
        result.unwrap_or_else(MethodStep::Failure)
    }

    fn handle_credential(
        &mut self,
        plaintext: &[u8],
        limits: Limits,
    ) -> Result<MethodStep, FailureCause> {
        let request = InnerRequest::read(plaintext).map_err(|error| match error {
            InnerError::NoIdentity | InnerError::NoCredential => FailureCause::InnerMissing,
            error => FailureCause::Inner(error),
        })?;
        self.inner = Some(request.method());
        self.check_offered(request.method())?;
        if let InnerRequest::Eap(packet) = &request {
            let seed = self.tunnel.export(SEED_LABEL)?;
            let eap = InnerEap::new(self.offer.clone(), seed, limits);
            return self.handle_inner_packet(eap, packet, limits);
        }
        let asked = match &request {
            InnerRequest::MsChapV2 { identifier, .. } => Asked::MsChapV2 {
                identifier: *identifier,
            },
            _ => Asked::Silent,
        };
        let credential = credential::of_this_tunnel(request, &self.tunnel)?;
        self.state = State::ExpectVerdict(asked);
        Ok(MethodStep::Authenticate(credential))
    }

    fn check_offered(&self, method: InnerMethod) -> Result<(), FailureCause> {
        let fits = |offered: &InnerMethod| match method {
            InnerMethod::Eap => offered.eap_type().is_some(),
            plain => *offered == plain,
        };
        if self.offer.methods.iter().any(fits) {
            Ok(())
        } else {
            Err(FailureCause::InnerMethodNotOffered(method))
        }
    }

    fn handle_inner_response(
        &mut self,
        eap: InnerEap,
        plaintext: &[u8],
        limits: Limits,
    ) -> Result<MethodStep, FailureCause> {
        match InnerRequest::read(plaintext).map_err(FailureCause::Inner)? {
            InnerRequest::Eap(packet) => self.handle_inner_packet(eap, &packet, limits),
            _ => Err(FailureCause::Inner(InnerError::Unasked)),
        }
    }

    fn handle_inner_packet(
        &mut self,
        mut eap: InnerEap,
        packet: &[u8],
        limits: Limits,
    ) -> Result<MethodStep, FailureCause> {
        let packet =
            EapPacket::read_whole(packet).map_err(|error| FailureCause::Inner(error.into()))?;
        if packet.code != Code::Response {
            return Err(FailureCause::Inner(InnerError::NotAResponse));
        }
        let step = eap.handle(packet.body, self.identifier);
        Ok(self.follow(eap, step, limits))
    }

    fn follow(&mut self, eap: InnerEap, step: InnerStep, limits: Limits) -> MethodStep {
        self.inner = eap.method().or(self.inner);
        match step {
            InnerStep::Request(request) => {
                self.state = State::ExpectInnerResponse(eap);
                let packet = packet::write(Code::Request, self.identifier, &request);
                self.say(0, EAP_MESSAGE, &packet, limits)
            }
            InnerStep::Authenticate(credential) => {
                self.state = State::ExpectVerdict(Asked::Eap(eap));
                MethodStep::Authenticate(credential)
            }
            InnerStep::Accepted(acceptance) => self.succeed(&acceptance),
            InnerStep::Failed(cause) => MethodStep::Failure(cause),
        }
    }

    /// MS-CHAPv2 proves both ends: the client waits for our proof, or for the error. Here it gets
    /// no second try and no change of password: clients acknowledge the error and hang up.
    fn answer_ms_chap_v2(
        &mut self,
        identifier: u8,
        verdict: Verdict,
        limits: Limits,
    ) -> Result<MethodStep, FailureCause> {
        let error = match verdict.into_ms_chap_v2() {
            MsChapV2Verdict::Accepted(response, acceptance) => {
                let value = [&[identifier], response.as_slice()].concat();
                self.state = State::ExpectAcknowledgement(Ok(acceptance));
                return Ok(self.say(MICROSOFT, MS_CHAP2_SUCCESS, &value, limits));
            }
            MsChapV2Verdict::Refused(error) => error,
            MsChapV2Verdict::Retry(_) | MsChapV2Verdict::ChangePassword(_) => {
                MsChapV2Error::AuthenticationFailure
            }
            MsChapV2Verdict::Misfit => return Err(FailureCause::Internal),
        };
        let challenge = self.tunnel.export(SEED_LABEL)?;
        let message = ms_chap_v2::failure_message(Failure::last(error, &challenge));
        let value = [&[identifier], message.as_slice()].concat();
        self.state = State::ExpectAcknowledgement(Err(FailureCause::Refused));
        Ok(self.say(MICROSOFT, MS_CHAP_ERROR, &value, limits))
    }

    /// Sends one AVP through the tunnel.
    fn say(&mut self, vendor: u32, code: u32, value: &[u8], limits: Limits) -> MethodStep {
        let mut plaintext = Vec::new();
        let avp = Avp {
            code,
            vendor,
            mandatory: true,
            value,
        };
        avp::write(&mut plaintext, avp);
        self.tunnel.seal(&plaintext, limits).into()
    }

    /// The one place that hands out keys.
    fn succeed(&mut self, acceptance: &Acceptance) -> MethodStep {
        self.tunnel.rest_on_certificates(acceptance.certificates());
        match self.tunnel.export_keys(&KEY_LABEL) {
            Ok(keys) => MethodStep::Success(Some(keys)),
            Err(_ours) => MethodStep::Failure(FailureCause::Internal),
        }
    }

    fn leave_state(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Finished)
    }
}

impl Method for Ttls {
    fn eap_type(&self) -> EapType {
        EapType::TTLS
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
            State::ExpectVerdict(Asked::Silent) => match verdict.into_acceptance() {
                Ok(acceptance) => self.succeed(&acceptance),
                Err(cause) => MethodStep::Failure(cause),
            },
            State::ExpectVerdict(Asked::Session) => match verdict.into_acceptance() {
                Ok(acceptance) => self.confirm_session(acceptance, limits),
                Err(cause) => MethodStep::Failure(cause),
            },
            State::ExpectVerdict(Asked::MsChapV2 { identifier }) => self
                .answer_ms_chap_v2(identifier, verdict, limits)
                .unwrap_or_else(MethodStep::Failure),
            State::ExpectVerdict(Asked::Eap(mut eap)) => {
                let step = eap.handle_verdict(verdict);
                self.follow(eap, step, limits)
            }
            _ => MethodStep::Failure(FailureCause::Internal),
        }
    }

    fn stage(&self) -> Stage {
        let tunnel = self.tunnel.stage();
        match &self.state {
            State::ExpectConsent(_) | State::ExpectAcknowledgement(Ok(_)) => {
                Stage::SuccessIndication
            }
            State::ExpectAcknowledgement(Err(_)) => Stage::FailureIndication,
            State::ExpectInnerResponse(eap) if tunnel == Stage::InnerAuthentication => {
                eap.stage().unwrap_or(tunnel)
            }
            _ => tunnel,
        }
    }

    fn failure(&self) -> Option<FailureCause> {
        match &self.state {
            State::ExpectAcknowledgement(Err(cause)) => Some(*cause),
            State::ExpectInnerResponse(eap) => eap.failure().or(self.tunnel.failure()),
            _ => self.tunnel.failure(),
        }
    }

    fn name(&self) -> MethodName {
        match (self.inner, self.resumed) {
            (None, Some(resumed)) => resumed,
            (inner, _) => MethodName::ttls(inner),
        }
    }

    fn tunnel(&self) -> Option<&Tunnel> {
        Some(&self.tunnel)
    }
}
