//! Facts that the server showed to a device.

#![expect(
    clippy::expect_used,
    reason = "a test's profile is the test's responsibility"
)]

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::{Arc, Mutex};

/// The certificate and the OCSP response of the last full handshake. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<Shown>>);

#[derive(Clone, Debug, Default)]
struct Shown {
    certificate: Option<CertificateDer<'static>>,
    staple: Vec<u8>,
}

impl Seen {
    fn shown(&self) -> Shown {
        self.0.lock().expect("nobody panics with it").clone()
    }

    /// The server's own certificate; none before the first handshake.
    pub fn certificate(&self) -> Option<CertificateDer<'static>> {
        self.shown().certificate
    }

    /// The OCSP response, DER; empty where there was none.
    pub fn staple(&self) -> Vec<u8> {
        self.shown().staple
    }
}

/// Checks as usual, and notes what it saw.
#[derive(Debug)]
pub(super) struct Witness {
    verifier: Arc<WebPkiServerVerifier>,
    seen: Seen,
}

impl Witness {
    pub(super) fn new(roots: RootCertStore, provider: Arc<CryptoProvider>, seen: Seen) -> Self {
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = builder.build().expect("a root");
        Witness { verifier, seen }
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.seen.0.lock().expect("nobody panics with it") = Shown {
            certificate: Some(end_entity.clone().into_owned()),
            staple: ocsp_response.to_vec(),
        };
        self.verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
