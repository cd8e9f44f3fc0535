//! Accounting: throughput, processor time and waiting beside FreeRADIUS with its detail file; then
//! 100,000 live sessions: memory, look-up, start.
//!
//! ```text
//! cargo bench --profile dev --bench accounting            # 40,000 records, three runs of each
//! cargo bench --profile dev --bench accounting -- live    # live sessions alone
//! ```
//!
//! The release build, and Debian's freeradius. The records are made before the clock runs, and are the
//! same for both: Starts, two rounds of Interim-Updates, Stops. Portvakt's answer says that the record
//! is synced to the disk; FreeRADIUS' says that it was written to a file, which a power cut may lose.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark stops at the first surprise"
)]

#[path = "accounting/freeradius.rs"]
mod freeradius;
#[path = "accounting/records.rs"]
mod records;
#[path = "support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use common::{Daemon, Setup};
use portvakt::accounts::SessionSearch;
use portvakt::admin::{Client, Request, Response};
use portvakt_load::process::usage;
use records::{Records, drive};
use support::{common, release};

/// Sessions of a run, of four records each.
const SESSIONS: usize = 10_000;
const RUNS: usize = 3;
const LIVE: usize = 100_000;
const LOOK_UPS: usize = 500;

fn main() {
    release::build();
    let only_live = std::env::args().any(|word| word == "live");
    if !only_live {
        compare();
    }
    live();
}

fn setup() -> Setup {
    Setup::new()
        .people("")
        .set("accounting", "listen", "[\"127.0.0.1:0\"]")
        .set("accounting", "max-sessions", "200000")
        .server(vec![release::program().into()])
}

fn compare() {
    println!(
        "{:<12}{:>12}{:>14}{:>10}{:>10}",
        "", "records/s", "µs a record", "p50 ms", "p99 ms"
    );
    let daemon = setup().start();
    let freeradius = freeradius::start();
    for run in 0..=RUNS {
        let records = Records::of(run * SESSIONS..(run + 1) * SESSIONS);
        let theirs = measure(freeradius.address(), freeradius.id(), &records);
        let ours = measure(daemon.accounting_address(), daemon.id(), &records);
        // The first run warms both up.
        if run > 0 {
            theirs.print("FreeRADIUS");
            ours.print("Portvakt");
        }
    }
    println!("{:<12}{:>12} sent again", "", records::sent_again());
}

struct Figures {
    per_second: f64,
    cpu_us: f64,
    waits: Vec<Duration>,
}

impl Figures {
    fn print(&self, name: &str) {
        let wait = |percent: usize| {
            let place = self.waits.len() * percent / 100;
            self.waits[place.min(self.waits.len() - 1)].as_secs_f64() * 1e3
        };
        println!(
            "{name:<12}{:>12.0}{:>14.1}{:>10.2}{:>10.2}",
            self.per_second,
            self.cpu_us,
            wait(50),
            wait(99)
        );
    }
}

fn measure(address: SocketAddr, id: u32, records: &Records) -> Figures {
    let cpu = || usage(id).unwrap().cpu;
    let (before, began) = (cpu(), Instant::now());
    let mut waits: Vec<_> = records
        .rounds
        .iter()
        .flat_map(|round| drive(address, round))
        .collect();
    let (took, spent) = (began.elapsed(), cpu() - before);
    waits.sort_unstable();
    let count = waits.len() as f64;
    Figures {
        per_second: count / took.as_secs_f64(),
        cpu_us: spent.as_secs_f64() * 1e6 / count,
        waits,
    }
}

/// Live sessions: what they take, how long they are looked for, how long a start takes with them.
fn live() {
    let mut daemon = setup().start();
    let resident = |daemon: &Daemon| usage(daemon.id()).unwrap().resident;
    let before = resident(&daemon);
    let records = Records::of(0..LIVE);
    for round in &records.rounds[..2] {
        drive(daemon.accounting_address(), round);
    }
    let sessions = daemon.metric("portvakt_live_sessions");
    assert_eq!(sessions, LIVE as f64);
    let octets = (resident(&daemon) - before) as f64 / sessions;
    println!("\n{sessions} live sessions, {octets:.0} octets of memory each");
    let file = std::fs::metadata(daemon.path("data/portvakt.db")).unwrap();
    println!("{:.0} octets on disk each", file.len() as f64 / sessions);
    look_up(&daemon);
    daemon.terminate();
    let began = Instant::now();
    daemon.restart();
    let took = began.elapsed().as_secs_f64();
    let restored = daemon.metric("portvakt_live_sessions");
    println!("start with {restored} live sessions in {took:.2} s");
}

fn look_up(daemon: &Daemon) {
    let mut client = Client::connect(&daemon.path("data/control.sock")).unwrap();
    let mut ask = |by: &str, search: fn(usize) -> SessionSearch| {
        let mut times = Vec::new();
        for step in 0..LOOK_UPS {
            let request = Request::Sessions(search(step * LIVE / LOOK_UPS));
            let began = Instant::now();
            let found = client.request(&request, &mut std::io::empty(), |_| {});
            times.push(began.elapsed());
            let Ok(Response::Sessions(found)) = found else {
                panic!("{found:?}");
            };
            assert_eq!(found.sessions.len(), 1);
        }
        times.sort_unstable();
        let micros = |place: usize| times[place].as_secs_f64() * 1e6;
        let (median, worst) = (micros(LOOK_UPS / 2), micros(LOOK_UPS * 99 / 100));
        println!("look-up {by}: {median:.0} µs, 99 of 100 within {worst:.0} µs");
    };
    ask("by address", |number| SessionSearch {
        address: Some(records::address(number).into()),
        limit: 10,
        ..SessionSearch::default()
    });
    ask("by device", |number| SessionSearch {
        mac: Some(records::station(number)),
        limit: 10,
        ..SessionSearch::default()
    });
}
