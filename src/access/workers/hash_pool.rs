//! The hash pool: a few threads with reused memory, a bounded queue with a deadline, and one
//! check at a time per account.
//!
//! One at a time makes a flood of guesses on one account cost one core at most, and lets each
//! check see what the one before it found: the same right password is not hashed twice, and a
//! lock that the sixth failure set refuses the rest unchecked.
//!
//! Its threads run at a lower scheduling priority than those that receive, so a full pool does not slow
//! log-ons with a remembered password. Accounts without failures go before suspect ones, which are the
//! first to be shed.

mod queue;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portvakt_auth::password::HashMemory;

use queue::{Job, Queue};

/// Added to the niceness of the hashing threads: the scheduler lets a thread with a request to
/// answer have the core at once, and they still get a tenth of one that is wanted all the time.
const NICER_BY: i32 = 10;

/// Lowers the priority of the thread that calls; where that can't be done, it is told once for all
/// threads.
pub(in crate::access) fn be_nicer(by: i32) {
    static TOLD: Once = Once::new();
    if let Err(error) = rustix::process::nice(by) {
        TOLD.call_once(|| {
            tracing::warn!(
                %error,
                "hashing can't be given a lower priority, so guessing slows down everybody: allow \
                 setpriority (SystemCallFilter of the unit)"
            );
        });
    }
}

/// The argument of a job when its turn comes.
pub enum Turn<'a> {
    /// The thread and its memory are its own until it returns.
    Hash(&'a mut HashMemory),
    /// Too much work: it waited past its deadline, or newer work pushed it out.
    Shed,
}

/// The priority of a password check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// An account without recent failures.
    Normal,
    /// An account with failures, or an unknown name: what guessers bring.
    Suspect,
}

/// Numbers for metrics and health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Jobs that wait.
    pub waiting: usize,
    /// Jobs shed since the start.
    pub shed: u64,
}

const NOBODY: u64 = u64::MAX;

/// Called with how long each job waited.
type Observe = Box<dyn Fn(Duration) + Send + Sync>;

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    began: Instant,
    /// Since when the next suspect job has waited, in microseconds after `began`; [`NOBODY`] where
    /// none waits. Read for each refusal, which is no reason to lock the queue.
    suspect_since: AtomicU64,
    capacity: usize,
    patience: Duration,
    observe: Observe,
}

/// The pool. Dropping it sheds what waits and ends its threads.
pub struct HashPool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl HashPool {
    /// Starts `threads` threads with a queue of `capacity` jobs, each of which waits at most
    /// `patience`.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(
        threads: usize,
        capacity: usize,
        patience: Duration,
        observe: Observe,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            wake: Condvar::new(),
            began: Instant::now(),
            suspect_since: AtomicU64::new(NOBODY),
            capacity: capacity.max(1),
            patience,
            observe,
        });
        let threads = (0..threads.max(1))
            .map(|index| {
                let shared = Arc::clone(&shared);
                std::thread::Builder::new()
                    .name(format!("hash-{index}"))
                    .spawn(move || shared.work())
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Self {
            shared,
            threads: Mutex::new(threads),
        })
    }

    /// Queues `run` behind the other jobs of `key` (an account or an unknown name).
    ///
    /// `priority` is asked when the job joins the line, which for one behind others is when theirs
    /// are done; it must not call the pool. Of eight turns seven are for normal priority, if
    /// some wait. A full queue sheds the suspect job that has waited longest, or where there is
    /// none any other. `run` is called exactly once.
    pub fn submit(
        &self,
        key: Arc<str>,
        priority: impl Fn() -> Priority + Send + 'static,
        run: impl FnOnce(Turn<'_>) + Send + 'static,
    ) {
        let job = Job {
            key,
            submitted: Instant::now(),
            priority: Box::new(priority),
            run: Box::new(run),
        };
        let mut queue = self.shared.lock();
        if queue.is_closed {
            drop(queue);
            return (job.run)(Turn::Shed);
        }
        let is_full = queue.waiting() >= self.shared.capacity;
        let shed = is_full.then(|| queue.shed_one()).flatten();
        queue.push(job);
        self.shared.publish(&queue);
        drop(queue);
        self.shared.wake.notify_one();
        if let Some(job) = shed {
            (job.run)(Turn::Shed);
        }
    }

    /// How much waits, and how much was shed.
    #[must_use]
    pub fn load(&self) -> Load {
        let queue = self.shared.lock();
        Load {
            waiting: queue.waiting(),
            shed: queue.shed(),
        }
    }

    /// The time that the next suspect job has waited; zero while none waits.
    #[must_use]
    pub fn suspect_wait(&self) -> Duration {
        match self.shared.suspect_since.load(Ordering::Relaxed) {
            NOBODY => Duration::ZERO,
            since => (self.shared.began.elapsed()).saturating_sub(Duration::from_micros(since)),
        }
    }

    /// Sheds what waits, finishes what runs, and ends the threads.
    pub fn close(&self) {
        self.shared.lock().is_closed = true;
        self.shared.wake.notify_all();
        let threads: Vec<_> = self
            .threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
            .collect();
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a hashing thread had panicked");
            }
        }
        while let Some(job) = self.shared.lock().shed_one() {
            (job.run)(Turn::Shed);
        }
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, queue: &Queue) {
        let since = queue.first_suspect().map(|at| at - self.began);
        let micros = since.and_then(|since| u64::try_from(since.as_micros()).ok());
        self.suspect_since
            .store(micros.unwrap_or(NOBODY), Ordering::Relaxed);
    }

    fn work(&self) {
        be_nicer(NICER_BY);
        let mut scratch = HashMemory::new();
        while let Some(job) = self.next() {
            let waited = job.submitted.elapsed();
            (self.observe)(waited);
            let turn = if waited > self.patience {
                self.lock().note_shed();
                Turn::Shed
            } else {
                Turn::Hash(&mut scratch)
            };
            // A panic in one log-on must not take the thread, or the account's line, with it.
            if catch_unwind(AssertUnwindSafe(|| (job.run)(turn))).is_err() {
                tracing::error!("a log-on panicked in the hash pool; it gets no answer");
            }
            let mut queue = self.lock();
            queue.advance(&job.key);
            self.publish(&queue);
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if queue.is_closed {
                return None;
            }
            if let Some(job) = queue.pop(self.patience) {
                self.publish(&queue);
                return Some(job);
            }
            queue = self
                .wake
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests;
