//! The hash pool: a few threads with reused memory, a bounded queue with a deadline, and one
//! check at a time per account.
//!
//! One at a time makes a flood of guesses on one account cost one core at most, and lets each
//! check see what the one before it found: the same right password is not hashed twice, and a
//! lock that the sixth failure set refuses the rest unchecked.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portvakt_auth::password::Scratch;

/// What a job gets when its time comes.
pub enum Turn<'a> {
    /// The thread and its memory are its own until it returns.
    Hash(&'a mut Scratch),
    /// Too much work: it waited past its deadline, or newer work pushed it out.
    Shed,
}

type Run = Box<dyn FnOnce(Turn<'_>) + Send>;

struct Job {
    key: Arc<str>,
    submitted: Instant,
    run: Run,
}

/// Numbers for metrics and health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Jobs that wait.
    pub waiting: usize,
    /// Jobs shed since the start.
    pub shed: u64,
}

#[derive(Default)]
struct Queue {
    /// At most one job of an account stands here or runs; the rest wait behind it.
    ready: VecDeque<Job>,
    /// Jobs of accounts that have one ready or running.
    behind: HashMap<Arc<str>, VecDeque<Job>, ahash::RandomState>,
    waiting: usize,
    shed: u64,
    closed: bool,
}

/// Called with how long each job waited.
type Observe = Box<dyn Fn(Duration) + Send + Sync>;

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
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

    /// Queues `run` behind the other jobs of `key` (an account, or a name that is nobody's).
    ///
    /// A full queue sheds the job that has waited longest. `run` is called exactly once.
    pub fn submit(&self, key: Arc<str>, run: impl FnOnce(Turn<'_>) + Send + 'static) {
        let job = Job {
            key,
            submitted: Instant::now(),
            run: Box::new(run),
        };
        let mut queue = self.shared.lock();
        if queue.closed {
            drop(queue);
            return (job.run)(Turn::Shed);
        }
        let shed = if queue.waiting >= self.shared.capacity {
            queue.shed_oldest()
        } else {
            None
        };
        queue.push(job);
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
            waiting: queue.waiting,
            shed: queue.shed,
        }
    }

    /// Sheds what waits, finishes what runs, and ends the threads.
    pub fn close(&self) {
        self.shared.lock().closed = true;
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
        while let Some(job) = self.shared.lock().shed_oldest() {
            (job.run)(Turn::Shed);
        }
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.close();
    }
}

impl Queue {
    fn push(&mut self, job: Job) {
        self.waiting += 1;
        match self.behind.get_mut(&job.key) {
            Some(behind) => behind.push_back(job),
            None => {
                self.behind.insert(Arc::clone(&job.key), VecDeque::new());
                self.ready.push_back(job);
            }
        }
    }

    fn pop(&mut self) -> Option<Job> {
        let job = self.ready.pop_front()?;
        self.waiting -= 1;
        Some(job)
    }

    /// Lets the next job of the account that just had its turn stand in line, behind other
    /// accounts'.
    fn advance(&mut self, key: &Arc<str>) {
        match self.behind.get_mut(key).and_then(VecDeque::pop_front) {
            Some(next) => self.ready.push_back(next),
            None => drop(self.behind.remove(key)),
        }
    }

    /// Takes out the job at the head of the line. What waited behind it moves up.
    fn shed_oldest(&mut self) -> Option<Job> {
        let job = match self.pop() {
            Some(job) => {
                self.advance(&job.key);
                job
            }
            None => self.pop_behind()?,
        };
        self.shed += 1;
        Some(job)
    }

    /// With nothing ready, all that waits stands behind running jobs.
    fn pop_behind(&mut self) -> Option<Job> {
        let oldest = self.behind.values_mut().filter(|jobs| !jobs.is_empty());
        let job = oldest
            .min_by_key(|jobs| jobs.front().map(|job| job.submitted))?
            .pop_front()?;
        self.waiting -= 1;
        Some(job)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut scratch = Scratch::new();
        while let Some(job) = self.next() {
            let waited = job.submitted.elapsed();
            (self.observe)(waited);
            let turn = if waited > self.patience {
                self.lock().shed += 1;
                Turn::Shed
            } else {
                Turn::Hash(&mut scratch)
            };
            // A panic in one log-on must not take the thread, or the account's line, with it.
            if catch_unwind(AssertUnwindSafe(|| (job.run)(turn))).is_err() {
                tracing::error!("a log-on panicked in the hash pool; it gets no answer");
            }
            self.lock().advance(&job.key);
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.pop() {
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
