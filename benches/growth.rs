//! Cost of a log-on, and the server's memory, as everything grows that can grow:
//! accounts, locks, open conversations, clients, and names that nobody has.
//!
//! The release build, asked by `portvakt-load`; processor time is the server's. `cargo bench
//! --profile dev --bench growth`, with a word of a step's title for that step alone; with
//! `PORTVAKT_LONG=1` up to a million.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark stops at the first surprise"
)]

#[path = "support/mod.rs"]
mod support;

use std::sync::mpsc;
use std::time::Duration;

use hall::Hall;
use jiff::Timestamp;
use nas::EapSession;
use portvakt_auth::{AccountId, StoredLock};
use portvakt_store::{DataFolder, LockStore as _, SqliteStore, Store as _};
use portvakt_testkit::supplicant::Supplicant;
use support::{common, hall, nas, release};

/// Accounts where it is not they that grow.
const USUAL: usize = 10_000;

/// A title, the counts, and how a server with so much of it is measured.
type Step = (&'static str, [usize; 4], fn(usize));

const STEPS: [Step; 5] = [
    ("accounts", [1_000, 10_000, 100_000, 1_000_000], accounts),
    (
        "locked accounts",
        [1_000, 10_000, 100_000, 1_000_000],
        locked,
    ),
    (
        "open conversations",
        [100, 1_000, 10_000, 50_000],
        conversations,
    ),
    ("clients", [1, 100, 1_000, 10_000], clients),
    (
        "names that nobody has",
        [10_000, 100_000, 200_000, 400_000],
        strangers,
    ),
];

fn main() {
    release::build();
    let words = std::env::args().skip(1);
    let wanted: Vec<String> = words.filter(|word| !word.starts_with('-')).collect();
    for (title, counts, measure) in STEPS {
        if !wanted.iter().all(|word| title.contains(word)) {
            continue;
        }
        println!("\n{title:>21}{:>16}{:>16}", "µs a log-on", "resident MB");
        let is_long = std::env::var_os("PORTVAKT_LONG").is_some();
        let counts = &counts[..if is_long { 4 } else { 3 }];
        counts.iter().for_each(|&count| measure(count));
    }
}

fn accounts(count: usize) {
    Hall::start(Hall::setup(count), count)
        .log_ons()
        .print(count);
}

/// Records of six failures each, as they come out of the store at the start.
fn locked(count: usize) {
    let mut setup = Hall::setup(USUAL);
    setup.prepare();
    let folder = DataFolder::take(&setup.path("data")).unwrap();
    let store = SqliteStore::open(folder, None).unwrap();
    let now = Timestamp::now();
    let (done, written) = mpsc::channel();
    for index in 0..count {
        let lock = StoredLock {
            id: AccountId::new(&format!("locked{index:07}")).unwrap(),
            failures: 6,
            last_failure: now,
            locked_until: Some(now + Duration::from_secs(30 * 60)),
            revision: index as u64 + 1,
        };
        let done = done.clone();
        store.record_lock(lock, Some(Box::new(move |_| done.send(()).unwrap())));
        if index % 1000 == 999 {
            written.iter().take(1000).for_each(drop);
        }
    }
    store.close();
    Hall::start(setup, USUAL).log_ons().print(count);
}

/// Each in the middle of its handshake: certificate sent, the device has not come back. The row is of
/// so many as are still open in the end: the longest timeout there is may be over for the first.
fn conversations(count: usize) {
    let setup = Hall::setup(USUAL)
        .set("radius", "max-conversations", "200000")
        .set("radius", "conversation-timeout", "\"2m\"");
    let hall = Hall::start(setup, USUAL);
    let nas = hall.daemon.nas();
    let profile = hall.daemon.profile("p000001", "wrong");
    for index in 0..count {
        let device = Supplicant::new(profile.clone());
        let station = format!("02-00-00-{index:08x}");
        let session = EapSession::new(&nas, device, "anonymous@campus.example");
        let mut session = session.of_station(&station);
        session.step();
        session.step();
    }
    let figures = hall.log_ons();
    let open = hall.daemon.metric("portvakt_conversations");
    figures.print(open);
}

/// One of them asks; the others are there to be searched.
fn clients(count: usize) {
    let mut setup = Hall::setup(USUAL);
    for index in 1..count {
        let net = format!("10.{}.{}.1", index / 250, index % 250);
        setup.add_client(&format!("ap-{index}"), &net, "");
    }
    Hall::start(setup, USUAL).log_ons().print(count);
}

/// So many log-ons in all, each under another name, far more than can be checked; then those of the
/// people again.
fn strangers(count: usize) {
    let hall = Hall::start(Hall::setup(USUAL), USUAL);
    hall.flood(count);
    hall.log_ons().print(count);
}
