//! The audit log: one JSON line for every attempt and every act of an administrator.
//!
//! Lines go through a bounded channel to one writing thread and into `audit-YYYY-MM-DD.jsonl`, by
//! the UTC day of the event. Recording never waits: when the channel is full the line is dropped
//! and counted. A crash of the process loses what is in the channel; a power cut also what the
//! kernel had not yet written, unless [`Audit::flush`] came after it.

mod event;
#[cfg(test)]
mod tests;
mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub use event::{Act, Attempt, AttemptResult, AuditEvent, Nas, as_given};
use writer::{Message, Writer};

/// Lines that may wait, about 500 octets each.
const CHANNEL: usize = 16_384;

/// Between two tries to write while the disk refuses.
const RETRY: Duration = Duration::from_secs(1);

/// Handle to the log; clones write to the same.
#[derive(Clone)]
pub struct Audit {
    sender: Sender<Message>,
    state: Arc<State>,
}

/// Where lines go and how long they stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// One file per day in here; made if need be, for the server's user only.
    pub folder: PathBuf,
    /// Files of days before this many are removed.
    pub keep_days: u16,
}

/// How the log is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditHealth {
    /// Why nothing can be written now.
    pub failure: Option<String>,
    /// Lines lost since the start.
    pub dropped: u64,
    /// Lines in the channel.
    pub waiting: usize,
}

/// The lines so far are not on disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the audit log could not be written")]
pub struct NotFlushed;

#[derive(Default)]
struct State {
    dropped: AtomicU64,
    failure: Mutex<Option<String>>,
}

impl State {
    fn set_failure(&self, failure: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }
}

/// A line and the day by which it is filed.
struct Line {
    day: Date,
    octets: Vec<u8>,
}

impl Audit {
    /// Starts the writing thread. A folder that cannot be written is not an error here but shows in
    /// [`health`](Self::health): the network goes on without its log rather than not at all.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(destination: Destination) -> io::Result<Self> {
        Self::start_with(destination, CHANNEL, RETRY)
    }

    fn start_with(destination: Destination, channel: usize, retry: Duration) -> io::Result<Self> {
        let (sender, receiver) = bounded(channel);
        let state = Arc::new(State::default());
        let writer = Writer::new(destination, receiver, Arc::clone(&state), channel, retry);
        std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || writer.run())?;
        Ok(Self { sender, state })
    }

    /// Writes an event down, later; never waits.
    pub fn record(&self, event: &AuditEvent<'_>) {
        let sent =
            line(event).is_some_and(|line| self.sender.try_send(Message::Line(line)).is_ok());
        if !sent {
            self.state.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all that was recorded before is on disk, at most `timeout`.
    ///
    /// # Errors
    /// When it is not.
    pub fn flush(&self, timeout: Duration) -> Result<(), NotFlushed> {
        let (done, flushed) = bounded(1);
        let sent = self.sender.send_timeout(Message::Flush(done), timeout);
        sent.map_err(|_| NotFlushed)?;
        match flushed.recv_timeout(timeout) {
            Ok(true) => Ok(()),
            _ => Err(NotFlushed),
        }
    }

    /// Closes the file and opens it anew with the next line, at SIGHUP: after it was moved away, or
    /// when the configuration names another place.
    ///
    /// # Errors
    /// When the writer is too far behind to take the message within a second.
    pub fn reopen(&self, destination: Destination) -> Result<(), NotFlushed> {
        let message = Message::Reopen(destination);
        self.sender
            .send_timeout(message, RETRY)
            .map_err(|_| NotFlushed)
    }

    /// How the log is doing.
    pub fn health(&self) -> AuditHealth {
        AuditHealth {
            failure: self
                .state
                .failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            dropped: self.state.dropped.load(Ordering::Relaxed),
            waiting: self.sender.len(),
        }
    }
}

fn line(event: &AuditEvent<'_>) -> Option<Line> {
    let day = event.time().to_zoned(TimeZone::UTC).date();
    let mut octets = Vec::with_capacity(512);
    serde_json::to_writer(&mut octets, event).ok()?;
    octets.push(b'\n');
    Some(Line { day, octets })
}
