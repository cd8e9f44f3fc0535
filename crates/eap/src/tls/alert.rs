//! Why a handshake stopped, in words that an operator can act on.

use super::certificate_problem::CertificateProblem;
use rustls::{Error, PeerIncompatible};
use std::fmt;

/// A TLS alert by its number (RFC 8446 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alert(pub u8);

impl Alert {
    /// The peer ends the connection without complaint.
    pub const CLOSE_NOTIFY: Alert = Alert(0);
    /// The client does not know who issued our certificate.
    pub const UNKNOWN_CA: Alert = Alert(48);

    /// The name in RFC 8446, or `"unknown"`.
    pub fn name(self) -> &'static str {
        match self.0 {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            22 => "record_overflow",
            40 => "handshake_failure",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            100 => "no_renegotiation",
            109 => "missing_extension",
            110 => "unsupported_extension",
            112 => "unrecognized_name",
            113 => "bad_certificate_status_response",
            116 => "certificate_required",
            120 => "no_application_protocol",
            _ => "unknown",
        }
    }

    /// Meaning of the alert when a client sends it, as a sentence for the operator.
    pub fn likely_cause(self) -> &'static str {
        match self.0 {
            0 | 90 => "the device or its user broke off, often at the question whether to trust us",
            42 | 46 => {
                "the device rejected our certificate: wrong name in its profile, or the user said no"
            }
            43 => "the device cannot use a certificate of this kind",
            44 => "the device thinks that our certificate is revoked",
            45 => "our certificate has expired, or the device's clock is wrong",
            48 => "the device does not trust the CA that issued our certificate",
            40 | 47 | 70 | 71 => "the device supports no TLS version, group or cipher of ours",
            113 => "the device wanted a fresh OCSP answer",
            _ => "the device reported an error of the TLS protocol",
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            "unknown" => write!(f, "alert {}", self.0),
            name => f.write_str(name),
        }
    }
}

/// The problem that our alert was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TlsProblem {
    /// The client is too old, or limited to a version that is switched off here.
    #[error("the device offers no TLS version that is allowed here")]
    NoCommonVersion,
    /// Only CBC or RSA key exchange, for instance.
    #[error("the device offers no cipher suite that is allowed here")]
    NoCommonCipherSuite,
    /// Neither X25519 nor P-256 nor P-384.
    #[error("the device offers no key exchange group that is allowed here")]
    NoCommonGroup,
    /// It cannot check a signature of our key.
    #[error("the device cannot verify signatures of our certificate's key type")]
    NoCommonSignature,
    /// Another extension or feature that we insist on is missing.
    #[error("the device lacks a TLS feature that is required here")]
    FeatureMissing,
    /// Bytes that are not TLS, or not the message due.
    #[error("the device sent what is no valid TLS message at this point")]
    BadMessage,
    /// A record did not decrypt: altered on the way, or keys that differ.
    #[error("a TLS record did not decrypt")]
    DecryptFailed,
    /// A protocol rule was broken.
    #[error("the device broke a rule of the TLS protocol")]
    Misbehaved,
    /// The client's certificate did not verify.
    #[error("{0}")]
    ClientCertificate(CertificateProblem),
    /// More decrypted data than any inner method needs.
    #[error("the device sent more data through the tunnel than any method needs")]
    TooMuchData,
    /// Ours: random source, signature or the like.
    #[error("TLS failed on our side")]
    Internal,
}

impl TlsProblem {
    /// A stable name for audit and counters.
    pub fn label(self) -> &'static str {
        match self {
            TlsProblem::NoCommonVersion => "no-common-version",
            TlsProblem::NoCommonCipherSuite => "no-common-cipher-suite",
            TlsProblem::NoCommonGroup => "no-common-group",
            TlsProblem::NoCommonSignature => "no-common-signature",
            TlsProblem::FeatureMissing => "feature-missing",
            TlsProblem::BadMessage => "bad-message",
            TlsProblem::DecryptFailed => "decrypt-failed",
            TlsProblem::Misbehaved => "misbehaved",
            TlsProblem::ClientCertificate(problem) => problem.label(),
            TlsProblem::TooMuchData => "too-much-data",
            TlsProblem::Internal => "internal",
        }
    }
}

impl From<&PeerIncompatible> for TlsProblem {
    fn from(incompatible: &PeerIncompatible) -> Self {
        use PeerIncompatible as P;
        match incompatible {
            P::ServerDoesNotSupportTls12Or13
            | P::ServerTlsVersionIsDisabledByOurConfig
            | P::SupportedVersionsExtensionRequired
            | P::Tls12NotOffered
            | P::Tls12NotOfferedOrEnabled => TlsProblem::NoCommonVersion,
            P::NoCipherSuitesInCommon => TlsProblem::NoCommonCipherSuite,
            P::NoKxGroupsInCommon | P::NamedGroupsExtensionRequired => TlsProblem::NoCommonGroup,
            P::NoSignatureSchemesInCommon | P::SignatureAlgorithmsExtensionRequired => {
                TlsProblem::NoCommonSignature
            }
            _ => TlsProblem::FeatureMissing,
        }
    }
}

/// Which end gave up on the handshake, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsAlert {
    /// The client told us.
    Received(Alert),
    /// We told the client; the alert itself went out before EAP-Failure.
    Sent(TlsProblem),
}

impl TlsAlert {
    /// A stable name for audit and counters.
    pub fn label(self) -> &'static str {
        match self {
            TlsAlert::Received(alert) => alert.name(),
            TlsAlert::Sent(problem) => problem.label(),
        }
    }
}

impl From<Error> for TlsAlert {
    fn from(error: Error) -> Self {
        let problem = match &error {
            Error::AlertReceived(alert) => return TlsAlert::Received(Alert(u8::from(*alert))),
            Error::PeerIncompatible(incompatible) => incompatible.into(),
            Error::InvalidMessage(_)
            | Error::InappropriateMessage { .. }
            | Error::InappropriateHandshakeMessage { .. }
            | Error::PeerSentOversizedRecord => TlsProblem::BadMessage,
            Error::DecryptError => TlsProblem::DecryptFailed,
            Error::PeerMisbehaved(_) | Error::NoApplicationProtocol => TlsProblem::Misbehaved,
            other => CertificateProblem::of(other)
                .map_or(TlsProblem::Internal, TlsProblem::ClientCertificate),
        };
        TlsAlert::Sent(problem)
    }
}

impl fmt::Display for TlsAlert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsAlert::Received(alert) => {
                write!(
                    f,
                    "the client sent TLS alert {alert}: {}",
                    alert.likely_cause()
                )
            }
            TlsAlert::Sent(problem) => write!(f, "we refused the TLS handshake: {problem}"),
        }
    }
}
