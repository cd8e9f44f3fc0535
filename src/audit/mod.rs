//! The audit log: one JSON line for every attempt and every act of an administrator.
//!
//! Lines wait in a buffer until the writing thread takes them, ten times a second, and appends them
//! to `audit-YYYY-MM-DD.jsonl` by the UTC day of the event. Recording an attempt never waits: beyond
//! the bound of the buffer the line is dropped and counted. A crash of the process loses the lines
//! that wait; a power cut also those that the kernel had not written, unless [`Audit::flush`] came
//! after them.

mod disconnect;
mod event;
mod line_buffer;
mod search;
mod session;
#[cfg(test)]
mod tests;
mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use jiff::tz::TimeZone;

use crate::shown;
pub use crate::shown::as_given;
pub use disconnect::{ChangeVlan, Disconnect};
pub use event::{Act, Attempt, AttemptResult, AuditEvent, Nas, SessionEnd, SessionEvent};
use line_buffer::{LineBuffer, Pushed};
pub use search::{Found, FoundAttempt, Pattern, Query, search};
pub use session::AuditedSession;
use writer::{Message, Writer};

/// Lines that may wait, about 500 octets each.
const LINES: usize = 32_768;

/// Requests to the writer that may wait.
const REQUESTS: usize = 16;

/// Between two tries to write while the disk refuses.
const RETRY: Duration = Duration::from_secs(1);

/// Handle to the log; clones write to the same.
#[derive(Clone)]
pub struct Audit {
    sender: Sender<Message>,
    state: Arc<State>,
}

/// The folder of the log, and how long files stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// One file per day in here; made if need be, for the server's user only.
    pub folder: PathBuf,
    /// Files of days before this many are removed.
    pub keep_days: u16,
}

/// Health of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditHealth {
    /// Why nothing can be written now.
    pub failure: Option<String>,
    /// Lines lost since the start.
    pub dropped: u64,
    /// Lines that are not in the file yet.
    pub waiting: usize,
}

/// The lines so far are not on disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the audit log could not be written")]
pub struct NotFlushed;

struct State {
    lines: LineBuffer,
    dropped: AtomicU64,
    failure: Mutex<Option<String>>,
    /// The name of this server as JSON.
    node: Option<String>,
}

impl State {
    fn set_failure(&self, failure: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }
}

/// Adds the name of the server to the object that ends the line.
fn add_node(line: &mut Vec<u8>, node: Option<&str>) -> bool {
    if let Some(node) = node
        && line.pop_if(|last| *last == b'}').is_some()
    {
        for part in [",\"node\":", node, "}"] {
            line.extend_from_slice(part.as_bytes());
        }
    }
    true
}

impl Audit {
    /// Starts the writing thread. A folder that cannot be written is not an error here but shows in
    /// [`health`](Self::health): the network goes on without its log rather than not at all.
    /// Each line names `node`, this server, if there is one.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(destination: Destination, node: Option<&str>) -> io::Result<Self> {
        Self::start_with(destination, node, LINES, RETRY)
    }

    fn start_with(
        destination: Destination,
        node: Option<&str>,
        lines: usize,
        retry: Duration,
    ) -> io::Result<Self> {
        let (sender, receiver) = bounded(REQUESTS);
        let state = Arc::new(State {
            lines: LineBuffer::new(lines),
            dropped: AtomicU64::new(0),
            failure: Mutex::default(),
            node: node.map(|node| serde_json::json!(node).to_string()),
        });
        let writer = Writer::new(destination, receiver, Arc::clone(&state), retry);
        std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || writer.run())?;
        Ok(Self { sender, state })
    }

    /// Records an event. An attempt is written later, without a wait; an act of an administrator is
    /// on disk when this returns, unless the disk refuses or hangs.
    pub fn record(&self, event: &AuditEvent<'_>) {
        self.put(event);
        if matches!(event, AuditEvent::Act(_)) {
            // An error shows in the health.
            let _ = self.flush(RETRY);
        }
    }

    fn put(&self, event: &AuditEvent<'_>) {
        let day = event.time().to_zoned(TimeZone::UTC).date();
        let write = |octets: &mut Vec<u8>| {
            shown::write_json(octets, event) && add_node(octets, self.state.node.as_deref())
        };
        match self.state.lines.push(day, write) {
            Pushed::Waiting => {}
            // A writer that has requests to answer is awake anyway.
            Pushed::Urgent => drop(self.sender.try_send(Message::Write)),
            Pushed::Lost => drop(self.state.dropped.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Waits until every event recorded before is on disk, at most `timeout`.
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
    /// when the configuration names another folder.
    ///
    /// # Errors
    /// The writer has not done so within a second; it will.
    pub fn reopen(&self, destination: Destination) -> Result<(), NotFlushed> {
        let (done, reopened) = bounded(1);
        let message = Message::Reopen(destination, done);
        let sent = self.sender.send_timeout(message, RETRY);
        sent.map_err(|_| NotFlushed)?;
        reopened.recv_timeout(RETRY).map_err(|_| NotFlushed)
    }

    /// The health of the log.
    pub fn health(&self) -> AuditHealth {
        AuditHealth {
            failure: self
                .state
                .failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            dropped: self.state.dropped.load(Ordering::Relaxed),
            waiting: self.state.lines.waiting(),
        }
    }
}
