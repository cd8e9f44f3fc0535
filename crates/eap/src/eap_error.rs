//! Errors of EAP packets that a conversation does not take.

use crate::fragments::FragmentError;
use crate::packet::{Code, EapType, PacketError};

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
    /// While a verdict is awaited, or after the end.
    #[error("nothing was expected from the peer")]
    NotExpected,
    /// The framing of TLS is broken. Only ever inside [`FailureCause::Protocol`](crate::FailureCause::Protocol).
    #[error(transparent)]
    Fragment(#[from] FragmentError),
}

impl EapError {
    /// Whether the conversation goes on:
    /// [`Conversation::answer_untaken`](crate::Conversation::answer_untaken).
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
