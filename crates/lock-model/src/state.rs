//! The state of the model: one account, two nodes, one database, three guesses.
//!
//! Time is counted in periods. A lock, and the memory of a failure, last to the end of the period
//! they were made in; [`Action::TimePasses`](crate::protocol::Action::TimePasses) begins the next.

use crate::Faults;

/// Failures that lock the account.
pub(crate) const LIMIT: u8 = 2;
pub(crate) const GUESSES: usize = 3;
pub(crate) const NODES: usize = 2;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) now: u8,
    pub(crate) database: Database,
    pub(crate) nodes: [Node; NODES],
    pub(crate) guesses: [Guess; GUESSES],
    pub(crate) faults_left: Faults,
    pub(crate) breaches: Breaches,
}

/// What was counted of the account, in memory or in the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Count {
    pub(crate) failures: u8,
    pub(crate) is_locked: bool,
    /// The period of the last failure.
    pub(crate) period: u8,
    /// Grows with each change in the database.
    pub(crate) revision: u8,
}

impl Count {
    /// The count as it holds in this period.
    pub(crate) fn at(self, now: u8) -> Self {
        match self.period == now {
            true => self,
            false => self.cleared(now),
        }
    }

    pub(crate) fn cleared(self, now: u8) -> Self {
        Self {
            period: now,
            revision: self.revision,
            ..Self::default()
        }
    }

    pub(crate) fn fail(&mut self, failures: u8) {
        self.failures += failures;
        self.is_locked |= self.failures >= LIMIT;
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Database {
    pub(crate) count: Count,
    /// Number of the count: a clearing, a lock's end and an expiry begin the next.
    pub(crate) window: u8,
    /// The last sequence merged of each node's journal.
    pub(crate) merged: [u8; NODES],
    /// Requests that may be committed, in any order, at any time, or never: also those whose node
    /// has given up on them.
    pub(crate) requests: Vec<Request>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Request {
    pub(crate) ask: Ask,
    /// Whether the connection it came on still stands, so that its answer can arrive.
    pub(crate) is_heard: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Ask {
    Take(usize),
    Merge { node: usize, entries: Vec<Entry> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    Shared,
    Alone,
    /// The journal is on its way to the database; outcomes are held back.
    Merging,
    Down,
    /// As `Merging`, without locks in memory yet: no request is read.
    Starting,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) mode: Mode,
    pub(crate) memory: Count,
    /// Durable; survives a crash.
    pub(crate) journal: Vec<Entry>,
    pub(crate) last_sequence: u8,
    /// The answer to a merge, on its way: the last sequence, and the count.
    pub(crate) merge_answer: Option<(u8, Count)>,
    /// For the properties: wrong outcomes told since the last clearing.
    pub(crate) wrong_told: u8,
    /// For the properties: the period of a lock that the node has heard of.
    pub(crate) heard_lock: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Entry {
    pub(crate) sequence: u8,
    pub(crate) period: u8,
    pub(crate) change: Change,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Change {
    Failure { guess: usize, locks: bool },
    Cleared,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Guess {
    pub(crate) is_right: bool,
    pub(crate) node: usize,
    /// The period in which it was decided.
    pub(crate) period: u8,
    pub(crate) phase: Phase,
    /// For the properties: the window that a merge counted it in.
    pub(crate) merged_in: Option<u8>,
    /// For the properties: followed by a clearing in the same journal.
    pub(crate) is_cleared: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Phase {
    /// Not sent yet.
    Waiting,
    /// Reserved and compared; not settled.
    Compared,
    /// The database was asked to take the outcome.
    Asked,
    /// Taken; the answer is on its way.
    Answered {
        verdict: Verdict,
        count: Count,
        window: u8,
    },
    /// Decided by a node alone, durable in its journal; not told.
    Decided(Verdict),
    /// Told what the database has taken, in this window.
    ToldTaken { verdict: Verdict, window: u8 },
    /// Told what the node alone has decided.
    ToldAlone(Verdict),
    /// Told that the account is locked, or lost with its node: nothing was learned.
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Verdict {
    Wrong,
    Right,
    Locked,
}

/// Properties of a step, rather than of a state, that were broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Breaches {
    /// A node in contact with the database said "right" under a lock.
    pub(crate) right_under_lock: bool,
    /// A merge left less than one of its sides had.
    pub(crate) weaker_merge: bool,
    /// An entry of a journal was counted twice.
    pub(crate) counted_twice: bool,
    /// A node compared a guess, or told of one by itself, under a lock that it had heard of.
    pub(crate) lock_unheard: bool,
}

impl Guess {
    pub(crate) fn waits(&self) -> bool {
        self.phase == Phase::Waiting
    }
}

impl State {
    pub(crate) fn first(faults: Faults) -> Self {
        let node = Node {
            mode: Mode::Shared,
            memory: Count::default(),
            journal: Vec::new(),
            last_sequence: 0,
            merge_answer: None,
            wrong_told: 0,
            heard_lock: None,
        };
        let guess = Guess {
            is_right: false,
            node: 0,
            period: 0,
            phase: Phase::Waiting,
            merged_in: None,
            is_cleared: false,
        };
        Self {
            now: 0,
            database: Database::default(),
            nodes: [node.clone(), node],
            guesses: [guess; GUESSES],
            faults_left: faults,
            breaches: Breaches::default(),
        }
    }

    pub(crate) fn has_right_guess(&self) -> bool {
        self.guesses.iter().any(|guess| guess.is_right)
    }

    /// Guesses that a node has compared and not told.
    pub(crate) fn reserved(&self, node: usize) -> u8 {
        let is_held = |guess: &&Guess| {
            guess.node == node
                && matches!(
                    guess.phase,
                    Phase::Compared | Phase::Asked | Phase::Answered { .. }
                )
        };
        u8::try_from(self.guesses.iter().filter(is_held).count()).unwrap()
    }

    pub(crate) fn has_untold_decisions(&self, node: usize) -> bool {
        let mut guesses = self.guesses.iter();
        guesses.any(|guess| guess.node == node && matches!(guess.phase, Phase::Decided(_)))
    }
}
