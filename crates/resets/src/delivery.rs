//! States of a text message: the gateway's answer, and later reports of its delivery.

use serde::{Deserialize, Serialize};

/// Why a gateway did not take a message. Closed list; the gateway's own codes are mapped to it by the
/// configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryFault {
    /// It does not answer, or says that it cannot at the moment; nothing went out.
    #[error("the gateway cannot be reached or is out of order")]
    Transient,
    /// Too many messages at once.
    #[error("the gateway asks for fewer messages")]
    Rate,
    /// Our user, password or key is refused.
    #[error("the gateway refuses our credentials")]
    Credentials,
    /// It does not understand the request: the template is wrong.
    #[error("the gateway does not understand the request")]
    BadRequest,
    /// The number is none.
    #[error("the gateway knows no such number")]
    NumberInvalid,
    /// The receiver or the operator blocks messages of ours, or a person must approve them.
    #[error("the message is blocked")]
    Blocked,
    /// The account with the gateway is empty.
    #[error("the account with the gateway is empty")]
    NoCredit,
    /// The gateway suspects fraud.
    #[error("the gateway suspects fraud")]
    FraudBlock,
}

impl DeliveryFault {
    /// Every fault.
    pub const ALL: [DeliveryFault; 8] = [
        DeliveryFault::Transient,
        DeliveryFault::Rate,
        DeliveryFault::Credentials,
        DeliveryFault::BadRequest,
        DeliveryFault::NumberInvalid,
        DeliveryFault::Blocked,
        DeliveryFault::NoCredit,
        DeliveryFault::FraudBlock,
    ];

    /// Its word in configuration, store and audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            DeliveryFault::Transient => "transient",
            DeliveryFault::Rate => "rate",
            DeliveryFault::Credentials => "credentials",
            DeliveryFault::BadRequest => "bad-request",
            DeliveryFault::NumberInvalid => "number-invalid",
            DeliveryFault::Blocked => "blocked",
            DeliveryFault::NoCredit => "no-credit",
            DeliveryFault::FraudBlock => "fraud-block",
        }
    }

    /// Whether another try of the same message may help, and cannot send it twice.
    pub const fn may_be_tried_again(self) -> bool {
        matches!(self, DeliveryFault::Transient | DeliveryFault::Rate)
    }

    /// Whether it is of the gateway and not of one message: nothing more should be sent until somebody
    /// has looked.
    pub const fn stops_the_gateway(self) -> bool {
        matches!(
            self,
            DeliveryFault::Credentials | DeliveryFault::NoCredit | DeliveryFault::FraudBlock
        )
    }
}

/// Outcome of handing a message to the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took the message, under this reference of its own.
    HandedOver(Option<String>),
    /// It did not.
    Refused(DeliveryFault),
    /// It may have: no answer came, or none that says. Never sent again unless the gateway drops
    /// repeats.
    Unknown,
}

/// State of a message. It only moves forward: reports come twice, late and out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageState {
    /// Stored, not handed over yet.
    Queued,
    /// The gateway may have it.
    Unknown,
    /// The gateway has it.
    HandedOver,
    /// The gateway refused it.
    Refused,
    /// The operator says that it was delivered: to a handset, or to its own next station.
    Delivered,
    /// The operator could not deliver it.
    Failed,
    /// It was not delivered in time.
    Expired,
}

impl MessageState {
    /// Every state.
    pub const ALL: [MessageState; 7] = [
        MessageState::Queued,
        MessageState::Unknown,
        MessageState::HandedOver,
        MessageState::Refused,
        MessageState::Delivered,
        MessageState::Failed,
        MessageState::Expired,
    ];

    /// Its word in store and audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            MessageState::Queued => "queued",
            MessageState::Unknown => "unknown",
            MessageState::HandedOver => "handed-over",
            MessageState::Refused => "refused",
            MessageState::Delivered => "delivered",
            MessageState::Failed => "failed",
            MessageState::Expired => "expired",
        }
    }

    /// The state with this word.
    pub fn from_word(word: &str) -> Option<MessageState> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// How far it is: a message goes to a higher rank and never back. The states of the highest rank
    /// are final.
    pub const fn rank(self) -> u8 {
        match self {
            MessageState::Queued => 0,
            MessageState::Unknown => 1,
            MessageState::HandedOver => 2,
            MessageState::Refused
            | MessageState::Delivered
            | MessageState::Failed
            | MessageState::Expired => 3,
        }
    }
}

impl From<&Outcome> for MessageState {
    fn from(outcome: &Outcome) -> MessageState {
        match outcome {
            Outcome::HandedOver(_) => MessageState::HandedOver,
            Outcome::Refused(_) => MessageState::Refused,
            Outcome::Unknown => MessageState::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_distinct_and_lead_back() {
        for state in MessageState::ALL {
            assert_eq!(MessageState::from_word(state.as_str()), Some(state));
            let json = serde_json::to_string(&state).unwrap();
            assert_eq!(json, format!("\"{}\"", state.as_str()));
        }
        for fault in DeliveryFault::ALL {
            let json = serde_json::to_string(&fault).unwrap();
            assert_eq!(json, format!("\"{}\"", fault.as_str()));
        }
        assert_eq!(MessageState::from_word("sent"), None);
    }

    #[test]
    fn what_stops_the_gateway_is_never_tried_again() {
        for fault in DeliveryFault::ALL {
            assert!(
                !(fault.may_be_tried_again() && fault.stops_the_gateway()),
                "{fault:?}"
            );
        }
    }
}
