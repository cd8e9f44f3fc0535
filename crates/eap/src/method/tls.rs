//! EAP-TLS (RFC 5216), over TLS 1.2 and 1.3 (RFC 9190): the device's certificate is the proof. By
//! itself, or inside a tunnel (`inner/eap_tls.rs`).
//!
//! ```text
//!   Start ──> handshake, full or resumed ──> verdict ──> rest of it, 0x00 (TLS 1.3) ──> success
//! ```
//! The caller is asked before our last flight leaves: the octet 0x00 promises success
//! (RFC 9190 §2.5), and a device that is refused gets no session ticket.

use crate::acceptance::Acceptance;
use crate::credential::InnerCredential;
use crate::failure::FailureCause;
use crate::fragments;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::method::{Method, MethodStep};
use crate::method_name::MethodName;
use crate::packet::EapType;
use crate::stage::Stage;
use crate::tls::{CertificateIdentity, KeyLabel, MethodTls, SessionId};
use crate::tunnel::{Event, Tunnel};
use crate::verdict::Verdict;
use rustls::pki_types::CertificateDer;
use std::sync::Arc;

const KEY_LABEL: KeyLabel = KeyLabel {
    tls12: b"client EAP encryption",
    eap_type: EapType::TLS,
};

/// One EAP-TLS conversation.
pub(crate) struct Tls {
    tunnel: Tunnel,
    state: State,
}

enum State {
    ExpectHandshake,
    ExpectVerdict,
    /// Of our last flight.
    ExpectAcknowledgement(Acceptance),
    Finished,
}

/// The next action of EAP-TLS, by itself or inside a tunnel.
pub(crate) enum TlsStep {
    Request(Vec<u8>),
    Authenticate(InnerCredential),
    Find(SessionId),
    Accepted(Acceptance, Keys),
    Failed(FailureCause),
}

impl Tls {
    pub(crate) fn new(tls: Arc<MethodTls>) -> Self {
        Tls {
            tunnel: Tunnel::new(tls).holding(),
            state: State::ExpectHandshake,
        }
    }

    /// Takes the type-data of a response.
    pub(crate) fn advance(&mut self, type_data: &[u8], limits: Limits) -> TlsStep {
        let event = self.tunnel.handle(type_data, limits);
        self.handle_event(event)
    }

    fn handle_event(&mut self, event: Event) -> TlsStep {
        match event {
            Event::Send(type_data) => TlsStep::Request(type_data),
            Event::Find(id) => TlsStep::Find(id),
            Event::Open => self.handle_open(),
            Event::Resumed(session) => {
                self.ask(|certificate| InnerCredential::resumed(&session, Some(certificate)))
            }
            Event::Data(_) => TlsStep::Failed(FailureCause::DataInsideTls),
            Event::Failed(cause) => TlsStep::Failed(cause),
        }
    }

    /// Takes the answer to [`TlsStep::Authenticate`].
    pub(crate) fn conclude(&mut self, verdict: Verdict, limits: Limits) -> TlsStep {
        match verdict.into_acceptance() {
            Ok(acceptance) => self.confirm(acceptance, limits),
            Err(cause) => TlsStep::Failed(cause),
        }
    }

    /// The device's chain, leaf first, once the handshake is done and well.
    pub(crate) fn certificates(&self) -> Vec<CertificateDer<'static>> {
        self.tunnel.peer_certificates()
    }

    fn handle_open(&mut self) -> TlsStep {
        match std::mem::replace(&mut self.state, State::Finished) {
            State::ExpectHandshake => {
                self.ask(|certificate| InnerCredential::Certificate { certificate })
            }
            State::ExpectAcknowledgement(acceptance) => self.succeed(acceptance),
            State::ExpectVerdict | State::Finished => TlsStep::Failed(FailureCause::Internal),
        }
    }

    /// That a chain was verified is checked here again, by there being one.
    fn ask(
        &mut self,
        credential: impl FnOnce(Box<CertificateIdentity>) -> InnerCredential,
    ) -> TlsStep {
        match self.tunnel.peer_certificate() {
            Ok(certificate) => {
                self.state = State::ExpectVerdict;
                TlsStep::Authenticate(credential(Box::new(certificate)))
            }
            Err(problem) => TlsStep::Failed(FailureCause::ClientCertificate(problem)),
        }
    }

    fn confirm(&mut self, acceptance: Acceptance, limits: Limits) -> TlsStep {
        match self.tunnel.confirm(limits) {
            Ok(Some(type_data)) => {
                self.state = State::ExpectAcknowledgement(acceptance);
                TlsStep::Request(type_data)
            }
            Ok(None) => self.succeed(acceptance),
            Err(_ours) => TlsStep::Failed(FailureCause::Internal),
        }
    }

    /// The one place that hands out keys.
    fn succeed(&self, acceptance: Acceptance) -> TlsStep {
        match self.tunnel.export_keys(&KEY_LABEL) {
            Ok(keys) => TlsStep::Accepted(acceptance, keys),
            Err(_ours) => TlsStep::Failed(FailureCause::Internal),
        }
    }
}

impl Method for Tls {
    fn eap_type(&self) -> EapType {
        EapType::TLS
    }

    fn start(&mut self) -> Vec<u8> {
        fragments::write_start(0)
    }

    fn handle(&mut self, type_data: &[u8], limits: Limits) -> MethodStep {
        self.advance(type_data, limits).into()
    }

    fn handle_search(&mut self, is_found: bool, limits: Limits) -> MethodStep {
        let event = self.tunnel.handle_search(is_found, limits);
        self.handle_event(event).into()
    }

    fn handle_verdict(&mut self, verdict: Verdict, limits: Limits) -> MethodStep {
        self.conclude(verdict, limits).into()
    }

    fn stage(&self) -> Stage {
        match self.state {
            State::ExpectAcknowledgement(_) => Stage::SuccessIndication,
            _ => self.tunnel.stage(),
        }
    }

    fn name(&self) -> MethodName {
        MethodName::Tls
    }

    fn tunnel(&self) -> Option<&Tunnel> {
        Some(&self.tunnel)
    }
}

impl From<TlsStep> for MethodStep {
    fn from(step: TlsStep) -> Self {
        match step {
            TlsStep::Request(type_data) => MethodStep::Request(type_data),
            TlsStep::Authenticate(credential) => MethodStep::Authenticate(credential),
            TlsStep::Find(id) => MethodStep::Find(id),
            TlsStep::Accepted(_acceptance, keys) => MethodStep::Success(Some(keys)),
            TlsStep::Failed(cause) => MethodStep::Failure(cause),
        }
    }
}
