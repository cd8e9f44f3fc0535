//! Tells of requests that get no answer: else a wrong shared secret looks like a firewall.
//!
//! One warning for each client and reason, for each address where it is no client's; then at most
//! one a minute with a count. A receiving thread adds to a tally of its own and writes nothing;
//! once a second housekeeping takes the tallies and tells.
//!
//! ```text
//!  radius-0 ── note ──> tally ─┐
//!  radius-1 ── note ──> tally ─┴─ take, once a second ──> Told ──> lines of the log
//! ```
//!
//! A flood of forged addresses neither fills memory nor the log: of so many addresses each is
//! told, all others together in one line. They take no room of clients.

use std::cell::Cell;
use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::drop_reason::DropReason;

#[cfg(test)]
mod tests;

/// Between two lines about the same.
const PAUSE: Duration = Duration::from_secs(60);
/// After so much quiet the next drop is told at once again.
const QUIET: Duration = Duration::from_secs(600);
/// Addresses of no client that are told of one by one, at most.
const ADDRESSES: usize = 64;
/// Pairs of client and reason that are told of one by one, at most: a bound, hardly ever met.
const PAIRS: usize = 2048;
/// More threads than this share tallies.
const SHARDS: usize = 16;

/// The sender of dropped requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Sender {
    Client(String),
    Address(IpAddr),
    /// Those there is no room for.
    Others,
}

/// Drops that are logged as one, and their number.
#[derive(Clone, Debug)]
struct Tally {
    sender: Sender,
    reason: DropReason,
    latest: IpAddr,
    count: u64,
}

/// The tallies of one thread since they were last taken.
#[derive(Default)]
struct Tallies {
    clients: Vec<Tally>,
    addresses: Vec<Tally>,
    others: Option<Tally>,
}

/// The front that receiving threads see, and what was told so far.
#[derive(Default)]
pub struct DropLog {
    shards: [Mutex<Tallies>; SHARDS],
    told: Mutex<Told>,
}

impl DropLog {
    /// Counts a request of `peer` that gets no answer. Waits for nobody but, now and then, for the
    /// moment in which tallies are taken.
    pub fn note(&self, peer: IpAddr, client: Option<&str>, reason: DropReason) {
        locked(self.shard()).note(peer, client, reason);
    }

    /// The lines that are due by now.
    pub fn take_lines(&self, now: Instant) -> Vec<String> {
        let mut told = locked(&self.told);
        for shard in &self.shards {
            let taken = std::mem::take(&mut *locked(shard));
            told.take_in(taken, now);
        }
        told.due(now)
    }

    fn shard(&self) -> &Mutex<Tallies> {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static NUMBER: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed));
        }
        let [first, others @ ..] = &self.shards;
        let number = NUMBER.get() % SHARDS;
        let shard = number.checked_sub(1).and_then(|index| others.get(index));
        shard.unwrap_or(first)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tallies {
    fn note(&mut self, peer: IpAddr, client: Option<&str>, reason: DropReason) {
        let known = match client {
            Some(_) => &mut self.clients,
            None => &mut self.addresses,
        };
        let is_sender = |sender: &Sender| match (sender, client) {
            (Sender::Client(name), Some(client)) => name == client,
            (Sender::Address(address), None) => *address == peer,
            _ => false,
        };
        let is_it = |tally: &&mut Tally| tally.reason == reason && is_sender(&tally.sender);
        if let Some(tally) = known.iter_mut().find(is_it) {
            return tally.add(1, peer);
        }
        if known.len() < ADDRESSES {
            let client = client.map(|name| Sender::Client(name.to_owned()));
            let sender = client.unwrap_or(Sender::Address(peer));
            return known.push(Tally::one(sender, reason, peer));
        }
        match &mut self.others {
            Some(others) => others.add(1, peer),
            None => self.others = Some(Tally::one(Sender::Others, reason, peer)),
        }
    }
}

impl Tally {
    fn one(sender: Sender, reason: DropReason, latest: IpAddr) -> Self {
        Self {
            sender,
            reason,
            latest,
            count: 1,
        }
    }

    /// The key of drops that are logged as one: the sender, and the counter's label or the code's name.
    fn key(&self) -> (Sender, &'static str) {
        let reason = match (&self.sender, self.reason) {
            (Sender::Others, _) => "",
            (_, DropReason::UnexpectedCode(code)) => code.name(),
            (_, reason) => reason.label(),
        };
        (self.sender.clone(), reason)
    }

    fn add(&mut self, count: u64, latest: IpAddr) {
        self.count = self.count.saturating_add(count);
        self.latest = latest;
    }
}

/// The drops logged, the time of that, and those that wait to be logged. Reads no clock.
#[derive(Default)]
struct Told {
    entries: HashMap<(Sender, &'static str), Entry>,
}

struct Entry {
    /// The drops since the last line.
    waiting: Tally,
    seen: Instant,
    told: Option<Instant>,
}

impl Told {
    fn take_in(&mut self, tallies: Tallies, now: Instant) {
        let known = tallies.clients.into_iter().chain(tallies.addresses);
        for tally in known.chain(tallies.others) {
            self.add(tally, now);
        }
    }

    fn add(&mut self, mut tally: Tally, now: Instant) {
        if !self.entries.contains_key(&tally.key()) && !self.has_room(&tally.sender, now) {
            tally.sender = Sender::Others;
        }
        match self.entries.entry(tally.key()) {
            Occupied(mut known) => {
                let entry = known.get_mut();
                entry.waiting.add(tally.count, tally.latest);
                entry.seen = now;
            }
            Vacant(free) => drop(free.insert(Entry {
                waiting: tally,
                seen: now,
                told: None,
            })),
        }
    }

    /// Whether one more sender is told of by itself. Where there is none, those that have been quiet
    /// for a while make room.
    fn has_room(&mut self, sender: &Sender, now: Instant) -> bool {
        let most = match sender {
            Sender::Address(_) => ADDRESSES,
            Sender::Client(_) => PAIRS,
            Sender::Others => return true,
        };
        let of_its_kind = std::mem::discriminant(sender);
        let count = |told: &Self| {
            let senders = told.entries.keys().map(|(sender, _)| sender);
            let alike = senders.filter(|known| std::mem::discriminant(*known) == of_its_kind);
            alike.count()
        };
        if count(self) < most {
            return true;
        }
        self.forget_quiet(now, PAUSE);
        count(self) < most
    }

    fn forget_quiet(&mut self, now: Instant, quiet: Duration) {
        self.entries
            .retain(|_, entry| entry.waiting.count > 0 || now.duration_since(entry.seen) < quiet);
    }

    fn due(&mut self, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        for entry in self.entries.values_mut() {
            let waits = |told: Instant| now.duration_since(told) < PAUSE;
            if entry.waiting.count == 0 || entry.told.is_some_and(waits) {
                continue;
            }
            lines.push(match entry.told {
                None => entry.waiting.to_string(),
                Some(_) => format!("{} ({} more)", entry.waiting, entry.waiting.count),
            });
            entry.told = Some(now);
            entry.waiting.count = 0;
        }
        self.forget_quiet(now, QUIET);
        lines.sort_unstable();
        lines
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (latest, advice) = (self.latest, self.reason.advice());
        match &self.sender {
            Sender::Client(name) => write!(f, "{name} ({latest}): {advice}"),
            Sender::Address(_) => write!(f, "{latest}: {advice}"),
            Sender::Others => write!(
                f,
                "requests of many other addresses get no answer either, {latest} the latest: \
                 portvakt_drops_total says why"
            ),
        }
    }
}
