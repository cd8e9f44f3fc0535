//! Health of the server: a check for each part that can fail.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::policy::Expiry;
use crate::state::State;
use portvakt_directory::{Directory, OpenDirectory, ServerState};
use portvakt_directory::{ReplicaState, ReplicaStatus};
use portvakt_store::StoreHealth;

/// State of the parts of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// A check for each part that can fail.
    pub checks: Vec<Check>,
}

/// The state of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Name of the part: `store`, `audit`, `certificate` …
    pub name: &'static str,
    /// Name of the directory, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Whether the part works.
    pub ok: bool,
    /// The fault, in a sentence; empty if there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Health {
    /// Whether all parts work.
    pub fn is_ok(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }
}

/// Checks all parts.
pub(super) fn health(state: &State) -> Health {
    let store = state.store.health();
    let audit = state.audit.health().failure;
    let (policy, now) = (state.policy.load(), Timestamp::now());
    let expired = past(&policy.expiries.chains, now);
    let stale = match policy.expiries.lists_refuse {
        true => past(&policy.expiries.revocation_lists, now),
        false => String::new(),
    };
    let check = |name, ok, detail: String| Check {
        name,
        directory: None,
        ok,
        detail,
    };
    Health {
        checks: [
            check("store", store.is_ok(), store_fault(&store)),
            check("clock", true, clock_warning(&store)),
            check("audit", audit.is_none(), audit.unwrap_or_default()),
            check(
                "certificate",
                expired.is_empty(),
                match expired.is_empty() {
                    true => String::new(),
                    false => format!("expired; devices refuse it: {expired}"),
                },
            ),
            check(
                "revocation",
                stale.is_empty(),
                match stale.is_empty() {
                    true => String::new(),
                    false => format!(
                        "a list should have been replaced; client certificates are refused: \
                             {stale}"
                    ),
                },
            ),
        ]
        .into_iter()
        .chain(directory_checks(&state.directories))
        .collect(),
    }
}

/// A warning of a clock that is off; nothing fails by it.
fn clock_warning(store: &StoreHealth) -> String {
    match store.clock_is_off() {
        false => String::new(),
        true => format!(
            "this machine is {} s from the time of the database; have both set by NTP",
            store.clock_offset_ms / 1000
        ),
    }
}

/// The fault of the store in a sentence; empty if there is none.
fn store_fault(store: &StoreHealth) -> String {
    let error = store.last_error.as_deref();
    match store.alone_since {
        _ if store.is_ok() => String::new(),
        Some(since) => format!(
            "alone since {since}: the database takes no outcomes of log-ons ({}); this server counts by \
             itself, {} changes of locks are in its journal and are merged when the database is back",
            error.unwrap_or("no answer"),
            store.journalled
        ),
        None => format!(
            "the disk refuses ({}); {} locks are in memory only and are written as soon as it recovers",
            error.unwrap_or("a commit hangs"),
            store.locks_waiting
        ),
    }
}

/// Each directory that is asked over the network, and its mirror; with its name if there are more.
fn directory_checks(directories: &[OpenDirectory]) -> Vec<Check> {
    let has_name = directories.len() > 1;
    let of = |open: &OpenDirectory| {
        let directory = &open.directory;
        let checks = servers_check(directory.as_ref()).into_iter();
        let mirror = directory.replica();
        let checks = checks.chain(mirror.map(|mirror| mirror_check(&mirror.status())));
        let named = checks.map(|check| Check {
            directory: has_name.then(|| open.name.clone()),
            ..check
        });
        named.collect::<Vec<_>>()
    };
    directories.iter().flat_map(of).collect()
}

/// Whether a directory can be asked, or need not be.
fn servers_check(directory: &dyn Directory) -> Option<Check> {
    let servers = directory.servers();
    let has_mirror = directory.replica().is_some_and(|mirror| mirror.is_in_use());
    let is_missed = all_down(&servers) && !has_mirror;
    let mut detail = downs(&servers);
    if is_missed {
        detail += &grace(directory.grace());
    }
    (!servers.is_empty()).then_some(Check {
        name: "directory",
        directory: None,
        ok: !is_missed,
        detail,
    })
}

/// A mirror that is in use is well, though it may have something to say.
fn mirror_check(reading: &ReplicaStatus) -> Check {
    Check {
        name: "mirror",
        directory: None,
        ok: reading.state != ReplicaState::TooOld && reading.disk.is_none(),
        detail: reading.in_words(),
    }
}

/// Whether there are servers of a directory, and none of them can be asked.
fn all_down(servers: &[ServerState]) -> bool {
    !servers.is_empty() && servers.iter().all(|server| server.down.is_some())
}

/// Which servers of the directory can't be asked, since when and why not.
fn downs(servers: &[ServerState]) -> String {
    let downs = servers.iter().filter_map(|server| {
        let (since, why) = server.down.as_ref()?;
        Some(format!("{} for {} s: {why}", server.name, since.as_secs()))
    });
    downs.collect::<Vec<_>>().join("; ")
}

/// The names of what has ended.
fn past(ends: &[Expiry], now: Timestamp) -> String {
    let past = ends.iter().filter(|end| end.at <= now);
    let names: Vec<_> = past.map(|end| end.name.as_str()).collect();
    names.join(", ")
}

/// Log-ons that go on while a directory without a mirror is away.
fn grace(grace: Duration) -> String {
    match grace.as_secs() {
        0 => String::new(),
        seconds => format!(
            "; remembered log-ons go on for {seconds} s after the directory last told of the account"
        ),
    }
}
