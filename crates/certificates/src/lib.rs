//! Server certificates before they are used: whether chain and key can be used at all, what the
//! certificate says, lints by the checks of devices and eduroam (`lints.rs`), and OCSP responses.
//!
//! No IO and no clock: octets and the time come in as values, findings go out. A finding has the
//! fault and the advice for the operator.

mod issuers;
mod lints;
mod names;
pub mod ocsp;
mod round_trips;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

pub use lints::{Lint, Setting, lints, too_long};

/// Facts of the server's own certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// DNS names of the subject alternative name.
    pub names: Vec<String>,
}

/// Why a chain and key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// No certificate in the chain file.
    #[error("no PEM certificate in this file")]
    NoCertificate,
    /// A certificate that is not X.509 in DER.
    #[error("the first certificate in this file cannot be read")]
    UnreadableCertificate,
    /// No unencrypted private key in the key file.
    #[error("no PEM private key in this file")]
    NoKey,
    /// A kind of key that cannot sign here.
    #[error("a private key of a kind that cannot be used here")]
    UnusableKey,
    /// Another certificate's key.
    #[error("this key does not belong to the first certificate of the chain")]
    OtherKey,
}

impl CertificateError {
    /// Whether the key file is at fault, not the chain.
    #[must_use]
    pub fn concerns_key(self) -> bool {
        matches!(self, Self::NoKey | Self::UnusableKey | Self::OtherKey)
    }

    /// The remedy, for the operator.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::NoCertificate => "it should have -----BEGIN CERTIFICATE----- in it",
            Self::UnreadableCertificate => "look at it with: openssl x509 -text -in FILE",
            Self::NoKey => "it should have -----BEGIN PRIVATE KEY----- in it, not encrypted",
            Self::UnusableKey => "use ECDSA P-256, P-384 or RSA of 2048 bits or more",
            Self::OtherKey => "the server's own certificate comes first, then its issuers",
        }
    }
}

/// A chain whose key belongs to it.
pub struct Inspected {
    /// The server's own first, DER.
    pub certificates: Vec<CertificateDer<'static>>,
    /// The facts of the server's own certificate.
    pub facts: CertificateFacts,
}

/// Reads the chain (PEM, the server's own certificate first) and checks that the key (PEM) belongs
/// to it.
///
/// # Errors
/// [`CertificateError`], the first that applies.
pub fn inspect(chain: &[u8], key: &[u8]) -> Result<Inspected, CertificateError> {
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|_| CertificateError::UnreadableCertificate)?;
    let own = certificates
        .first()
        .ok_or(CertificateError::NoCertificate)?;
    let facts = facts(own)?;
    check_key(certificates.clone(), key)?;
    Ok(Inspected {
        certificates,
        facts,
    })
}

fn check_key(chain: Vec<CertificateDer<'static>>, key: &[u8]) -> Result<(), CertificateError> {
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CertificateError::NoKey)?;
    let signer = aws_lc_rs::sign::any_supported_type(&key);
    let signer = signer.map_err(|_| CertificateError::UnusableKey)?;
    let certified = CertifiedKey::new(chain, signer);
    certified
        .keys_match()
        .map_err(|_| CertificateError::OtherKey)
}

fn facts(own: &CertificateDer<'_>) -> Result<CertificateFacts, CertificateError> {
    let unreadable = CertificateError::UnreadableCertificate;
    let (_, certificate) = x509_parser::parse_x509_certificate(own).map_err(|_| unreadable)?;
    let validity = certificate.validity();
    let instant = |seconds| Timestamp::from_second(seconds).map_err(|_| unreadable);
    Ok(CertificateFacts {
        not_before: instant(validity.not_before.timestamp())?,
        not_after: instant(validity.not_after.timestamp())?,
        names: dns_names(&certificate),
    })
}

fn dns_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = extension.value.general_names.iter();
    let dns = names.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    dns.collect()
}

impl CertificateFacts {
    /// Whole days until it expires; negative once it has.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        self.not_after
            .duration_since(now)
            .as_secs()
            .div_euclid(86_400)
    }
}
