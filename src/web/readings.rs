//! Readings of the parts of the server for the metrics page.

use jiff::Timestamp;

use crate::access::Access;
use crate::metrics::{MirrorReading, MirrorState, Readings};
use crate::policy::Expiry;
use portvakt_directory::OpenDirectory;
use portvakt_directory::ReplicaState;

/// Reads all parts.
pub(super) fn readings(access: &Access) -> Readings {
    let state = &access.state;
    let now = state.clock.now();
    let store = state.store.health();
    let policy = state.policy.load();
    let expiries = &policy.expiries;
    let days_left = |ends: &[Expiry]| {
        let left = |end: &Expiry| (end.name.clone(), days_between(now.utc, end.at));
        ends.iter().map(left).collect()
    };
    Readings {
        locked_accounts: state.locks.locked(now.tick),
        lock_records: [state.locks.len(), state.locks.capacity()],
        conversations: access.conversations.len(),
        hash_queue: access.hash_pool.load().waiting,
        store_healthy: store.is_ok(),
        store_waiting: store.locks_waiting + store.entries_waiting,
        store_alone: store.alone_since.is_some(),
        store_journalled: store.journalled,
        store_outcomes_dropped: store.outcomes_dropped,
        store_clock_offset: std::time::Duration::from_millis(store.clock_offset_ms.unsigned_abs())
            .as_secs_f64()
            .copysign(if store.clock_offset_ms < 0 { -1.0 } else { 1.0 }),
        live_sessions: state.store.live().len(),
        sessions_beyond_memory: store.sessions_beyond_memory,
        audit_dropped: state.audit.health().dropped,
        registry_persons: state.registry.len(),
        registry_news_days_left: (state.registry.silent_from())
            .map(|from| days_between(now.utc, from)),
        certificate_days_left: expiries
            .of_default_chain()
            .map(|ends| days_between(now.utc, ends)),
        chain_days_left: days_left(&expiries.chains),
        revocation_list_days_left: days_left(&expiries.revocation_lists),
        mirrors: mirrors(&state.directories),
    }
}

fn mirrors(directories: &[OpenDirectory]) -> Vec<MirrorReading> {
    let reading = |open: &OpenDirectory| {
        let status = open.directory.replica()?.status();
        Some(MirrorReading {
            directory: open.name.clone(),
            state: match status.state {
                ReplicaState::Loading => MirrorState::Loading,
                ReplicaState::Current => MirrorState::Current,
                ReplicaState::Away => MirrorState::Away,
                ReplicaState::TooOld => MirrorState::TooOld,
            },
            age: status.age,
            accounts: status.accounts,
            not_understood: status.not_understood,
            changes: status.changes,
            loads: status.loads,
            failures: status.failures,
        })
    };
    directories.iter().filter_map(reading).collect()
}

/// Whole days from `now` until `then`, rounded down; negative once it has passed.
fn days_between(now: Timestamp, then: Timestamp) -> i64 {
    (then.as_second() - now.as_second()).div_euclid(24 * 60 * 60)
}
