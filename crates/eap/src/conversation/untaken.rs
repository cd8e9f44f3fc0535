//! The answer to a packet that the conversation does not take.
//!
//! A NAS waits for an answer to each Access-Request and thinks a silent server dead, so RADIUS
//! knows no silent discard: the last request goes out again, or the conversation ends (RFC 3579
//! §2.2).

use super::{Conversation, Message, ROUND_TRIPS_AT_MOST, State};
use crate::eap_error::EapError;
use crate::failure::FailureCause;
use crate::packet::{self, Code};

/// Packets without sense that one conversation may bring before it ends (RFC 3579 §2.2).
const INVALID_AT_MOST: u8 = 5;

/// The answer to a packet that was not taken.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Untaken {
    /// Send the last EAP-Request once more, in an Access-Challenge.
    Again {
        /// Octet for octet as it was sent.
        request: Message,
        /// Whether the packet was invalid (Error-Cause 202), or the device only repeated the one
        /// that was taken last.
        is_invalid: bool,
    },
    /// The conversation has ended: send this EAP-Failure in an Access-Reject.
    Failure {
        /// EAP-Failure, four octets.
        packet: Message,
        /// For audit and counters.
        cause: FailureCause,
    },
}

/// The latest packets of both ends, octet for octet.
#[derive(Debug, Default)]
pub(super) struct Exchanged {
    request: Vec<u8>,
    /// The response that was taken last.
    taken: Vec<u8>,
    invalid: u8,
    /// Why the packet that came after the last request was not taken.
    error: Option<EapError>,
}

impl Exchanged {
    pub(super) fn note_request(&mut self, request: &[u8]) {
        self.request.clear();
        self.request.extend_from_slice(request);
    }

    pub(super) fn note_taken(&mut self, response: &[u8]) {
        self.error = None;
        self.taken.clear();
        self.taken.extend_from_slice(response);
    }

    fn is_repeated_by(&self, response: &[u8]) -> bool {
        !response.is_empty() && response == self.taken
    }

    pub(super) fn latest_error(&self) -> Option<EapError> {
        self.error
    }
}

impl Conversation {
    /// Answers `eap_packet`, which [`Self::handle_response`] did not take for `error`. Each answer
    /// counts as one request of the conversation.
    pub fn answer_untaken(&mut self, eap_packet: &[u8], error: EapError) -> Untaken {
        let is_invalid = !self.exchanged.is_repeated_by(eap_packet);
        if is_invalid {
            self.exchanged.invalid = self.exchanged.invalid.saturating_add(1);
            self.exchanged.error = Some(error);
        }
        let cause = match &self.state {
            State::ExpectVerdict(_) | State::ExpectSearch(_) | State::Finished(_) => {
                Some(FailureCause::Internal)
            }
            _ if self.exchanged.invalid > INVALID_AT_MOST => Some(FailureCause::Untaken(error)),
            _ if self.sent.requests >= ROUND_TRIPS_AT_MOST => Some(FailureCause::TooManyRoundTrips),
            _ => None,
        };
        if let Some(cause) = cause {
            return self.end_untaken(eap_packet, cause);
        }
        self.sent.note_repetition();
        Untaken::Again {
            request: self.telling.request(self.exchanged.request.clone()),
            is_invalid,
        }
    }

    fn end_untaken(&mut self, eap_packet: &[u8], cause: FailureCause) -> Untaken {
        self.state = State::Finished(self.last_method());
        let identifier = packet::identifier_of(eap_packet).unwrap_or(self.identifier);
        let failure = packet::write_result(Code::Failure, identifier);
        Untaken::Failure {
            packet: self.telling.failure(failure),
            cause,
        }
    }
}
