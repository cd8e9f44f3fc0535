//! EAP-TLS (RFC 5216), over TLS 1.2 and 1.3 (RFC 9190): the device's certificate is the proof.
//!
//! ```text
//!   Start ──> handshake, full or resumed ──> verdict ──> rest of it, 0x00 (TLS 1.3) ──> success
//! ```
//! The accounts are asked before our last flight leaves: the octet 0x00 promises success
//! (RFC 9190 §2.5), and a device that is refused gets no session ticket.

use crate::Limits;
use crate::conversation::{Acceptance, FailureCause, InnerCredential, Stage, Verdict};
use crate::fragments;
use crate::method::{Method, MethodName, MethodStep};
use crate::packet::EapType;
use crate::tls::{CertificateIdentity, KeyLabel, MethodTls, TlsVersion};
use crate::tunnel::{Event, Tunnel};

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

impl Tls {
    pub(crate) fn new(tls: MethodTls) -> Self {
        Tls {
            tunnel: Tunnel::new(tls).holding(),
            state: State::ExpectHandshake,
        }
    }

    fn handle_open(&mut self) -> MethodStep {
        match std::mem::replace(&mut self.state, State::Finished) {
            State::ExpectHandshake => {
                self.ask(|certificate| InnerCredential::Certificate { certificate })
            }
            State::ExpectAcknowledgement(acceptance) => self.succeed(&acceptance),
            State::ExpectVerdict | State::Finished => MethodStep::Failure(FailureCause::Internal),
        }
    }

    /// That a chain was verified is checked here again, by there being one.
    fn ask(
        &mut self,
        credential: impl FnOnce(Box<CertificateIdentity>) -> InnerCredential,
    ) -> MethodStep {
        match self.tunnel.peer_certificate() {
            Ok(certificate) => {
                self.state = State::ExpectVerdict;
                MethodStep::Prove(credential(Box::new(certificate)))
            }
            Err(problem) => MethodStep::Failure(FailureCause::ClientCertificate(problem)),
        }
    }

    fn confirm(&mut self, acceptance: Acceptance, limits: Limits) -> MethodStep {
        match self.tunnel.confirm(limits) {
            Ok(Some(type_data)) => {
                self.state = State::ExpectAcknowledgement(acceptance);
                MethodStep::Request(type_data)
            }
            Ok(None) => self.succeed(&acceptance),
            Err(_ours) => MethodStep::Failure(FailureCause::Internal),
        }
    }

    /// The one place that hands out keys.
    fn succeed(&self, _acceptance: &Acceptance) -> MethodStep {
        match self.tunnel.export_keys(&KEY_LABEL) {
            Ok(keys) => MethodStep::Success(keys),
            Err(_ours) => MethodStep::Failure(FailureCause::Internal),
        }
    }
}

impl Method for Tls {
    fn eap_type(&self) -> EapType {
        EapType::TLS
    }

    fn start(&self) -> Vec<u8> {
        fragments::write_start(0)
    }

    fn handle(&mut self, type_data: &[u8], limits: Limits) -> MethodStep {
        match self.tunnel.handle(type_data, limits) {
            Event::Send(type_data) => MethodStep::Request(type_data),
            Event::Open => self.handle_open(),
            Event::Resumed(session) => {
                self.ask(|certificate| session.credential(Some(certificate)))
            }
            Event::Data(_) => MethodStep::Failure(FailureCause::DataInsideTls),
            Event::Failed(cause) => MethodStep::Failure(cause),
        }
    }

    fn handle_verdict(&mut self, verdict: Verdict, limits: Limits) -> MethodStep {
        match verdict.into_acceptance() {
            Ok(acceptance) => self.confirm(acceptance, limits),
            Err(cause) => MethodStep::Failure(cause),
        }
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

    fn tls_version(&self) -> Option<TlsVersion> {
        self.tunnel.version()
    }

    fn tunnel(&self) -> Option<&Tunnel> {
        Some(&self.tunnel)
    }
}
