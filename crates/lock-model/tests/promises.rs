//! The protocol keeps its promises, and none of its guards can be left out.

use portvakt_lock_model::promise::{HEARD, KEPT, LOCKED, ONCE, SIX, SIX_A_NODE, STRICT};
use portvakt_lock_model::{Faults, Missing, check, find_breach};

const CUTS: Faults = Faults {
    cuts: 2,
    crashes: 0,
    periods: 0,
};

#[test]
fn promises_hold_while_connections_break() {
    println!("{} states", check(CUTS));
}

#[test]
fn promises_hold_while_a_node_crashes() {
    let states = check(Faults {
        cuts: 1,
        crashes: 1,
        periods: 0,
    });
    println!("{states} states");
}

#[test]
fn promises_hold_while_locks_run_out() {
    let states = check(Faults {
        cuts: 1,
        crashes: 0,
        periods: 1,
    });
    println!("{states} states");
}

#[test]
fn each_guard_is_needed() {
    for (missing, promise) in [
        (Missing::TakingBeforeTelling, SIX),
        (Missing::TakingBeforeTelling, LOCKED),
        (Missing::MergeBeforeTaking, SIX_A_NODE),
        (Missing::TellingBeforeMerge, LOCKED),
        (Missing::JournalUntilCommit, KEPT),
        (Missing::MergedSequence, ONCE),
        (Missing::GrowingSequence, KEPT),
        (Missing::JournalOfUnderWay, KEPT),
        (Missing::LockInJournal, STRICT),
        (Missing::DatabaseCountKept, STRICT),
        (Missing::NewestRevision, HEARD),
    ] {
        let steps = find_breach(missing, CUTS, promise);
        let steps = steps.unwrap_or_else(|| panic!("without {missing:?} {promise} all the same"));
        println!("without {missing:?}: {steps}");
    }
}
