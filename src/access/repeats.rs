//! The latest answer of each conversation, for a NAS that sends its request again under another RADIUS
//! identifier: the duplicate cache of the listeners does not know it, and its State is used up.
//!
//! ```text
//!   State ──> UnderWay ──answer──> Answered ──the conversation's next request──> forgotten
//!                └─ a repeated request waits here for the answer
//! ```
//! Nothing is worked on twice, so nothing counts twice. A repeated answer leaves no sooner than the
//! first: what its delay hides must not leak to a client that asks twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dashmap::{DashMap, Entry};

use super::conversations::StateToken;
use super::exchange::{Exchange, Outcome};

/// How often one answer is given again.
const REPEATED_AT_MOST: u8 = 5;

/// An answer, and when the first copy of it leaves.
pub(super) struct Given {
    pub(super) outcome: Outcome,
    pub(super) due: Instant,
}

/// The kind of a request with a State.
pub(super) enum Arrival {
    /// To be worked on.
    New(Exchange),
    /// Repeated: to be answered like that.
    Repeated(Exchange, Arc<Given>),
    /// Repeated, and its answer comes with that to the first.
    Waits,
    /// Another packet under the same State, or the same too often: to be refused.
    Spent(Exchange),
}

enum Progress {
    /// With the latest of the requests that repeat it.
    UnderWay(Option<Box<Exchange>>),
    Answered(Arc<Given>),
}

struct Asked {
    /// Of client, device and EAP packet.
    fingerprint: u64,
    since: Instant,
    repeated: u8,
    progress: Progress,
}

/// The latest requests of conversations by their State, and their answers.
pub struct Repeats {
    asked: DashMap<StateToken, Asked, ahash::RandomState>,
    count: AtomicUsize,
    capacity: usize,
    lifetime: Duration,
    /// Makes fingerprints, unlike those of any other process.
    keys: ahash::RandomState,
}

impl Repeats {
    /// An empty table. Each answer is kept for `lifetime`, or until the next request of its
    /// conversation; beyond `capacity` of them new ones are not kept.
    #[must_use]
    pub fn new(capacity: usize, lifetime: Duration) -> Self {
        Self {
            asked: DashMap::default(),
            count: AtomicUsize::new(0),
            capacity,
            lifetime,
            keys: ahash::RandomState::new(),
        }
    }

    /// Takes note of the request that brought `response` under `state`.
    pub(super) fn arrive(
        &self,
        mut exchange: Exchange,
        state: StateToken,
        response: &[u8],
        now: Instant,
    ) -> Arrival {
        let device = &exchange.context.calling_station;
        let asked = (&exchange.peer.client.name, device, response);
        let fingerprint = self.keys.hash_one(asked);
        match self.asked.entry(state) {
            Entry::Occupied(mut known) => known.get_mut().repeat(exchange, fingerprint, now),
            Entry::Vacant(slot) => {
                if self.count.load(Ordering::Relaxed) < self.capacity {
                    self.count.fetch_add(1, Ordering::Relaxed);
                    slot.insert(Asked {
                        fingerprint,
                        since: now,
                        repeated: 0,
                        progress: Progress::UnderWay(None),
                    });
                    exchange.repeats_of = Some(state);
                }
                Arrival::New(exchange)
            }
        }
    }

    /// Keeps the answer to the request under `state`; returns a request that waits for it.
    pub(super) fn answered(&self, state: &StateToken, given: &Arc<Given>) -> Option<Exchange> {
        let mut asked = self.asked.get_mut(state)?;
        let answered = Progress::Answered(Arc::clone(given));
        match std::mem::replace(&mut asked.progress, answered) {
            Progress::UnderWay(waiting) => waiting.map(|exchange| *exchange),
            Progress::Answered(_) => None,
        }
    }

    /// Forgets what was asked under `state`: the conversation has gone on, or there was none.
    pub(super) fn forget(&self, state: &StateToken) -> Option<Exchange> {
        let (_, asked) = self.asked.remove(state)?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        match asked.progress {
            Progress::UnderWay(waiting) => waiting.map(|exchange| *exchange),
            Progress::Answered(_) => None,
        }
    }

    /// Forgets what is older than the lifetime; to be called about once a second.
    pub fn forget_old(&self, now: Instant) {
        let is_old = |asked: &Asked| asked.since + self.lifetime <= now;
        self.asked.retain(|_, asked| {
            let is_kept = !is_old(asked);
            self.count
                .fetch_sub(usize::from(!is_kept), Ordering::Relaxed);
            is_kept
        });
    }

    /// How many answers are kept or under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Asked {
    fn repeat(&mut self, exchange: Exchange, fingerprint: u64, now: Instant) -> Arrival {
        if fingerprint != self.fingerprint || self.repeated >= REPEATED_AT_MOST {
            return Arrival::Spent(exchange);
        }
        self.repeated += 1;
        self.since = now;
        match &mut self.progress {
            Progress::Answered(given) => Arrival::Repeated(exchange, Arc::clone(given)),
            // The NAS waits for the latest alone.
            Progress::UnderWay(waiting) => {
                *waiting = Some(Box::new(exchange));
                Arrival::Waits
            }
        }
    }
}
