//! Changes that other servers of the same database make, as this server hears of them.
//!
//! ```text
//!  another server's transaction ──> table `changes`, by triggers, and NOTIFY at its commit
//!     notified, connected anew, 5 s passed ──> thread "changes": reads what is new ──> heard
//! ```
//!
//! The table keeps changes for a day. A server reads those of transactions that were not finished when
//! it read the last time: one that commits late is not missed, and one that was read is not told again.
//! A server that was away for longer than half a day is told to read everything anew.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, select};
use jiff::Timestamp;
use portvakt_auth::{AccountId, LockRecord, Now};

use crate::StoreError;
use crate::sql::SqlError;

/// How often changes are read where no word came: a notification may be lost with its connection.
const READ_EVERY: Duration = Duration::from_secs(5);
/// How often this server says that it is there, and compares its clock.
const BEAT_EVERY: Duration = Duration::from_secs(10);
/// Clocks further apart are told of.
const MOST_OFF: Duration = Duration::from_secs(30);
/// How often changes are removed that every server has heard of.
const PURGE_EVERY: Duration = Duration::from_secs(60 * 60);

/// A change that another server has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Failures and lock of an account are these now; without either, they were cleared.
    Lock(LockRecord),
    /// An account of this store was written or removed.
    Account(AccountId),
    /// What was proven of an account, which may be of a directory elsewhere, is to be proven anew.
    Proofs(AccountId),
    /// More may have changed than the database still tells: accounts and locks are to be read anew.
    Everything,
}

/// Called with changes in the order they were made.
pub type Hear = Box<dyn FnMut(Vec<Heard>) + Send>;

/// The present time, for the times of locks.
pub type Clock = Box<dyn Fn() -> Now + Send>;

/// Changes that several servers of one database tell one another.
pub trait ChangeStore: Send + Sync {
    /// Has `hear` called with what other servers change, from a thread of its own, until the store is
    /// closed: first with what they have changed since the store was opened. A store of one
    /// server never calls it. The first call counts.
    ///
    /// # Errors
    /// [`StoreError::Database`]: there is no thread.
    fn listen(&self, clock: Clock, hear: Hear) -> Result<(), StoreError>;

    /// Tells the other servers to forget what was proven of an account. Blocks for the database, if
    /// there is one.
    ///
    /// # Errors
    /// [`StoreError::Database`]: they were not told.
    fn announce(&self, account: &AccountId) -> Result<(), StoreError>;
}

/// Where changes are read.
pub(crate) trait ChangeSource: Send + 'static {
    /// A word for each moment at which there may be something to read.
    fn words(&self) -> Receiver<()>;

    /// What was changed since the last call.
    fn read(&mut self, clock: &dyn Fn() -> Now) -> Result<Vec<Heard>, SqlError>;

    /// Says that this server is there; by how many milliseconds its clock, `utc`, is ahead of the
    /// database's. `None` for a server without a name.
    fn beat(&mut self, utc: Timestamp) -> Result<Option<i64>, SqlError>;

    /// Removes old changes.
    fn purge(&mut self) -> Result<(), SqlError>;
}

/// The thread that reads changes, once there is somebody to hear of them.
pub(crate) struct Listener {
    stage: Mutex<Stage>,
    clock_offset: Arc<ClockOffset>,
}

/// By how many milliseconds the clock of this machine is ahead of the database's.
#[derive(Default)]
struct ClockOffset(AtomicI64);

impl ClockOffset {
    /// Notes it, and says so in the log when it grows too large or is well again.
    fn set(&self, ms: i64) {
        let before = self.0.swap(ms, Ordering::Relaxed);
        match (is_off(before), is_off(ms)) {
            (false, true) => tracing::warn!(
                seconds = ms / 1000,
                "the clock of this machine is not the database's; have both set by NTP"
            ),
            (true, false) => tracing::info!("the clock of this machine is the database's again"),
            _ => {}
        }
    }
}

/// Whether clocks are further apart than is usual.
pub(crate) fn is_off(ms: i64) -> bool {
    ms.unsigned_abs() > MOST_OFF.as_millis().try_into().unwrap_or(u64::MAX)
}

enum Stage {
    Ready(Box<dyn ChangeSource>),
    Running(Sender<()>, JoinHandle<()>),
    Ended,
}

impl Listener {
    pub(crate) fn new(source: impl ChangeSource) -> Self {
        Self {
            stage: Mutex::new(Stage::Ready(Box::new(source))),
            clock_offset: Arc::default(),
        }
    }

    fn set(&self, stage: Stage) -> Stage {
        let mut held = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut held, stage)
    }

    pub(crate) fn listen(&self, clock: Clock, hear: Hear) -> Result<(), StoreError> {
        let source = match self.set(Stage::Ended) {
            Stage::Ready(source) => source,
            other => {
                self.set(other);
                return Ok(());
            }
        };
        let (stop, stopped) = bounded(0);
        let offset = Arc::clone(&self.clock_offset);
        let thread = std::thread::Builder::new().name("changes".to_owned());
        let thread = thread
            .spawn(move || run(source, &stopped, &clock, hear, &offset))
            .map_err(|cause| StoreError::Database(Box::new(cause)))?;
        self.set(Stage::Running(stop, thread));
        Ok(())
    }

    /// By how many milliseconds the clock of this machine is ahead of the database's.
    pub(crate) fn clock_offset_ms(&self) -> i64 {
        self.clock_offset.0.load(Ordering::Relaxed)
    }

    /// Ends the thread and waits for it.
    pub(crate) fn close(&self) {
        let Stage::Running(stop, thread) = self.set(Stage::Ended) else {
            return;
        };
        drop(stop);
        // The last owner of the store may be what hears, and a thread cannot wait for itself.
        if thread.thread().id() != std::thread::current().id() {
            let _ = thread.join();
        }
    }
}

fn run(
    mut source: Box<dyn ChangeSource>,
    stopped: &Receiver<()>,
    clock: &Clock,
    mut hear: Hear,
    offset: &ClockOffset,
) {
    let words = source.words();
    let mut beat_at = Instant::now();
    let mut purge_at = Instant::now() + PURGE_EVERY;
    loop {
        // An error is the connection's: it is made anew, and then there is a word.
        if let Ok(heard) = source.read(clock)
            && !heard.is_empty()
        {
            hear(heard);
        }
        if Instant::now() >= beat_at {
            beat_at = Instant::now() + BEAT_EVERY;
            if let Ok(Some(ms)) = source.beat(clock().utc) {
                offset.set(ms);
            }
        }
        if Instant::now() >= purge_at {
            purge_at = Instant::now() + PURGE_EVERY;
            let _ = source.purge();
        }
        select! {
            recv(stopped) -> _ => return,
            recv(words) -> _ => {}
            default(READ_EVERY) => {}
        }
    }
}
