//! The next action of the caller.

use super::Message;
use crate::credential::InnerCredential;
use crate::failure::FailureCause;
use crate::keys::Keys;

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
