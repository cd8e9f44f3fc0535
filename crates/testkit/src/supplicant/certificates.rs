//! A certification authority for tests: root, intermediate, server certificates (ECDSA P-256).

#![expect(
    clippy::expect_used,
    reason = "fixed inputs: a failure is a broken test"
)]

use portvakt_supplicant::Trusted;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
};
use rustls::pki_types::CertificateDer;

/// The name in every server certificate made here.
const SERVER_NAME: &str = "radius.campus.example";

/// A root and one intermediate below it.
pub struct Authority {
    pub(super) root: CertifiedIssuer<'static, KeyPair>,
    pub(super) intermediate: CertifiedIssuer<'static, KeyPair>,
}

/// A server's chain (leaf, intermediate) and key, PEM.
pub struct ServerIdentity {
    /// Leaf first.
    pub chain_pem: String,
    /// PKCS #8.
    pub key_pem: String,
}

impl Authority {
    /// Makes a new one; no other trusts it.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    pub fn new(name: &str) -> Self {
        Authority::with_intermediate(name, ca_params(&format!("{name} Issuing CA")))
    }

    /// One whose intermediate has had its time, its root not.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    pub fn with_expired_intermediate(name: &str) -> Self {
        let mut params = ca_params(&format!("{name} Issuing CA"));
        params.not_after = rcgen::date_time_ymd(2024, 1, 1);
        Authority::with_intermediate(name, params)
    }

    fn with_intermediate(name: &str, intermediate: CertificateParams) -> Self {
        let root = CertifiedIssuer::self_signed(ca_params(&format!("{name} Root CA")), key())
            .expect("a root");
        let intermediate =
            CertifiedIssuer::signed_by(intermediate, key(), &root).expect("an intermediate");
        Authority { root, intermediate }
    }

    /// The intermediate, PEM: what a server is told to take where it does not trust all of the
    /// root.
    pub fn intermediate_pem(&self) -> String {
        self.intermediate.pem()
    }

    /// The root, DER: what a device is told to trust.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.root.der().clone()
    }

    /// The root, PEM.
    pub fn certificate_pem(&self) -> String {
        self.root.pem()
    }

    /// Issues a server certificate for `radius.campus.example`.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    pub fn issue_server(&self) -> ServerIdentity {
        self.issue_server_for(SERVER_NAME, &key())
    }

    /// The same for another name, or an address.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    pub fn issue_server_called(&self, name: &str) -> ServerIdentity {
        self.issue_server_for(name, &key())
    }

    /// The same with an RSA key of 2,048 bits.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    pub fn issue_rsa_server(&self) -> ServerIdentity {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048);
        self.issue_server_for(SERVER_NAME, &key.expect("a key"))
    }

    fn issue_server_for(&self, name: &str, key: &KeyPair) -> ServerIdentity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let leaf = params
            .signed_by(key, &self.intermediate)
            .expect("a certificate");
        ServerIdentity {
            chain_pem: format!("{}{}", leaf.pem(), self.intermediate.pem()),
            key_pem: key.serialize_pem(),
        }
    }
}

impl Trusted for Authority {
    fn certificate(&self) -> CertificateDer<'static> {
        Authority::certificate(self)
    }

    fn server_name(&self) -> &str {
        SERVER_NAME
    }
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Campus Example University");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub(super) fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}
