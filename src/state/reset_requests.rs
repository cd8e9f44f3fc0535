//! Requests for a code by text message, between those who ask and the thread that sends.
//!
//! Whoever asks is answered before anybody looks whether there is such an account: the answer and its
//! time are the same for every name. A request beyond the queue, or beyond those of its source, is
//! dropped and counted, and is answered the same.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use portvakt_auth::Tick;
use portvakt_resets::{OpeningKind, PinBrake, RequestLimit};

/// Requests that may wait.
const QUEUE: usize = 1_000;
/// Requests of one source in ten minutes that are looked at.
const PER_SOURCE: u32 = 30;
const PER_SOURCE_WITHIN: Duration = Duration::from_secs(10 * 60);

/// A request for a code.
#[derive(Debug)]
pub struct ResetRequest {
    /// The name as it was typed.
    pub name: String,
    /// The purpose of the code.
    pub kind: OpeningKind,
    /// The address it came from; `None` within the house.
    pub source: Option<IpAddr>,
    /// When it came.
    pub asked: Tick,
    /// The person or program that asked, for the audit log.
    pub by: String,
}

/// The queue, and what is counted of it.
pub struct ResetRequests {
    sender: Sender<ResetRequest>,
    receiver: Receiver<ResetRequest>,
    sources: Mutex<RequestLimit>,
    pins: Mutex<PinBrake>,
    dropped: AtomicU64,
}

impl Default for ResetRequests {
    fn default() -> Self {
        let (sender, receiver) = bounded(QUEUE);
        Self {
            sender,
            receiver,
            sources: Mutex::new(RequestLimit::new(PER_SOURCE, PER_SOURCE_WITHIN)),
            pins: Mutex::default(),
            dropped: AtomicU64::new(0),
        }
    }
}

impl ResetRequests {
    /// Puts a request into the queue, or drops it. Says nothing: nor may the caller.
    pub fn push(&self, request: ResetRequest) {
        let is_within = request.source.is_none_or(|source| {
            let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
            sources.take(source, request.asked)
        });
        if !is_within || self.sender.try_send(request).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The next request, if one comes within `patience`.
    pub fn next(&self, patience: Duration) -> Option<ResetRequest> {
        self.receiver.recv_timeout(patience).ok()
    }

    /// Requests dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Whether no PIN is to be compared at this moment.
    pub fn is_braked(&self, now: Tick) -> bool {
        self.pins
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_on(now)
    }

    /// Notes a wrong PIN; true if no further ones are compared for a while.
    pub fn note_wrong_pin(&self, now: Tick) -> bool {
        self.pins
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .note_wrong(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: usize, source: Option<&str>) -> ResetRequest {
        ResetRequest {
            name: format!("s{number}"),
            kind: OpeningKind::Message,
            source: source.map(|text| text.parse().unwrap()),
            asked: Tick::START,
            by: "portal".to_owned(),
        }
    }

    #[test]
    fn requests_beyond_queue_and_source_are_dropped_and_counted() {
        let requests = ResetRequests::default();
        for number in 0..40 {
            requests.push(request(number, Some("192.0.2.1")));
        }
        assert_eq!(requests.dropped(), 10);
        for number in 0..1_000 {
            requests.push(request(number, None));
        }
        assert_eq!(requests.dropped(), 40);
        let first = requests.next(Duration::ZERO);
        assert_eq!(first.unwrap().name, "s0");
    }
}
