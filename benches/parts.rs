//! Cost of the parts of a log-on, each by itself, beside the floor below any program: the system
//! call, the digests, the keys. `cargo bench --bench parts`, with a word for those parts alone.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

#[path = "parts/contention.rs"]
mod contention;
#[path = "parts/conversations.rs"]
mod conversations;
#[path = "parts/limits.rs"]
mod limits;
#[path = "parts/locks.rs"]
mod locks;
#[path = "parts/packets.rs"]
mod packets;
#[path = "parts/passwords.rs"]
mod passwords;
#[path = "parts/shell.rs"]
mod shell;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use portvakt_auth::{AccountId, Now, Tick};

pub(crate) fn at(elapsed: Duration) -> Now {
    Now {
        tick: Tick::after_start(elapsed),
        utc: "2026-10-01T12:00:00Z".parse::<Timestamp>().unwrap(),
    }
}

pub(crate) fn id(index: usize) -> AccountId {
    AccountId::new(&format!("p{index:06}")).unwrap()
}

fn all(c: &mut Criterion) {
    limits::measure(c);
    packets::measure(c);
    locks::measure(c);
    passwords::measure(c);
    conversations::measure(c);
    shell::measure(c);
}

criterion_group!(parts, all);
criterion_main!(parts);
