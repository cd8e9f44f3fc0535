//! The next action of the caller, and the order of calls.

use super::Message;
use crate::credential::InnerCredential;
use crate::failure::FailureCause;
use crate::keys::Keys;
use crate::tls::SessionId;

/// The next action of the caller. Each call of a [`Conversation`](crate::Conversation) returns one,
/// and each kind of step has one call that may follow it:
///
/// ```text
///   start ──> Request ──────── handle_response ──> any
///             Authenticate ─── handle_verdict ───> Request | Authenticate | Success | Failure
///             FindSession ──── handle_search ────> Request | Failure
///             Success, Failure: the end
/// ```
/// Any other call returns [`EapError::NotExpected`](crate::EapError::NotExpected) and changes
/// nothing. A response that is not taken leaves the conversation where it stood, and is answered by
/// [`answer_untaken`](crate::Conversation::answer_untaken). [`Step::Success`] comes only after an
/// accepting [`Verdict`](crate::Verdict) for each identity that the method asks for. The first
/// message after a refusing verdict is [late](crate::Leaves::Late).
#[must_use]
#[derive(Debug)]
pub enum Step {
    /// Send this EAP-Request in an Access-Challenge.
    Request(Message),
    /// Check the credential, then call [`handle_verdict`](crate::Conversation::handle_verdict).
    Authenticate(InnerCredential),
    /// The peer names a session that is not in memory. Ask the [keeper](crate::SessionKeeper) for it,
    /// have [`Sessions::adopt`](crate::Sessions::adopt) take it, then call
    /// [`handle_search`](crate::Conversation::handle_search). Only where there is a keeper.
    FindSession(SessionId),
    /// Send this EAP-Success in an Access-Accept, with the keys. Only a verdict leads here.
    Success {
        /// EAP-Success, four octets.
        packet: Message,
        /// For MS-MPPE-Recv-Key and MS-MPPE-Send-Key; EAP-GTC without a tunnel has none.
        keys: Option<Keys>,
    },
    /// Send this EAP-Failure in an Access-Reject.
    Failure {
        /// EAP-Failure, four octets.
        packet: Message,
        /// For audit and counters; the peer is told nothing.
        cause: FailureCause,
    },
}
