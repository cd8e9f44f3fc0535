//! EAP-TTLSv0 (RFC 5281) with PAP inside, over TLS 1.2 and 1.3 (RFC 9427).
//!
//! ```text
//!   Start ──> handshake ──> (empty request, TLS 1.3) ──> User-Name + User-Password ──> verdict
//!                 └──resumed──> verdict ──> (0x00, TLS 1.3)
//! ```
//! The last message of PAP is the client's: the server answers it with EAP-Success or
//! EAP-Failure and nothing inside the tunnel. The octet 0x00 of RFC 9190 §2.5 stands in for an
//! inner method on *resumed* sessions only; clients treat tunnelled data after PAP as an error.

pub mod avp;
mod inner;

pub use inner::{InnerError, InnerMethod, InnerRequest};

use crate::Limits;
use crate::conversation::{FailureCause, InnerCredential, Stage, Verdict};
use crate::fragments;
use crate::keys::InnerPassword;
use crate::method::handshake_proof::HandshakeProof;
use crate::method::{Method, MethodName, MethodStep};
use crate::packet::EapType;
use crate::tls::{KeyLabel, MethodTls, TlsVersion};
use crate::tunnel::{Event, Tunnel};

const VERSION: u8 = 0;
const KEY_LABEL: KeyLabel = KeyLabel {
    tls12: b"ttls keying material",
    eap_type: EapType::TTLS,
};
/// How often an open tunnel is prodded with an empty request until the client says who it is.
/// One is needed under TLS 1.3, where the client's Finished leaves us nothing to say; one more
/// for clients that acknowledge our Finished under TLS 1.2.
const PRODS_AT_MOST: u8 = 2;

/// One EAP-TTLS conversation.
pub(crate) struct Ttls {
    tunnel: Tunnel,
    prods: u8,
    inner: Option<MethodName>,
    proof: HandshakeProof,
}

impl Ttls {
    pub(crate) fn new(tls: MethodTls) -> Self {
        Ttls {
            tunnel: Tunnel::new(tls),
            prods: 0,
            inner: None,
            proof: HandshakeProof::NotAsked,
        }
    }

    fn prod(&mut self) -> MethodStep {
        if self.prods == PRODS_AT_MOST {
            return MethodStep::Failure(FailureCause::InnerMissing);
        }
        self.prods += 1;
        MethodStep::Request(vec![VERSION])
    }

    fn succeed(&self) -> MethodStep {
        match self.tunnel.export_keys(&KEY_LABEL) {
            Ok(keys) => MethodStep::Success(keys),
            Err(_ours) => MethodStep::Failure(FailureCause::Internal),
        }
    }

    fn prove(&mut self, plaintext: &[u8]) -> MethodStep {
        self.tunnel.rest_on_data();
        match InnerRequest::read(plaintext) {
            Ok(InnerRequest::Pap { identity, password }) => {
                self.inner = Some(MethodName::TtlsPap);
                MethodStep::Prove(InnerCredential::Password {
                    identity: identity.to_vec(),
                    password: InnerPassword::new(password.to_vec()),
                })
            }
            Ok(InnerRequest::Other(method)) => {
                MethodStep::Failure(FailureCause::InnerMethodNotOffered(method))
            }
            Err(InnerError::NoIdentity | InnerError::NoCredential) => {
                MethodStep::Failure(FailureCause::InnerMissing)
            }
            Err(error) => MethodStep::Failure(FailureCause::Inner(error)),
        }
    }
}

impl Method for Ttls {
    fn eap_type(&self) -> EapType {
        EapType::TTLS
    }

    fn start(&self) -> Vec<u8> {
        fragments::write_start(VERSION)
    }

    fn handle(&mut self, type_data: &[u8], limits: Limits) -> MethodStep {
        match self.tunnel.handle(type_data, limits) {
            Event::Send(type_data) => MethodStep::Request(type_data),
            Event::Resumed(session) => {
                self.inner = Some(session.method);
                self.proof.ask(session.credential(None))
            }
            Event::Open if self.proof.is_confirmed() => self.succeed(),
            Event::Open => self.prod(),
            Event::Data(plaintext) => self.prove(&plaintext),
            Event::Failed(cause) => MethodStep::Failure(cause),
        }
    }

    fn handle_verdict(&mut self, verdict: Verdict, limits: Limits) -> MethodStep {
        match verdict {
            Verdict::Refused => MethodStep::Failure(FailureCause::Refused),
            Verdict::Accepted => match self.proof.confirm(&mut self.tunnel, limits) {
                Ok(Some(type_data)) => MethodStep::Request(type_data),
                Ok(None) => self.succeed(),
                Err(_ours) => MethodStep::Failure(FailureCause::Internal),
            },
        }
    }

    fn tunnel(&self) -> Option<&Tunnel> {
        Some(&self.tunnel)
    }

    fn stage(&self) -> Stage {
        match self.proof {
            HandshakeProof::Confirmed => Stage::SuccessIndication,
            HandshakeProof::NotAsked | HandshakeProof::Asked => self.tunnel.stage(),
        }
    }

    fn name(&self) -> MethodName {
        self.inner.unwrap_or(MethodName::Ttls)
    }

    fn tls_version(&self) -> Option<TlsVersion> {
        self.tunnel.version()
    }
}
