//! The thread that sends codes by text message. It waits for the gateway; nothing waits for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::accounts::Accounts;
use crate::state::State;

/// Longest wait for the next request: bounds how late a stop is noticed.
const PATIENCE: Duration = Duration::from_millis(250);
/// How often the numbers of all accounts are looked at.
const NOTE_NUMBERS_EVERY: Duration = Duration::from_secs(10 * 60);

/// The thread. Dropping it does not stop it.
pub(super) struct ResetSender {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl ResetSender {
    /// Starts the thread over the queue of `state`.
    ///
    /// # Errors
    /// No thread is left.
    pub(super) fn start(state: &Arc<State>, accounts: Accounts) -> std::io::Result<Self> {
        let (state, stop) = (Arc::clone(state), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("messages".to_owned());
        let thread = thread.spawn(move || run(&state, &accounts, &stopped))?;
        Ok(Self { stop, thread })
    }

    /// Ends the thread after the message under way: a gateway's deadline at most. Requests that wait
    /// are dropped; their owners ask again.
    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.join().is_err() {
            tracing::error!("the thread of messages had panicked");
        }
    }
}

fn run(state: &State, accounts: &Accounts, stopped: &AtomicBool) {
    let mut noted: Option<Instant> = None;
    while !stopped.load(Ordering::Relaxed) {
        if noted.is_none_or(|noted| noted.elapsed() >= NOTE_NUMBERS_EVERY) {
            noted = Some(Instant::now());
            guarded(|| {
                if let Err(error) = accounts.note_numbers() {
                    tracing::error!(%error, "mobile numbers can't be noted");
                }
            });
        }
        if let Some(request) = state.reset_requests.next(PATIENCE) {
            guarded(|| accounts.work_on_request(&request));
        }
    }
}

/// A fault in one request leaves the thread to the others.
fn guarded(work: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        tracing::error!("a request for a code panicked; this is a bug in Portvakt");
    }
}
