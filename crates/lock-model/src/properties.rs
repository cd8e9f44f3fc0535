//! The promises of the protocol as properties of states.

use stateright::Property;

use crate::Faults;
use crate::protocol::Protocol;
use crate::state::{Change, Guess, LIMIT, Mode, Phase, State, Verdict};

use crate::promise::{HEARD, KEPT, LOCKED, ONCE, SIX, SIX_A_NODE, STRICT};

pub(crate) fn all(faults: Faults) -> Vec<Property<Protocol>> {
    let mut all = vec![
        Property::always(SIX, |_, state| tells_the_limit_at_most(state)),
        Property::always(SIX_A_NODE, |_, state: &State| {
            state.nodes.iter().all(|node| node.wrong_told <= LIMIT)
        }),
        Property::always(LOCKED, |_, state: &State| !state.breaches.right_under_lock),
        Property::always(KEPT, |_, state| keeps_told_failures(state)),
        Property::always(STRICT, |_, state: &State| !state.breaches.weaker_merge),
        Property::always(ONCE, |_, state: &State| !state.breaches.counted_twice),
        Property::always(HEARD, |_, state: &State| !state.breaches.lock_unheard),
        // That the runs go where it matters.
        Property::sometimes("a merge locks", |_, state| merge_locks(state)),
        Property::sometimes(
            "a request is committed after its node gave up",
            |_, state| committed_late(state),
        ),
    ];
    if faults.cuts > 1 {
        let both =
            |_: &Protocol, state: &State| state.nodes.iter().all(|node| node.mode == Mode::Alone);
        all.push(Property::sometimes("both nodes are alone", both));
    }
    all
}

fn tells_the_limit_at_most(state: &State) -> bool {
    let windows = state.guesses.iter().filter_map(|guess| match guess.phase {
        Phase::ToldTaken { window, .. } => Some(window),
        _ => None,
    });
    let windows: Vec<u8> = windows.collect();
    let told = |window| windows.iter().filter(|told| **told == window).count();
    windows.iter().all(|window| told(*window) <= LIMIT.into())
}

fn keeps_told_failures(state: &State) -> bool {
    let count = state.database.count.at(state.now);
    let counted = state
        .guesses
        .iter()
        .filter(|guess| is_counted(state, guess));
    let are_counted = count.is_locked || counted.count() <= count.failures.into();
    are_counted && (0..state.guesses.len()).all(|guess| is_somewhere(state, guess))
}

/// Whether this failure was told and belongs to the count that the database has now.
fn is_counted(state: &State, guess: &Guess) -> bool {
    let window = match guess.phase {
        Phase::ToldTaken {
            verdict: Verdict::Wrong,
            window,
        } => Some(window),
        Phase::ToldAlone(Verdict::Wrong) if !guess.is_cleared => guess.merged_in,
        _ => None,
    };
    guess.period == state.now && window == Some(state.database.window)
}

/// Whether a failure told by a node alone is in its journal or was merged.
fn is_somewhere(state: &State, index: usize) -> bool {
    let guess = &state.guesses[index];
    if guess.phase != Phase::ToldAlone(Verdict::Wrong) || guess.is_cleared {
        return true;
    }
    let own = |change| matches!(change, Change::Failure { guess, .. } if guess == index);
    let mut journal = state.nodes[guess.node].journal.iter();
    guess.period != state.now || guess.merged_in.is_some() || journal.any(|entry| own(entry.change))
}

fn merge_locks(state: &State) -> bool {
    let merged = state.guesses.iter().any(|guess| guess.merged_in.is_some());
    merged && state.database.count.is_locked
}

/// Whether a node has told of a failure by itself, and the database has taken it as well.
fn committed_late(state: &State) -> bool {
    let mut guesses = state.guesses.iter();
    let is_alone = |guess: &Guess| guess.phase == Phase::ToldAlone(Verdict::Wrong);
    let others = state.guesses.iter().filter(|guess| guess.waits()).count();
    others == 2
        && guesses.any(|guess| is_alone(guess) && guess.merged_in.is_none())
        && state.database.count.failures == 1
}
