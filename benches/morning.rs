//! A lecture hall arrives and moves about, at 80 % of what the server can do: everybody gets in, and
//! memory stays flat.
//!
//! First what it can do is found out: full EAP-TTLS/PAP log-ons with 64 under way at any time. Then
//! `portvakt-load --scenario morning`, 20 seconds or with `PORTVAKT_LONG=1` ten minutes of it, and the
//! server's resident memory all the while. `cargo bench --profile dev --bench morning`

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

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use hall::Hall;
use portvakt_load::process;
use serde_json::Value;
use support::{common, hall, release};

const PEOPLE: usize = 5_000;
const SHARE: f64 = 0.8;

fn main() {
    release::build();
    let hall = Hall::start(Hall::setup(PEOPLE), PEOPLE);
    let most = log_ons_a_second(&hall.load_tunnelled(&["--in-flight", "64", "--for", "10"]));
    let rate = format!("{:.0}", most * SHARE);
    let (seconds, look) = match std::env::var_os("PORTVAKT_LONG") {
        Some(_) => ("600", Duration::from_secs(60)),
        None => ("20", Duration::from_secs(5)),
    };
    println!("full log-ons a second, at most {most:.0}; now {rate}");
    let words = ["--scenario", "morning", "--rate", &rate, "--for", seconds];
    let report = watched(&hall, look, || hall.load_tunnelled(&words));
    for phase in report["phases"].as_array().unwrap() {
        let class = &phase["classes"][0];
        println!(
            "{}: {} let in, wrong {}",
            phase["phase"], class["accepted"], class["wrong"]
        );
        println!("  latency in µs {}", class["latency"]);
    }
}

fn log_ons_a_second(report: &Value) -> f64 {
    let phase = &report["phases"][0];
    phase["classes"][0]["right"].as_f64().unwrap() / phase["seconds"].as_f64().unwrap()
}

/// Prints the server's memory again and again while `run` runs.
fn watched<T>(hall: &Hall, look: Duration, run: impl FnOnce() -> T) -> T {
    let (done, is_done) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let began = Instant::now();
            while is_done.recv_timeout(look) == Err(RecvTimeoutError::Timeout) {
                let usage = process::usage(hall.daemon.id()).unwrap();
                let (after, resident) = (began.elapsed().as_secs(), usage.resident as f64 / 1e6);
                println!("after {after:>3} s: {resident:.1} MB resident");
            }
        });
        let result = run();
        done.send(()).unwrap();
        result
    })
}
