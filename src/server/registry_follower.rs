//! The thread that follows the student registry: facts that another node put in force, and imports
//! that have become old.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use portvakt_registry::UNDO_DAYS;

use crate::state::State;

/// How often another node's changes are looked for: statuses follow within this.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often imports that can't be undone any more are folded into the persons.
const SETTLE_EVERY: Duration = Duration::from_secs(60 * 60);

/// The running thread.
pub(super) struct RegistryFollower {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl RegistryFollower {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has no thread.
    pub(super) fn start(state: Arc<State>) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("registry".to_owned());
        let thread = thread.spawn(move || {
            let mut settled: Option<Instant> = None;
            while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                follow(&state);
                if settled.is_none_or(|settled| settled.elapsed() >= SETTLE_EVERY) {
                    settled = Some(Instant::now());
                    settle(&state);
                }
            }
        })?;
        Ok(Self { stop, thread })
    }

    /// Ends the thread, and waits for it.
    pub(super) fn stop(self) {
        let _ = self.stop.send(());
        if self.thread.join().is_err() {
            tracing::error!("the registry's thread had panicked");
        }
    }
}

/// While the database is away, what is known stays.
fn follow(state: &State) {
    if let Err(error) = state.follow_registry() {
        tracing::debug!(%error, "the registry's facts can't be read");
    }
}

fn settle(state: &State) {
    let week = SignedDuration::from_hours(24 * UNDO_DAYS);
    let before = state.clock.now().utc.checked_sub(week);
    if let Err(error) = before.map_or(Ok(()), |before| state.store.settle_imports(before)) {
        tracing::warn!(%error, "imports of the registry are not folded into its persons");
    }
}
