//! The queue of the hash pool: order by priority, and which job is shed when it is full.
//!
//! ```text
//!   normal    one job of each account      of eight turns seven, if some wait
//!   suspect   one job of each name         the rest; the first to be shed
//!   behind    name -> its other jobs       join a line when the one before them is done
//! ```

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Priority, Turn};

/// Of so many turns one is for suspect jobs: an owner who mistyped once gets in on
/// the busiest morning too.
const TURNS: u8 = 8;
/// More jobs than this behind one account are no devices of its owner.
const CROWD: usize = 16;

pub(super) struct Job {
    pub(super) key: Arc<str>,
    pub(super) submitted: Instant,
    pub(super) priority: Box<dyn Fn() -> Priority + Send>,
    pub(super) run: Box<dyn FnOnce(Turn<'_>) + Send>,
}

/// Jobs that wait. At most one of an account stands in a line or runs; the rest wait behind it.
#[derive(Default)]
pub(super) struct Queue {
    normal: VecDeque<Job>,
    suspect: VecDeque<Job>,
    /// Jobs of accounts that have one in a line or running.
    behind: HashMap<Arc<str>, VecDeque<Job>, ahash::RandomState>,
    /// The account that was last seen with too many behind it.
    crowded: Option<Arc<str>>,
    waiting: usize,
    shed: u64,
    turns: u8,
    /// Nothing is taken in any more.
    pub(super) is_closed: bool,
}

impl Queue {
    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many were shed since the start.
    pub(super) fn shed(&self) -> u64 {
        self.shed
    }

    /// Counts one that was taken out and is shed by its deadline.
    pub(super) fn note_shed(&mut self) {
        self.shed += 1;
    }

    /// Since when the next suspect job has waited.
    pub(super) fn first_suspect(&self) -> Option<Instant> {
        self.suspect.front().map(|job| job.submitted)
    }

    pub(super) fn push(&mut self, job: Job) {
        self.waiting += 1;
        let Some(behind) = self.behind.get_mut(&job.key) else {
            self.behind.insert(Arc::clone(&job.key), VecDeque::new());
            return self.line_up(job);
        };
        if behind.len() >= CROWD {
            self.crowded = Some(Arc::clone(&job.key));
        }
        behind.push_back(job);
    }

    /// The job whose turn it is; first of all those that have waited longer than `patience`, to be
    /// shed. It holds up those behind it until [`Self::advance`].
    pub(super) fn pop(&mut self, patience: Duration) -> Option<Job> {
        let job = self.pop_overdue(patience).or_else(|| self.pop_next())?;
        self.waiting -= 1;
        Some(job)
    }

    fn pop_overdue(&mut self, patience: Duration) -> Option<Job> {
        let is_overdue = |job: &Job| job.submitted.elapsed() > patience;
        let mut lines = [&mut self.suspect, &mut self.normal].into_iter();
        lines
            .find(|line| line.front().is_some_and(is_overdue))?
            .pop_front()
    }

    fn pop_next(&mut self) -> Option<Job> {
        self.turns = (self.turns + 1) % TURNS;
        let [first, second] = match self.turns {
            0 => [&mut self.suspect, &mut self.normal],
            _ => [&mut self.normal, &mut self.suspect],
        };
        first.pop_front().or_else(|| second.pop_front())
    }

    /// Lets the next job of the account that just had its turn join a line.
    pub(super) fn advance(&mut self, key: &Arc<str>) {
        match self.behind.get_mut(key).and_then(VecDeque::pop_front) {
            Some(next) => self.line_up(next),
            None => drop(self.behind.remove(key)),
        }
    }

    /// Takes out one that gives way: of a crowd behind one account; or the suspect one that has
    /// waited longest; or any that has. What waited behind it moves up.
    pub(super) fn shed_one(&mut self) -> Option<Job> {
        let job = self
            .pop_crowded()
            .or_else(|| self.pop_lined_up())
            .or_else(|| self.pop_behind())?;
        self.waiting -= 1;
        self.shed += 1;
        Some(job)
    }

    fn line_up(&mut self, job: Job) {
        match (job.priority)() {
            Priority::Normal => self.normal.push_back(job),
            Priority::Suspect => self.suspect.push_back(job),
        }
    }

    fn pop_crowded(&mut self) -> Option<Job> {
        let key = self.crowded.take()?;
        let jobs = self.behind.get_mut(&key)?;
        if jobs.len() <= CROWD {
            return None;
        }
        self.crowded = Some(key);
        jobs.pop_front()
    }

    fn pop_lined_up(&mut self) -> Option<Job> {
        let suspect = self.suspect.pop_front();
        let job = suspect.or_else(|| self.normal.pop_front())?;
        self.advance(&job.key);
        Some(job)
    }

    /// With nobody in a line, all that waits stands behind running jobs.
    fn pop_behind(&mut self) -> Option<Job> {
        let oldest = self.behind.values_mut().filter(|jobs| !jobs.is_empty());
        oldest
            .min_by_key(|jobs| jobs.front().map(|job| job.submitted))?
            .pop_front()
    }
}
