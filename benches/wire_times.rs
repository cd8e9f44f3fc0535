//! Whether a NAS can tell an unknown user from a wrong password by the time of the Reject (P5).
//!
//! Both are asked in turn, one at a time: with the delay of rejects as in production, only shorter,
//! and without any, where the bare work shows. Printed are both distributions and how far apart
//! they are (Kolmogorov–Smirnov). `cargo bench --bench wire_times`

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark stops at the first surprise"
)]

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/nas/mod.rs"]
mod nas;

use std::time::{Duration, Instant};

use common::{Daemon, Setup};
use nas::Nas;

/// Never locked, so that it can be guessed at without end.
const KNOWN: &str = "eduroam-test";
const UNKNOWN: &str = "eduroam-tess";
/// The distance that chance alone exceeds once in 100 runs, but for the root of (n+m)/(n·m).
const CHANCE: f64 = 1.628;

struct Setting {
    in_tunnel: bool,
    reject_delay: &'static str,
    rounds: usize,
}

const SETTINGS: [Setting; 4] = [
    Setting {
        in_tunnel: false,
        reject_delay: "300ms",
        rounds: 100,
    },
    Setting {
        in_tunnel: false,
        reject_delay: "0s",
        rounds: 400,
    },
    Setting {
        in_tunnel: true,
        reject_delay: "300ms",
        rounds: 50,
    },
    Setting {
        in_tunnel: true,
        reject_delay: "0s",
        rounds: 200,
    },
];

fn main() {
    for setting in SETTINGS {
        let (known, unknown) = measure(&setting);
        print(&setting, &known, &unknown);
    }
}

/// The times of a wrong password and of an unknown user, sorted.
fn measure(setting: &Setting) -> (Vec<Duration>, Vec<Duration>) {
    let daemon = start(setting);
    let nas = daemon.nas();
    let time = |user: &str, round: usize| {
        let password = format!("wrong-{round}");
        match setting.in_tunnel {
            true => time_in_tunnel(&daemon, &nas, user, &password),
            false => time_of_reject(&nas, user, &password),
        }
    };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    time(KNOWN, 0);
    for round in 0..setting.rounds {
        // Who goes first changes, so that neither always follows the other.
        if round % 2 == 0 {
            known.push(time(KNOWN, round));
            unknown.push(time(UNKNOWN, round));
        } else {
            unknown.push(time(UNKNOWN, round));
            known.push(time(KNOWN, round));
        }
    }
    known.sort();
    unknown.sort();
    (known, unknown)
}

/// The cost of hashes is the product's default, not that of the tests.
fn start(setting: &Setting) -> Daemon {
    Setup::new()
        .set(
            "radius",
            "reject-delay",
            &format!("\"{}\"", setting.reject_delay),
        )
        .set("passwords", "argon2-memory", "\"19MiB\"")
        .set("passwords", "argon2-iterations", "2")
        .start()
}

fn time_of_reject(nas: &Nas, user: &str, password: &str) -> Duration {
    let request = nas.pap(user, password);
    let began = Instant::now();
    let reply = nas.ask(&request);
    let took = began.elapsed();
    assert!(reply.is_reject());
    took
}

/// The round trip that ends in the Reject: the one that carries the password.
fn time_in_tunnel(daemon: &Daemon, nas: &Nas, user: &str, password: &str) -> Duration {
    let mut device = daemon.device(nas, user, password);
    loop {
        let request = device.request();
        let began = Instant::now();
        let reply = nas.ask(&request);
        let took = began.elapsed();
        if reply.is_reject() {
            return took;
        }
        device.take(&reply);
    }
}

fn print(setting: &Setting, known: &[Duration], unknown: &[Duration]) {
    let method = if setting.in_tunnel { "TTLS/PAP" } else { "PAP" };
    let (delay, rounds) = (setting.reject_delay, setting.rounds);
    println!("\n{method}, reject-delay {delay}, 20 % of jitter; {rounds} each, milliseconds");
    let columns = ["min", "p10", "median", "p90", "max"].map(|name| format!("{name:>9}"));
    println!("{:<16}{}", "", columns.concat());
    for (name, times) in [("wrong password", known), ("unknown user", unknown)] {
        let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
        let row = [0, 10, 50, 90, 100].map(|percent| format!("{:>9.3}", at(percent)));
        println!("{name:<16}{}", row.concat());
    }
    let distance = distance(known, unknown);
    let threshold = CHANCE * (2.0 / rounds as f64).sqrt();
    let verdict = match distance < threshold {
        true => "they can't be told apart",
        false => "THEY CAN BE TOLD APART",
    };
    println!("Kolmogorov-Smirnov: {distance:.3}, by chance up to {threshold:.3}: {verdict}");
}

/// The largest difference of the two distributions; both are sorted.
fn distance(one: &[Duration], other: &[Duration]) -> f64 {
    let share = |times: &[Duration], most: &Duration| {
        times.partition_point(|time| time <= most) as f64 / times.len() as f64
    };
    let apart = |time: &Duration| (share(one, time) - share(other, time)).abs();
    one.iter().chain(other).map(apart).fold(0.0, f64::max)
}
