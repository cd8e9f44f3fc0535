//! How far a conversation came, and what its peer's silence means there.

use crate::eap_error::EapError;
use crate::packet::EapType;
use crate::stage::Stage;
use std::borrow::Cow;

/// How far a conversation has come: for the event of one that its peer gave up (E10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Stage, by the message that the peer owes.
    pub stage: Stage,
    /// The method on offer, or spoken.
    pub method: EapType,
    /// Requests sent so far.
    pub requests: u8,
    /// EAP octets of the last of them.
    pub octets: usize,
    /// EAP octets of the largest that was answered.
    pub largest_answered: usize,
    /// Why the packet that came after the last request was not taken, where one came.
    pub untaken: Option<EapError>,
}

impl Progress {
    /// The likely cause where the device falls silent now, as a sentence for the operator.
    pub fn likely_cause(&self) -> String {
        let (method, requests, octets) = (self.method.name(), self.requests, self.octets);
        if let Some(error) = self.untaken {
            return format!(
                "{error}; request {requests} ({method}, {octets} octets) got no other answer"
            );
        }
        format!(
            "{}; request {requests} ({method}, {octets} octets) got no answer",
            self.cause()
        )
    }

    fn cause(&self) -> Cow<'static, str> {
        let is_larger = self.octets > self.largest_answered;
        match self.stage {
            // A packet of this size had arrived: it is not the size.
            Stage::ServerFragments if !is_larger => {
                Cow::Borrowed("the device left in the middle of our certificate")
            }
            Stage::ServerCertificate if is_larger => Cow::Owned(format!(
                "{}; or, if no device gets further, packets of this size are lost on the way",
                self.stage.likely_cause()
            )),
            stage => stage.likely_cause(),
        }
    }
}

/// Counts and sizes of the requests sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) requests: u8,
    kind: EapType,
    octets: usize,
    largest_answered: usize,
}

impl Sent {
    pub(super) const NOTHING: Sent = Sent {
        requests: 0,
        kind: EapType::IDENTITY,
        octets: 0,
        largest_answered: 0,
    };

    pub(super) fn note_request(&mut self, kind: EapType, octets: usize) {
        self.requests = self.requests.saturating_add(1);
        (self.kind, self.octets) = (kind, octets);
    }

    /// The last request goes out once more.
    pub(super) fn note_repetition(&mut self) {
        self.requests = self.requests.saturating_add(1);
    }

    pub(super) fn note_answer(&mut self) {
        self.largest_answered = self.largest_answered.max(self.octets);
    }

    pub(super) fn at(self, stage: Stage, untaken: Option<EapError>) -> Progress {
        Progress {
            stage,
            method: self.kind,
            requests: self.requests,
            octets: self.octets,
            largest_answered: self.largest_answered,
            untaken,
        }
    }
}
