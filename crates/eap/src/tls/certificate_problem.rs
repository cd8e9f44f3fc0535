//! Faults of a client's certificate: each is a sentence for the operator.

use rustls::{CertificateError, Error};

/// Why a client's certificate was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CertificateProblem {
    /// The device showed none.
    #[error("the device has no certificate for this network, or its user did not choose one")]
    Missing,
    /// It, or one of its issuers, is on a revocation list.
    #[error("the device's certificate is revoked")]
    Revoked,
    /// Its time is over.
    #[error("the device's certificate has expired")]
    Expired,
    /// Its time has not come: more often a wrong clock, here or at the issuer.
    #[error("the device's certificate is not valid yet")]
    NotYetValid,
    /// No chain to an authority that was configured.
    #[error("the device's certificate comes from an authority that is not trusted here")]
    UnknownAuthority,
    /// It is for servers, or for mail, but not for clients.
    #[error("the device's certificate is not meant for client authentication")]
    WrongPurpose,
    /// Lists were configured, but none of an issuer in the chain.
    #[error("no revocation list of the certificate's issuer, or of one above it, is at hand")]
    RevocationUnknown,
    /// The list of an issuer in the chain is past its next update.
    #[error("the revocation list of the certificate's issuer, or of one above it, is out of date")]
    RevocationListStale,
    /// SHA-1, RSA below 2,048 bits, or a signature that is wrong.
    #[error("the device's certificate has a signature that is wrong, or of a kind too weak")]
    BadSignature,
    /// Not readable, or with a critical extension that is not understood.
    #[error("the device's certificate cannot be read")]
    Malformed,
}

impl CertificateProblem {
    /// A stable name for audit and counters.
    pub fn label(self) -> &'static str {
        match self {
            CertificateProblem::Missing => "certificate-missing",
            CertificateProblem::Revoked => "certificate-revoked",
            CertificateProblem::Expired => "certificate-expired",
            CertificateProblem::NotYetValid => "certificate-not-yet-valid",
            CertificateProblem::UnknownAuthority => "certificate-unknown-authority",
            CertificateProblem::WrongPurpose => "certificate-wrong-purpose",
            CertificateProblem::RevocationUnknown => "certificate-revocation-unknown",
            CertificateProblem::RevocationListStale => "certificate-revocation-list-stale",
            CertificateProblem::BadSignature => "certificate-bad-signature",
            CertificateProblem::Malformed => "certificate-malformed",
        }
    }

    /// The fault of the client's certificate in `error`, if it is about one.
    pub(super) fn of(error: &Error) -> Option<Self> {
        match error {
            Error::NoCertificatesPresented => Some(CertificateProblem::Missing),
            Error::InvalidCertificate(error) => Some(error.into()),
            _ => None,
        }
    }
}

impl From<&CertificateError> for CertificateProblem {
    fn from(error: &CertificateError) -> Self {
        use CertificateError as E;
        match error {
            E::Revoked => CertificateProblem::Revoked,
            E::Expired | E::ExpiredContext { .. } => CertificateProblem::Expired,
            E::NotValidYet | E::NotValidYetContext { .. } => CertificateProblem::NotYetValid,
            E::UnknownIssuer => CertificateProblem::UnknownAuthority,
            E::InvalidPurpose | E::InvalidPurposeContext { .. } => CertificateProblem::WrongPurpose,
            E::UnknownRevocationStatus => CertificateProblem::RevocationUnknown,
            E::ExpiredRevocationList | E::ExpiredRevocationListContext { .. } => {
                CertificateProblem::RevocationListStale
            }
            E::BadSignature
            | E::UnsupportedSignatureAlgorithmContext { .. }
            | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                CertificateProblem::BadSignature
            }
            _ => CertificateProblem::Malformed,
        }
    }
}
