//! What a conversation takes and returns: limits, steps, stages, errors and causes.

use super::{Message, Wishes};
use crate::fragments::FragmentError;
use crate::keys::{InnerKey, InnerPassword, Keys};
use crate::method::IdentityType;
use crate::method::inner::{InnerError, InnerMethod, MsChapV2Error};
use crate::packet::{Code, EapType, PacketError};
use crate::tls::{CertificateIdentity, CertificateProblem, TlsAlert, TlsProblem};
use std::borrow::Cow;
use std::fmt;

/// How large the next request may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most octets of the next EAP packet, header included. Values outside 60..=4000 are taken as
    /// the nearest bound: below it nothing moves, above it no RADIUS packet can carry it.
    pub eap_octets: usize,
}

impl Limits {
    /// What is sent where nobody says otherwise (E2, RFC 3579 §2.4): with it the whole datagram
    /// survives tunnels and firewalls that drop IP fragments.
    pub const USUAL: Limits = Limits { eap_octets: 1020 };

    /// The smaller of `most`, which is about the way to the NAS, and the request's Framed-MTU, which
    /// is about the link from there to the device; `is_80211` where NAS-Port-Type says 802.11, whose
    /// EAPOL header takes four octets. A Framed-MTU below 64 is none (RFC 2865 §5.12).
    pub fn new(most: usize, framed_mtu: Option<u32>, is_80211: bool) -> Limits {
        let header = if is_80211 { 4 } else { 0 };
        let room = framed_mtu
            .filter(|mtu| *mtu >= 64)
            .and_then(|mtu| usize::try_from(mtu - header).ok());
        Limits {
            eap_octets: room.map_or(most, |room| room.min(most)),
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
    Request(Message),
    /// Ask the accounts, then call [`handle_verdict`](crate::Conversation::handle_verdict).
    Authenticate(InnerCredential),
    /// Send this EAP-Success in an Access-Accept, with the keys. Only a verdict leads here.
    Success {
        /// EAP-Success, four octets.
        packet: Message,
        /// For MS-MPPE-Recv-Key and MS-MPPE-Send-Key.
        keys: Keys,
    },
    /// Send this EAP-Failure in an Access-Reject.
    Failure {
        /// EAP-Failure, four octets.
        packet: Message,
        /// For audit and counters; the peer is told nothing.
        cause: FailureCause,
    },
}

/// What the peer offers as proof. `Debug` shows whose it says it is and nothing that a password
/// could be guessed from.
pub enum InnerCredential {
    /// A name and a password, both as sent.
    Password {
        /// The identity inside the tunnel; at most 253 octets, no encoding promised.
        identity: Vec<u8>,
        /// At most 1,024 octets; may be empty, which is to be refused.
        password: InnerPassword,
    },
    /// A session of an earlier log-on, which rests on what was true then: account, lock and
    /// credential are to be looked at again (E7).
    Resumed {
        /// As it was remembered: [`Authorization::identity`](crate::Authorization::identity).
        identity: Vec<u8>,
        /// As it was remembered: [`Authorization::context`](crate::Authorization::ticket).
        context: Vec<u8>,
        /// Of an EAP-TLS session: the certificate, verified again just now.
        certificate: Option<Box<CertificateIdentity>>,
    },
    /// EAP-TLS: a certificate that was verified just now, and whose key the device holds. Where the
    /// conversation [is resumed](crate::Conversation::is_resumed) it signed at an earlier log-on,
    /// perhaps at another server, and the certificate stood in its ticket.
    Certificate {
        /// What it says; which account that is, the caller decides.
        certificate: Box<CertificateIdentity>,
    },
    /// CHAP inside EAP-TTLS (RFC 1994, RFC 5281 §11.2.2). The challenge is known to be ours.
    Chap {
        /// The identity inside the tunnel; at most 253 octets, no encoding promised.
        identity: Vec<u8>,
        /// Goes into the digest before the password.
        identifier: u8,
        /// Sixteen octets that TLS made; go into the digest after the password.
        challenge: Vec<u8>,
        /// MD5 over identifier, password and challenge.
        response: [u8; 16],
    },
    /// MS-CHAP inside EAP-TTLS (RFC 2433, RFC 5281 §11.2.3). The challenge is known to be ours.
    MsChap {
        /// The identity inside the tunnel; at most 253 octets, no encoding promised.
        identity: Vec<u8>,
        /// Made by TLS.
        challenge: [u8; 8],
        /// The challenge under the NT hash; the LAN Manager response is never looked at.
        nt_response: [u8; 24],
    },
    /// MS-CHAPv2 (RFC 2759), plainly inside EAP-TTLS or as EAP-MSCHAPv2. The challenge is known
    /// to be ours.
    MsChapV2 {
        /// Whose account it is; at most 253 octets, no encoding promised.
        identity: Vec<u8>,
        /// The user name that went into the challenge hash, without a Windows domain. It is the
        /// peer's word and chooses no account; at most 253 octets.
        name: Vec<u8>,
        /// Ours.
        authenticator_challenge: [u8; 16],
        /// The peer's.
        peer_challenge: [u8; 16],
        /// RFC 2759 §8.1.
        nt_response: [u8; 24],
    },
    /// The peer takes up [`Verdict::ChangePassword`] (RFC 2759 §7). The challenge is known to be
    /// ours.
    MsChapV2Change {
        /// Whose account it is; at most 253 octets, no encoding promised.
        identity: Vec<u8>,
        /// As in the response before: the peer does not repeat it.
        name: Vec<u8>,
        /// That of the verdict.
        authenticator_challenge: [u8; 16],
        /// The peer's.
        peer_challenge: [u8; 16],
        /// RFC 2759 §8.1, by the new password.
        nt_response: [u8; 24],
        /// The new password under the old NT hash (§8.9).
        encrypted_password: Box<[u8; 516]>,
        /// The old NT hash under the new one (§8.12).
        encrypted_hash: [u8; 16],
    },
}

impl InnerCredential {
    /// The identity inside the tunnel, as sent; empty where a certificate stands in its place.
    pub fn identity(&self) -> &[u8] {
        match self {
            InnerCredential::Password { identity, .. }
            | InnerCredential::Chap { identity, .. }
            | InnerCredential::MsChap { identity, .. }
            | InnerCredential::MsChapV2 { identity, .. }
            | InnerCredential::MsChapV2Change { identity, .. }
            | InnerCredential::Resumed { identity, .. } => identity,
            InnerCredential::Certificate { .. } => &[],
        }
    }

    /// `"password"`, `"chap"`, `"mschap"`, `"mschapv2"`, `"mschapv2-change"`, `"resumed"`,
    /// `"certificate"`.
    pub fn label(&self) -> &'static str {
        match self {
            InnerCredential::Password { .. } => "password",
            InnerCredential::Chap { .. } => "chap",
            InnerCredential::MsChap { .. } => "mschap",
            InnerCredential::MsChapV2 { .. } => "mschapv2",
            InnerCredential::MsChapV2Change { .. } => "mschapv2-change",
            InnerCredential::Resumed { .. } => "resumed",
            InnerCredential::Certificate { .. } => "certificate",
        }
    }
}

impl fmt::Debug for InnerCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (label, identity) = (self.label(), self.identity().escape_ascii());
        write!(f, "InnerCredential({label} of \"{identity}\")")
    }
}

/// What the accounts said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let in. Not for [`InnerCredential::MsChapV2`] and its password change, whose peer wants our
    /// proof in return.
    Accepted,
    /// Let in, and the proof that we know the password too.
    AcceptedMsChapV2 {
        /// `"S="` and 40 hexadecimal digits (RFC 2759 §8.7).
        authenticator_response: [u8; 42],
        /// What MS-CHAPv2 leaves to both ends (RFC 3079 §3.3): MasterReceiveKey, then
        /// MasterSendKey, as the server sees them. With it PEAP offers crypto-binding.
        inner_key: Option<InnerKey>,
    },
    /// Not.
    Refused,
    /// Not, and an MS-CHAPv2 peer may be told why, as it has proven its password (I6). Any other
    /// peer learns no more than from [`Verdict::Refused`].
    RefusedBecause(MsChapV2Error),
    /// Not, but an EAP-MSCHAPv2 peer may answer once more. For any other it is
    /// [`Verdict::Refused`].
    Retry {
        /// What it is to answer; never used before.
        challenge: [u8; 16],
    },
    /// Not, for the password has expired, but an EAP-MSCHAPv2 peer may change it. For any other it
    /// is [`Verdict::Refused`]. As with [`Verdict::RefusedBecause`], only for who has proven it.
    ChangePassword {
        /// What it is to answer; never used before.
        challenge: [u8; 16],
    },
}

impl Verdict {
    /// Whether it lets in.
    pub fn is_accepting(&self) -> bool {
        match self {
            Verdict::Accepted | Verdict::AcceptedMsChapV2 { .. } => true,
            Verdict::Refused
            | Verdict::RefusedBecause(_)
            | Verdict::Retry { .. }
            | Verdict::ChangePassword { .. } => false,
        }
    }
}

/// Why a packet was not taken. The conversation stands where it stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EapError {
    /// No EAP packet.
    #[error("the device sent a malformed EAP packet: {0}")]
    Malformed(#[from] PacketError),
    /// A Request, Success or Failure: not from a peer.
    #[error("the device sent an EAP-{0:?} instead of an EAP-Response")]
    NotAResponse(Code),
    /// A retransmission of an earlier response, or a forgery (E1).
    #[error("the device answered another request than the last (wrong EAP identifier)")]
    WrongIdentifier,
    /// Neither the method on offer nor a Nak.
    #[error("the device answered {} with {} ({})", .asked.name(), .sent.name(), .sent.0)]
    WrongType {
        /// The type of the request.
        asked: EapType,
        /// The type of the response.
        sent: EapType,
    },
    /// A Nak in the middle of a method.
    #[error("the device sent a Nak after the method had begun")]
    NakTooLate,
    /// A conversation begins with Identity.
    #[error("the conversation begins with something else than an EAP-Response/Identity")]
    NotIdentity,
    /// More than a User-Name can hold.
    #[error("the device sent an identity of more than 253 octets")]
    IdentityTooLong,
    /// While the accounts are asked, or after the end.
    #[error("nothing was expected from the peer")]
    NotExpected,
    /// The framing of TLS is broken. Only ever inside [`FailureCause::Protocol`].
    #[error(transparent)]
    Fragment(#[from] FragmentError),
}

impl EapError {
    /// Whether the conversation goes on: [`Conversation::answer_untaken`](crate::Conversation::answer_untaken).
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
            EapError::NotAResponse(_) => "not-a-response",
            EapError::WrongIdentifier => "wrong-identifier",
            EapError::WrongType { .. } => "wrong-type",
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
    /// The peer wants no method that is offered.
    #[error("the device accepts no method that is offered here{wishes}")]
    MethodNotAgreed {
        /// What it would have liked.
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
        /// What it would have liked.
        wishes: Wishes,
    },
    /// MS-CHAPv2 proves both ends, and the peer says that we failed; or it says so in PEAP.
    #[error("the device did not accept our proof that we know the password")]
    ServerDoubted,
    /// Crypto-binding (MS-PEAP §3.1.5.6, RFC 9930): the inner method and the tunnel do not end at one peer.
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
    /// The device was told of its success inside the tunnel, and has not acknowledged it.
    SuccessIndication,
    /// The device was told of its failure inside the tunnel, and has not acknowledged it.
    FailureIndication,
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
            Stage::SuccessIndication => "success-indication",
            Stage::FailureIndication => "failure-indication",
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
            Stage::SuccessIndication => "the device left just before it would have been let in",
            Stage::FailureIndication => "the device was refused inside the tunnel, and hung up",
            Stage::Finished => "the conversation had ended",
        };
        Cow::Borrowed(cause)
    }
}
