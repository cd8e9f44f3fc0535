//! How many of a directory's answers are under way to their reader, and how many there may be at all:
//! the library puts what it reads in a queue that has no bound.
//!
//! ```text
//! screen ── pass ──> library's queue ── take ──> reader
//!   ^                                              │
//!   └────────────── room, once there is ───────────┘
//! ```

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::connection::framing::Fault;

#[cfg(test)]
mod tests;

/// Messages that are under way at most, give or take what one reading of the socket holds.
const MAX_UNDER_WAY: u64 = 1000;
/// The same in octets; one message may be longer, alone.
const MAX_OCTETS_UNDER_WAY: u64 = 2 << 20;

/// Entries that any directory may have: nobody knows how many it has before the first reading.
const ANY_ENTRIES: u64 = 1_000_000;
/// The most entries of a directory that is known to be large.
const MAX_ENTRIES: u64 = 5_000_000;
/// Octets of an entry, taken over all: only the attributes that are asked for come.
const OCTETS_EACH: u64 = 2 << 10;

/// How much may come for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    messages: u64,
    octets: u64,
}

impl Bound {
    /// For one entry, with referrals around it.
    pub(crate) const ONE_ENTRY: Self = Self {
        messages: 1000,
        octets: 8 << 20,
    };

    /// For everybody in a directory that had so many lately: four times as many, but a million in any
    /// case and never more than five; 2 KiB for each.
    pub(crate) fn of_everybody(known: usize) -> Self {
        let known = u64::try_from(known).unwrap_or(MAX_ENTRIES);
        let messages = known.saturating_mul(4).clamp(ANY_ENTRIES, MAX_ENTRIES);
        Self {
            messages,
            octets: messages * OCTETS_EACH,
        }
    }
}

/// The count of one connection, which screen and reader share. At first one entry is expected.
#[derive(Clone, Debug, Default)]
pub struct Flow(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    count: Mutex<Count>,
    room: Notify,
}

impl Flow {
    /// Counts anew, up to this bound; `None` for answers that come as long as the connection stands.
    pub(crate) fn expect(&self, bound: Option<Bound>) {
        self.count().expect(bound);
    }

    /// Octets have come, and with them the ends of so many messages; `is_between` if nothing of
    /// another is among them.
    ///
    /// # Errors
    /// [`Fault::Endless`]: more than is expected.
    pub(crate) fn pass(&self, octets: u64, messages: u64, is_between: bool) -> Result<(), Fault> {
        self.count().pass(octets, messages, is_between)
    }

    /// The reader has a message, and wants the next.
    pub(crate) fn take(&self) {
        self.count().take();
        self.0.room.notify_one();
    }

    /// Something was asked: whatever has come until now is read, or nobody will read it.
    pub(crate) fn ask(&self) {
        self.count().ask();
        self.0.room.notify_one();
    }

    /// Whether more is under way than ought to be.
    pub(crate) fn is_full(&self) -> bool {
        self.count().is_full()
    }

    /// Waits until there is room for more.
    pub(crate) async fn room(&self) {
        while self.is_full() {
            self.0.room.notified().await;
        }
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.0.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Count {
    bound: Option<Bound>,
    /// Octets received since the bound was set.
    messages: u64,
    octets: u64,
    /// Whole messages that were passed on and taken since the connection began.
    passed: u64,
    taken: u64,
    /// Octets under way, each with the number of the last message that they are of.
    parts: VecDeque<(u64, u64)>,
    under_way: u64,
}

impl Default for Count {
    fn default() -> Self {
        Self {
            bound: Some(Bound::ONE_ENTRY),
            messages: 0,
            octets: 0,
            passed: 0,
            taken: 0,
            parts: VecDeque::new(),
            under_way: 0,
        }
    }
}

impl Count {
    fn expect(&mut self, bound: Option<Bound>) {
        self.bound = bound;
        self.messages = 0;
        self.octets = 0;
    }

    fn pass(&mut self, octets: u64, messages: u64, is_between: bool) -> Result<(), Fault> {
        self.messages += messages;
        self.octets += octets;
        let is_beyond = |bound: Bound| self.messages > bound.messages || self.octets > bound.octets;
        if self.bound.is_some_and(is_beyond) {
            return Err(Fault::Endless);
        }
        self.passed += messages;
        self.under_way += octets;
        let last = self.passed + u64::from(!is_between);
        match self.parts.back_mut() {
            Some((number, sum)) if *number == last => *sum += octets,
            _ => self.parts.push_back((last, octets)),
        }
        Ok(())
    }

    fn take(&mut self) {
        self.taken_up_to((self.taken + 1).min(self.passed));
    }

    fn ask(&mut self) {
        self.taken_up_to(self.passed);
    }

    fn taken_up_to(&mut self, number: u64) {
        self.taken = number;
        while let Some((last, octets)) = self.parts.front().copied()
            && last <= number
        {
            self.parts.pop_front();
            self.under_way -= octets;
        }
    }

    /// Never without a whole message under way: the rest of one that is long must come.
    fn is_full(&self) -> bool {
        let waiting = self.passed - self.taken;
        waiting > 0 && (waiting > MAX_UNDER_WAY || self.under_way > MAX_OCTETS_UNDER_WAY)
    }
}
