//! What a server certificate says, and what devices or eduroam's own checks would hold against it.

use jiff::{Timestamp, ToSpan};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::public_key::PublicKey;

/// What the server's own certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// DNS names of the subject alternative name.
    pub names: Vec<String>,
    /// Bits of an RSA key; none for other keys.
    pub rsa_bits: Option<usize>,
    /// Whether the extended key usage allows a TLS server.
    pub serves_tls: bool,
}

/// Why a chain and key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CertificateError {
    #[error("no PEM certificate in this file")]
    NoCertificate,
    #[error("the first certificate in this file cannot be read")]
    UnreadableCertificate,
    #[error("no PEM private key in this file")]
    NoKey,
    #[error("a private key of a kind that cannot be used here")]
    UnusableKey,
    #[error("this key does not belong to the first certificate of the chain")]
    OtherKey,
}

impl CertificateError {
    pub(super) fn concerns_key(self) -> bool {
        matches!(self, Self::NoKey | Self::UnusableKey | Self::OtherKey)
    }

    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::NoCertificate => "it should have -----BEGIN CERTIFICATE----- in it",
            Self::UnreadableCertificate => "look at it with: openssl x509 -text -in FILE",
            Self::NoKey => "it should have -----BEGIN PRIVATE KEY----- in it, not encrypted",
            Self::UnusableKey => "use ECDSA P-256, P-384 or RSA of 2048 bits or more",
            Self::OtherKey => "the server's own certificate comes first, then its issuers",
        }
    }
}

/// Reads the chain and checks that the key belongs to it.
pub(super) fn inspect(chain: &[u8], key: &[u8]) -> Result<CertificateFacts, CertificateError> {
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|_| CertificateError::UnreadableCertificate)?;
    let own = certificates
        .first()
        .ok_or(CertificateError::NoCertificate)?;
    let facts = facts(own)?;
    check_key(certificates, key)?;
    Ok(facts)
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
        names: names(&certificate),
        rsa_bits: rsa_bits(&certificate),
        serves_tls: serves_tls(&certificate),
    })
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
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

fn rsa_bits(certificate: &X509Certificate<'_>) -> Option<usize> {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => Some(key.key_size()),
        _ => None,
    }
}

fn serves_tls(certificate: &X509Certificate<'_>) -> bool {
    let usage = certificate.extended_key_usage().ok().flatten();
    usage.is_some_and(|usage| usage.value.server_auth)
}

impl CertificateFacts {
    /// Whole days until it expires; negative once it has.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        self.not_after
            .duration_since(now)
            .as_secs()
            .div_euclid(86_400)
    }

    /// What is weak about it, each with advice.
    pub(super) fn cautions(&self, now: Timestamp) -> Vec<(String, &'static str)> {
        let mut cautions = Vec::new();
        cautions.extend(self.validity_caution(now));
        cautions.extend(self.name_caution());
        if self.rsa_bits.is_some_and(|bits| bits < 2048) {
            let caution = "an RSA key under 2048 bits is refused by many devices".to_owned();
            cautions.push((caution, "ask for a certificate with an ECDSA P-256 key"));
        }
        if !self.serves_tls {
            let caution = "the certificate is not made for TLS servers (no serverAuth)".to_owned();
            cautions.push((
                caution,
                "Windows and Android refuse it: have it issued again",
            ));
        }
        cautions
    }

    fn validity_caution(&self, now: Timestamp) -> Option<(String, &'static str)> {
        const RENEW: &str =
            "renew it from the same CA, or devices will ask their owners to trust it";
        let soon = now.checked_add((30 * 24).hours()).unwrap_or(Timestamp::MAX);
        let day = self.not_after.strftime("%Y-%m-%d");
        if self.not_after <= now {
            Some((
                format!("the certificate expired on {day}: no device will log on"),
                RENEW,
            ))
        } else if self.not_after <= soon {
            let days = self.days_left(now);
            Some((
                format!("the certificate expires on {day}, in {days} days"),
                RENEW,
            ))
        } else if self.not_before > now {
            let day = self.not_before.strftime("%Y-%m-%d");
            Some((
                format!("the certificate is not valid before {day}"),
                "check the clock",
            ))
        } else {
            None
        }
    }

    fn name_caution(&self) -> Option<(String, &'static str)> {
        const ADVICE: &str = "have one host name in it, such as radius.campus.example";
        if self.names.is_empty() {
            Some((
                "the certificate names no host (no SAN:DNS)".to_owned(),
                ADVICE,
            ))
        } else if self.names.iter().any(|name| name.starts_with('*')) {
            Some((
                "some devices refuse a wildcard certificate".to_owned(),
                ADVICE,
            ))
        } else {
            None
        }
    }
}
