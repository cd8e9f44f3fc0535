//! The protocol that counts failed log-ons on several nodes with one database, as a small model that
//! is checked exhaustively: every order in which two nodes, the database and faults can act on three
//! guesses at one account, at most one of them right, with a limit of two failures.
//!
//! The protocol itself is in docs/store.md. In short: a node compares a guess if its memory has room
//! (reserve before compare), has the outcome *taken* by the database, which counts it or finds the
//! account locked, and only then tells it. A node that has lost the database is *alone*: its memory
//! decides, a journal on its disk keeps each change before it is told, and the journal is *merged*
//! into the database before the next outcome is taken.
//!
//! The faults: a connection that breaks, or whose answer is later than the deadline ([`Faults::cuts`];
//! a restart of the database is one of these for each node), with requests under way that the
//! database commits nevertheless, in any order, at any time later, or never; a node that crashes and
//! starts anew from its journal; periods that end, and locks and failures with them.
//!
//! [`check`] finds that all of [`promise`] holds. [`find_breach`] takes one guard of the protocol away
//! and finds the run that breaks a promise: the model sees such faults, and each guard is needed.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a model for tests reads nothing from outside"
)]

mod normal;
pub mod promise;
mod properties;
mod protocol;
mod state;

use stateright::{Checker, HasDiscoveries, Model, Property};

use protocol::{Action, Protocol};
use state::State;

/// How often each fault may happen in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Faults {
    /// Connections that break.
    pub cuts: u8,
    /// Nodes that crash.
    pub crashes: u8,
    /// Periods that end, and with them locks and the memory of failures.
    pub periods: u8,
}

/// A guard of the protocol that is taken away, to see that the model finds the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Outcomes are told by the memory of the node before the database has taken them.
    TakingBeforeTelling,
    /// A node that has its connection again goes on without merging its journal.
    MergeBeforeTaking,
    /// Decisions of a node alone may be told after the merge has begun.
    TellingBeforeMerge,
    /// The journal is cleared when the merge is sent, not when it has committed.
    JournalUntilCommit,
    /// A merge that is made again counts everything again.
    MergedSequence,
    /// Sequences begin at one again in an empty journal.
    GrowingSequence,
    /// Outcomes under way when the connection broke are told without the journal.
    JournalOfUnderWay,
    /// The journal says how many failures there were, not that the node had locked.
    LockInJournal,
    /// A clearing in a journal clears the database's count as well.
    DatabaseCountKept,
    /// An older count from the database replaces a newer one in memory.
    NewestRevision,
}

/// Looks at every state that these faults lead to, and returns how many there are.
///
/// # Panics
/// If a promise is broken, with the steps that lead there.
pub fn check(faults: Faults) -> usize {
    let protocol = Protocol {
        missing: None,
        faults,
    };
    let checked = protocol.checker().threads(THREADS).spawn_bfs().join();
    checked.assert_properties();
    checked.unique_state_count()
}

/// The steps by which the protocol without one of its guards breaks this promise; `None` if these
/// faults never lead there.
pub fn find_breach(missing: Missing, faults: Faults, promise: &'static str) -> Option<String> {
    let protocol = Protocol {
        missing: Some(missing),
        faults,
    };
    let enough = HasDiscoveries::AnyOf([promise].into());
    let checker = protocol.checker().threads(THREADS).finish_when(enough);
    let path = checker.spawn_bfs().join().discovery(promise)?;
    Some(format!("{:?}", path.into_actions()))
}

const THREADS: usize = 2;

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(self.faults)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.possible(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        self.after(last, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(self.faults)
    }
}
