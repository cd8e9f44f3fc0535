//! One queue for each account, one job at a time, holding no thread.
//!
//! As the [hash pool](super::hash_pool) has them, for checks that a directory makes: each sees what
//! the one before it found, so a flood of guesses on one account has one of them at the directory
//! at any time, and a lock that the sixth failure set refuses the rest unasked.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many may wait behind one account: more are no devices of its owner, and must not take the room
/// of other accounts.
const PER_ACCOUNT: usize = 64;

/// A job, run when its turn comes; without a turn if too many wait.
type Run = Box<dyn FnOnce(Option<AccountTurn>) + Send>;

/// The queues of all accounts.
pub struct PerAccountQueue {
    /// By account. An account whose turn is taken has an entry, an empty one if no job waits.
    waiting: Mutex<Waiting>,
    capacity: usize,
}

#[derive(Default)]
struct Waiting {
    lines: HashMap<Arc<str>, VecDeque<Run>, ahash::RandomState>,
    count: usize,
}

/// The turn of an account. Dropped, it passes to the next job.
pub struct AccountTurn {
    queue: Arc<PerAccountQueue>,
    key: Arc<str>,
}

thread_local! {
    /// Jobs that this thread still has to run, while it runs one: a queue of a thousand that are
    /// all refused at once must not stand on the stack.
    static TO_RUN: RefCell<Option<Turns>> = const { RefCell::new(None) };
}

/// Jobs whose turn has come.
type Turns = VecDeque<(Run, Option<AccountTurn>)>;

impl PerAccountQueue {
    /// Queues in which `capacity` jobs may wait in all.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            capacity,
        }
    }

    /// Runs `run` when the turn of `key` comes: now, or on the thread that drops the turn before it.
    /// If too many jobs wait, for this account or in all, now and without a turn. `run` must not
    /// wait.
    pub fn enter(
        self: &Arc<Self>,
        key: Arc<str>,
        run: impl FnOnce(Option<AccountTurn>) + Send + 'static,
    ) {
        let run: Run = Box::new(run);
        if let Some((run, is_first)) = self.stand(&key, run) {
            let place = is_first.then(|| AccountTurn {
                queue: Arc::clone(self),
                key,
            });
            run_all(run, place);
        }
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().count
    }

    /// Gives `run` back if its time is now, and whether that is because nobody is before it.
    fn stand(&self, key: &Arc<str>, run: Run) -> Option<(Run, bool)> {
        let mut waiting = self.lock();
        let is_full = waiting.count >= self.capacity;
        match waiting.lines.get_mut(key) {
            None => {
                waiting.lines.insert(Arc::clone(key), VecDeque::new());
                Some((run, true))
            }
            Some(line) if is_full || line.len() >= PER_ACCOUNT => Some((run, false)),
            Some(line) => {
                line.push_back(run);
                waiting.count += 1;
                None
            }
        }
    }

    fn next(&self, key: &Arc<str>) -> Option<Run> {
        let mut waiting = self.lock();
        match waiting.lines.get_mut(key).and_then(VecDeque::pop_front) {
            Some(run) => {
                waiting.count -= 1;
                Some(run)
            }
            None => {
                waiting.lines.remove(key);
                None
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AccountTurn {
    fn drop(&mut self) {
        if let Some(run) = self.queue.next(&self.key) {
            let place = AccountTurn {
                queue: Arc::clone(&self.queue),
                key: Arc::clone(&self.key),
            };
            run_all(run, Some(place));
        }
    }
}

/// Runs it and all that thereby comes to its turn, one after the other.
fn run_all(run: Run, place: Option<AccountTurn>) {
    let is_running = TO_RUN.with_borrow_mut(|to_run| match to_run {
        Some(to_run) => {
            to_run.push_back((run, place));
            true
        }
        None => {
            *to_run = Some(VecDeque::from([(run, place)]));
            false
        }
    });
    if is_running {
        return;
    }
    let _end = EndOfRun;
    while let Some((run, place)) = next_to_run() {
        run(place);
    }
}

fn next_to_run() -> Option<(Run, Option<AccountTurn>)> {
    TO_RUN.with_borrow_mut(|to_run| to_run.as_mut()?.pop_front())
}

/// Leaves the thread as it was found, after a panic too.
struct EndOfRun;

impl Drop for EndOfRun {
    fn drop(&mut self) {
        let left = TO_RUN.take();
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    fn queue(capacity: usize) -> Arc<PerAccountQueue> {
        Arc::new(PerAccountQueue::new(capacity))
    }

    #[test]
    fn one_account_has_one_turn_at_a_time_and_others_meanwhile() {
        let queue = queue(10);
        let (done, order) = channel();
        let (keep, kept) = channel();
        for (key, number) in [("anna", 1), ("anna", 2), ("bo", 3), ("anna", 4)] {
            let (done, keep) = (done.clone(), keep.clone());
            queue.enter(key.into(), move |place| {
                done.send(number).unwrap();
                keep.send(place.unwrap()).unwrap();
            });
        }
        assert_eq!(order.try_iter().collect::<Vec<_>>(), [1, 3]);
        assert_eq!(queue.waiting(), 2);
        drop(kept.recv().unwrap());
        assert_eq!(order.try_iter().collect::<Vec<_>>(), [2]);
        drop(kept.try_iter().collect::<Vec<_>>());
        drop(kept.try_iter().collect::<Vec<_>>());
        assert_eq!(order.try_iter().collect::<Vec<_>>(), [4]);
        drop(kept.try_iter().collect::<Vec<_>>());
        assert_eq!(queue.waiting(), 0);
        assert!(queue.lock().lines.is_empty());
    }

    #[test]
    fn a_hundred_thousand_that_end_at_once_do_not_stand_on_the_stack() {
        let queue = queue(200_000);
        let (done, count) = channel();
        let (keep, kept) = channel();
        queue.enter("anna".into(), move |place| keep.send(place).unwrap());
        // Each lets the next one in behind itself, while it still stands in the line.
        fn join(queue: &Arc<PerAccountQueue>, done: std::sync::mpsc::Sender<bool>, left: usize) {
            let again = Arc::clone(queue);
            queue.enter("anna".into(), move |place| {
                done.send(place.is_some()).unwrap();
                if left > 0 {
                    join(&again, done, left - 1);
                }
            });
        }
        join(&queue, done, 100_000);
        drop(kept.recv().unwrap());
        assert_eq!(count.iter().filter(|has_place| *has_place).count(), 100_001);
    }

    #[test]
    fn crowd_behind_one_account_leaves_room_for_others() {
        let queue = queue(1000);
        let (keep, kept) = channel();
        for key in ["anna", "bo"] {
            let keep = keep.clone();
            queue.enter(key.into(), move |place| keep.send(place.unwrap()).unwrap());
        }
        let (shed, is_shed) = channel();
        for _ in 0..PER_ACCOUNT + 10 {
            let shed = shed.clone();
            queue.enter("anna".into(), move |place| {
                shed.send(place.is_none()).unwrap()
            });
        }
        assert_eq!(is_shed.try_iter().collect::<Vec<_>>(), [true; 10]);
        queue.enter("bo".into(), |place| assert!(place.is_some()));
        drop(kept);
        assert_eq!(queue.waiting(), 0);
    }

    #[test]
    fn beyond_the_capacity_nobody_waits() {
        let queue = queue(1);
        let (keep, kept) = channel();
        queue.enter("anna".into(), move |place| keep.send(place).unwrap());
        queue.enter("anna".into(), |place| assert!(place.is_some()));
        let (shed, is_shed) = channel();
        queue.enter("anna".into(), move |place| {
            shed.send(place.is_none()).unwrap();
        });
        assert!(is_shed.recv().unwrap());
        drop(kept.recv().unwrap());
        assert_eq!(queue.waiting(), 0);
    }
}
