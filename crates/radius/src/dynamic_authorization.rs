//! Answers of a NAS to Disconnect-Request and CoA-Request (RFC 5176); the requests are
//! [`crate::RequestWriter`]'s.

use thiserror::Error;

use crate::{AttributeType, Code, ErrorCause, Packet, SharedSecret, VerifyError, verify_reply};

/// Event-Timestamp of an answer is believed this many seconds from the own clock (RFC 5176 §6.3).
pub const TIME_WINDOW_S: u32 = 300;

/// The answer of a NAS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DynamicAnswer {
    /// Disconnect-ACK or CoA-ACK, with Error-Cause 201 or 202 at most.
    Ack(Option<ErrorCause>),
    /// Disconnect-NAK or CoA-NAK.
    Nak(Option<ErrorCause>),
}

/// Why an answer is not believed. It is counted, and the request goes on waiting.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum DynamicAnswerError {
    /// The identifier is another one.
    #[error("the identifier is of another request")]
    Identifier,
    /// It answers another kind of request.
    #[error("the code answers another kind of request")]
    Code,
    /// Response Authenticator or Message-Authenticator.
    #[error(transparent)]
    NotAuthentic(#[from] VerifyError),
    /// Event-Timestamp is malformed, or further than [`TIME_WINDOW_S`] from now: a replay, or the
    /// clock of the NAS is wrong.
    #[error("Event-Timestamp is not of now")]
    EventTimestamp,
}

impl DynamicAnswer {
    /// Reads the answer to `request`, which was written under the same secret. `now` is in seconds
    /// since 1970, UTC.
    ///
    /// Message-Authenticator and Event-Timestamp are checked where they are there: strongSwan sends
    /// neither. The Response Authenticator binds the answer to the request (RFC 5176 §2.3).
    ///
    /// # Errors
    /// [`DynamicAnswerError`].
    pub fn read(
        answer: &Packet<'_>,
        request: &Packet<'_>,
        secret: &SharedSecret,
        now: u32,
    ) -> Result<Self, DynamicAnswerError> {
        if answer.identifier() != request.identifier() {
            return Err(DynamicAnswerError::Identifier);
        }
        let is_ack =
            match (request.code(), answer.code()) {
                (Code::DisconnectRequest, Code::DisconnectAck)
                | (Code::CoaRequest, Code::CoaAck) => true,
                (Code::DisconnectRequest, Code::DisconnectNak)
                | (Code::CoaRequest, Code::CoaNak) => false,
                _ => return Err(DynamicAnswerError::Code),
            };
        verify_reply(answer, request.authenticator(), secret)?;
        check_event_timestamp(answer, now)?;
        let cause = answer.integer(AttributeType::ERROR_CAUSE);
        let cause = cause.map(ErrorCause::from_number);
        Ok(match is_ack {
            true => Self::Ack(cause),
            false => Self::Nak(cause),
        })
    }
}

fn check_event_timestamp(answer: &Packet<'_>, now: u32) -> Result<(), DynamicAnswerError> {
    if answer.first(AttributeType::EVENT_TIMESTAMP).is_none() {
        return Ok(());
    }
    let stamp = answer.integer(AttributeType::EVENT_TIMESTAMP);
    match stamp.is_some_and(|stamp| stamp.abs_diff(now) <= TIME_WINDOW_S) {
        true => Ok(()),
        false => Err(DynamicAnswerError::EventTimestamp),
    }
}

#[cfg(test)]
mod tests;
