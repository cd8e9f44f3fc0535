//! Causes of EAP-Failure, for audit, counters and the operator.

use crate::eap_error::EapError;
use crate::identity_type::IdentityType;
use crate::inner_error::InnerError;
use crate::inner_method::InnerMethod;
use crate::tls::{CertificateProblem, TlsAlert, TlsProblem};
use crate::wishes::Wishes;

/// Why a conversation ended with EAP-Failure. `Display` is a sentence for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FailureCause {
    /// The caller refused the credential.
    #[error("the accounts refused the credential")]
    Refused,
    /// The peer wants no method that is offered.
    #[error("the device accepts no method that is offered here{wishes}")]
    MethodNotAgreed {
        /// Methods that its Nak names.
        wishes: Wishes,
    },
    /// The handshake failed.
    #[error("{0}")]
    TlsAlert(TlsAlert),
    /// The client's certificate was not accepted; our alert has told the device.
    #[error("we refused the TLS handshake: {0}")]
    ClientCertificate(CertificateProblem),
    /// The device sent data in a method that has none.
    #[error("the device sent data through a tunnel that is for none")]
    DataInsideTls,
    /// The peer broke the framing.
    #[error("the device broke the protocol: {0}")]
    Protocol(EapError),
    /// The tunnel opened, and the peer never said who it is, or offered no proof.
    #[error("the device opened the tunnel but sent no user name and password")]
    InnerMissing,
    /// The peer chose an inner method that is not offered.
    #[error("the device's profile asks for inner method {}, which is not offered here", .0.label())]
    InnerMethodNotOffered(InnerMethod),
    /// The peer wants no EAP method that is offered inside the tunnel.
    #[error("the device accepts no inner method that is offered here{wishes}")]
    InnerMethodNotAgreed {
        /// Methods that its Nak names.
        wishes: Wishes,
    },
    /// MS-CHAPv2 proves both ends, and the peer says that we failed; or it says so in PEAP.
    #[error("the device did not accept our proof that we know the password")]
    ServerDoubted,
    /// Crypto-binding (MS-PEAP §3.1.5.6, RFC 9930): the inner method and the tunnel do not end at
    /// one peer.
    #[error("the device's crypto-binding is wrong: somebody may stand between it and us")]
    BindingBroken,
    /// TEAP asked for one kind of identity, and the device has only another.
    #[error("the device has no {} identity for TEAP, which is asked for here", .0.label())]
    IdentityTypeMissing(IdentityType),
    /// The device said inside TEAP that it failed, perhaps why (RFC 9930, Error TLV).
    #[error("the device ended it{}", by_error(*error))]
    DeviceReportedFailure {
        /// An Error-Code of RFC 9930.
        error: Option<u32>,
    },
    /// The peer finds ours wrong.
    #[error(
        "the device did not accept our crypto-binding: its profile derives other keys (PEAPv1's label), \
         or somebody stands between it and us"
    )]
    BindingRefused,
    /// The peer's message through the tunnel is broken.
    #[error("the device sent something unusable through the tunnel: {0}")]
    Inner(InnerError),
    /// Packet after packet that answers no request of ours; the latest.
    #[error("too many packets that make no sense; the last: {0}")]
    Untaken(EapError),
    /// More requests than any sound conversation needs.
    #[error("the conversation took too many round trips")]
    TooManyRoundTrips,
    /// Ours.
    #[error("the server failed internally")]
    Internal,
}

impl FailureCause {
    /// A stable name for audit and counters.
    pub fn label(&self) -> &'static str {
        match self {
            FailureCause::Refused => "refused",
            FailureCause::MethodNotAgreed { .. } => "method-not-agreed",
            FailureCause::TlsAlert(TlsAlert::Received(_)) => "tls-alert-received",
            FailureCause::TlsAlert(TlsAlert::Sent(_)) => "tls-alert-sent",
            FailureCause::ClientCertificate(problem) => problem.label(),
            FailureCause::DataInsideTls => "data-inside-tls",
            FailureCause::Protocol(_) => "protocol",
            FailureCause::InnerMissing => "inner-missing",
            FailureCause::InnerMethodNotOffered(_) => "inner-method-not-offered",
            FailureCause::InnerMethodNotAgreed { .. } => "inner-method-not-agreed",
            FailureCause::ServerDoubted => "server-doubted",
            FailureCause::BindingBroken => "binding-broken",
            FailureCause::IdentityTypeMissing(_) => "identity-type-missing",
            FailureCause::DeviceReportedFailure { .. } => "device-reported-failure",
            FailureCause::BindingRefused => "binding-refused",
            FailureCause::Inner(_) => "inner-malformed",
            FailureCause::Untaken(_) => "packets-untaken",
            FailureCause::TooManyRoundTrips => "too-many-round-trips",
            FailureCause::Internal => "internal",
        }
    }
}

impl From<TlsAlert> for FailureCause {
    fn from(alert: TlsAlert) -> Self {
        match alert {
            TlsAlert::Sent(TlsProblem::ClientCertificate(problem)) => {
                FailureCause::ClientCertificate(problem)
            }
            alert => FailureCause::TlsAlert(alert),
        }
    }
}

fn by_error(error: Option<u32>) -> String {
    error.map_or_else(String::new, |code| format!(" with error {code} of TEAP"))
}
