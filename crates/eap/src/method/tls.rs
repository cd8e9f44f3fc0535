//! EAP-TLS (RFC 5216), over TLS 1.2 and 1.3 (RFC 9190): the device's certificate is the proof.
//!
//! ```text
//!   Start ──> handshake, full or resumed ──> verdict ──> rest of it, 0x00 (TLS 1.3) ──> success
//! ```
//! The accounts are asked before our last flight leaves: the octet 0x00 promises success
//! (RFC 9190 §2.5), and a device that is refused gets no session ticket.

use crate::Limits;
use crate::conversation::{FailureCause, InnerCredential, Stage, Verdict};
use crate::fragments;
use crate::method::handshake_proof::HandshakeProof;
use crate::method::{Method, MethodName, MethodStep};
use crate::packet::EapType;
use crate::tls::{KeyLabel, MethodTls, TlsVersion};
use crate::tunnel::{Event, Tunnel};

const KEY_LABEL: KeyLabel = KeyLabel {
    tls12: b"client EAP encryption",
    eap_type: EapType::TLS,
};

/// One EAP-TLS conversation.
pub(crate) struct Tls {
    tunnel: Tunnel,
    proof: HandshakeProof,
}

impl Tls {
    pub(crate) fn new(tls: MethodTls) -> Self {
        Tls {
            tunnel: Tunnel::new(tls).holding(),
            proof: HandshakeProof::NotAsked,
        }
    }

    /// That a chain was verified is checked here again, by there being one.
    fn ask(&mut self) -> MethodStep {
        match self.tunnel.peer_certificate() {
            Ok(certificate) => self.proof.ask(InnerCredential::Certificate { certificate }),
            Err(problem) => MethodStep::Failure(FailureCause::ClientCertificate(problem)),
        }
    }

    fn succeed(&self) -> MethodStep {
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
            Event::Open if self.proof.is_confirmed() => self.succeed(),
            Event::Open => self.ask(),
            Event::Resumed(session) => match self.tunnel.peer_certificate() {
                Ok(certificate) => self.proof.ask(session.credential(Some(certificate))),
                Err(problem) => MethodStep::Failure(FailureCause::ClientCertificate(problem)),
            },
            Event::Data(_) => MethodStep::Failure(FailureCause::DataInsideTls),
            Event::Failed(cause) => MethodStep::Failure(cause),
        }
    }

    fn handle_verdict(&mut self, verdict: Verdict, limits: Limits) -> MethodStep {
        match verdict {
            Verdict::Accepted => match self.proof.confirm(&mut self.tunnel, limits) {
                Ok(Some(type_data)) => MethodStep::Request(type_data),
                Ok(None) => self.succeed(),
                Err(_ours) => MethodStep::Failure(FailureCause::Internal),
            },
            Verdict::Refused => MethodStep::Failure(FailureCause::Refused),
        }
    }

    fn stage(&self) -> Stage {
        match self.proof {
            HandshakeProof::Confirmed => Stage::SuccessIndication,
            HandshakeProof::NotAsked | HandshakeProof::Asked => self.tunnel.stage(),
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
