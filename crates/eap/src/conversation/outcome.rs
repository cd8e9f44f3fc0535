//! What a conversation takes and returns: limits, steps, stages, errors and causes.

use crate::fragments::FragmentError;
use crate::keys::{InnerPassword, Keys};
use crate::method::ttls::{InnerError, InnerMethod};
use crate::packet::{EapType, PacketError};
use crate::tls::TlsAlert;
use std::borrow::Cow;

/// How large the next request may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most octets of the next EAP packet, header included. Values outside 60..=4000 are taken as
    /// the nearest bound: below it nothing moves, above it no RADIUS packet can carry it.
    pub eap_octets: usize,
}

impl Limits {
    /// What is sent where the request names no MTU, and the most that is sent at all (E2, RFC 3579
    /// §2.4): with it the whole datagram survives tunnels and firewalls that drop IP fragments.
    pub const USUAL: Limits = Limits { eap_octets: 1020 };

    /// From the request's Framed-MTU; `is_80211` where NAS-Port-Type says 802.11, whose EAPOL
    /// header takes four octets. A Framed-MTU below 64 is none (RFC 2865 §5.12).
    pub fn from_framed_mtu(framed_mtu: Option<u32>, is_80211: bool) -> Limits {
        let header = if is_80211 { 4 } else { 0 };
        let room = framed_mtu
            .filter(|mtu| *mtu >= 64)
            .and_then(|mtu| usize::try_from(mtu - header).ok())
            .unwrap_or(Limits::USUAL.eap_octets);
        Limits {
            eap_octets: room.min(Limits::USUAL.eap_octets),
        }
    }

    pub(crate) fn octets(self) -> usize {
        self.eap_octets.clamp(60, 4000)
    }
}

/// What the caller does next.
#[must_use]
#[derive(Debug)]
pub enum Step {
    /// Send this EAP-Request in an Access-Challenge.
    Request(Vec<u8>),
    /// Ask the accounts, then call [`handle_verdict`](crate::Conversation::handle_verdict).
    Prove(InnerCredential),
    /// Send this EAP-Success in an Access-Accept, with the keys. Only a verdict leads here.
    Success {
        /// EAP-Success, four octets.
        packet: Vec<u8>,
        /// For MS-MPPE-Recv-Key and MS-MPPE-Send-Key.
        keys: Keys,
    },
    /// Send this EAP-Failure in an Access-Reject.
    Failure {
        /// EAP-Failure, four octets.
        packet: Vec<u8>,
        /// For audit and counters; the peer is told nothing.
        cause: FailureCause,
    },
}

/// What the peer offers as proof.
#[derive(Debug)]
pub enum InnerCredential {
    /// A name and a password, both as sent.
    Password {
        /// The identity inside the tunnel; at most 253 octets, no encoding promised.
        identity: Vec<u8>,
        /// At most 1,024 octets; may be empty, which is to be refused.
        password: InnerPassword,
    },
}

/// What the accounts said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let in.
    Accepted,
    /// Not.
    Refused,
}

/// Why a packet was not taken. The conversation stands where it stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EapError {
    /// No EAP packet.
    #[error("malformed EAP packet: {0}")]
    Malformed(#[from] PacketError),
    /// A Request, Success or Failure: not from a peer.
    #[error("an EAP packet that is no Response")]
    NotAResponse,
    /// A retransmission of an earlier response, or a forgery (E1).
    #[error("the response answers another request")]
    WrongIdentifier,
    /// Neither the method on offer nor a Nak.
    #[error("a response of another type than the request")]
    WrongType,
    /// A Nak in the middle of a method.
    #[error("a Nak after the method had begun")]
    NakTooLate,
    /// A conversation begins with Identity.
    #[error("not an EAP-Response/Identity")]
    NotIdentity,
    /// More than a User-Name can hold.
    #[error("an identity of more than 253 octets")]
    IdentityTooLong,
    /// While the accounts are asked, or after the end.
    #[error("nothing was expected from the peer")]
    NotExpected,
    /// The framing of TLS is broken. Only ever inside [`FailureCause::Protocol`].
    #[error(transparent)]
    Fragment(#[from] FragmentError),
}

impl EapError {
    /// Whether the caller drops the packet in silence and keeps the conversation.
    pub fn is_ignorable(&self) -> bool {
        !matches!(
            self,
            EapError::NotIdentity | EapError::IdentityTooLong | EapError::Fragment(_)
        )
    }

    /// A stable name for corpus files and counters.
    pub fn label(&self) -> &'static str {
        match self {
            EapError::Malformed(error) => error.label(),
            EapError::NotAResponse => "not-a-response",
            EapError::WrongIdentifier => "wrong-identifier",
            EapError::WrongType => "wrong-type",
            EapError::NakTooLate => "nak-too-late",
            EapError::NotIdentity => "not-identity",
            EapError::IdentityTooLong => "identity-too-long",
            EapError::NotExpected => "not-expected",
            EapError::Fragment(error) => error.label(),
        }
    }
}

/// Why a conversation ended with EAP-Failure. `Display` is a sentence for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FailureCause {
    /// The accounts said no.
    #[error("the accounts refused the credential")]
    Refused,
    /// The peer wants no method that is offered; `wanted` is the first that it named.
    #[error("the device accepts no method that is offered here{}", wants(*wanted))]
    MethodNotAgreed {
        /// What it would have liked.
        wanted: Option<EapType>,
    },
    /// The handshake failed.
    #[error("{0}")]
    TlsAlert(TlsAlert),
    /// The peer broke the framing.
    #[error("the device broke the protocol: {0}")]
    Protocol(EapError),
    /// The tunnel opened, and the peer never said who it is, or offered no proof.
    #[error("the device opened the tunnel but sent no user name and password")]
    InnerMissing,
    /// The peer chose an inner method that is not offered.
    #[error("the device's profile asks for inner method {}, which is not offered here", .0.label())]
    InnerMethodNotOffered(InnerMethod),
    /// The peer's message through the tunnel is broken.
    #[error("the device sent something unusable through the tunnel: {0}")]
    Inner(InnerError),
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
            FailureCause::Protocol(_) => "protocol",
            FailureCause::InnerMissing => "inner-missing",
            FailureCause::InnerMethodNotOffered(_) => "inner-method-not-offered",
            FailureCause::Inner(_) => "inner-malformed",
            FailureCause::TooManyRoundTrips => "too-many-round-trips",
            FailureCause::Internal => "internal",
        }
    }
}

fn wants(wanted: Option<EapType>) -> String {
    wanted.map_or_else(String::new, |kind| {
        format!("; it asks for {} ({})", kind.name(), kind.0)
    })
}

/// What the server was waiting for. A peer that goes silent here "gave up" (E10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// A method was offered, and neither taken up nor refused.
    MethodNegotiation,
    /// The method was taken up; its ClientHello is not complete.
    ClientHello,
    /// Our certificate is on its way; fragments of it wait for their acknowledgement.
    ServerFragments,
    /// Our certificate was delivered as a whole, and the client has not answered.
    ServerCertificate,
    /// The client's answer to our certificate is arriving in fragments.
    ClientFinished,
    /// Our alert was sent; most devices hang up on it without a word.
    TlsAlert(TlsAlert),
    /// The tunnel is open, and the client has not said who it is.
    InnerAuthentication,
    /// The accounts are being asked; the peer owes nothing.
    Verdict,
    /// Success or Failure went out.
    Finished,
}

impl Stage {
    /// A stable name for audit and counters.
    pub fn label(self) -> &'static str {
        match self {
            Stage::MethodNegotiation => "method-negotiation",
            Stage::ClientHello => "client-hello",
            Stage::ServerFragments => "server-fragments",
            Stage::ServerCertificate => "server-certificate",
            Stage::ClientFinished => "client-finished",
            Stage::TlsAlert(_) => "tls-alert",
            Stage::InnerAuthentication => "inner-authentication",
            Stage::Verdict => "verdict",
            Stage::Finished => "finished",
        }
    }

    /// The likely cause where a device falls silent here, as a sentence for the operator.
    pub fn likely_cause(self) -> Cow<'static, str> {
        let cause = match self {
            Stage::MethodNegotiation => "the device left, or has no profile for this network",
            Stage::ClientHello | Stage::ClientFinished => {
                "the device left, or its fragments were lost on the way"
            }
            Stage::ServerFragments => "large packets are lost on the way: check the MTU",
            Stage::ServerCertificate => {
                "the device does not trust the CA, or its user was asked and did not answer"
            }
            Stage::TlsAlert(alert) => return Cow::Owned(alert.to_string()),
            Stage::InnerAuthentication => "the device has no password, or waits for its user",
            Stage::Verdict => "the accounts did not answer in time",
            Stage::Finished => "the conversation had ended",
        };
        Cow::Borrowed(cause)
    }
}
