//! Cost of a log-on on top of the TLS handshake in it: EAP-TTLS with PAP beside a bare rustls
//! handshake with the same certificate, in full and resumed.
//!
//! Measured is processor time of the server's side alone, bare handshake and log-on in turn, medians.
//! Twice: the calls into `portvakt-eap`, on the clock of this thread; and the real server over
//! loopback, as the kernel accounts for its threads. Of the latter, `writers` is what the audit log
//! and the store take, and `RADIUS` what as many Status-Server packets cost as there are round trips:
//! sockets, signatures, waking up. `cargo bench --bench overhead`, with words of a row's name for that
//! row alone.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark stops at the first surprise"
)]

#[path = "overhead/bare.rs"]
mod bare;
#[path = "overhead/daemon.rs"]
mod daemon;
#[path = "overhead/log_on.rs"]
mod log_on;
#[path = "overhead/stopwatch.rs"]
mod stopwatch;
#[path = "support/mod.rs"]
mod support;

use portvakt_eap::TlsVersions;
use portvakt_testkit::supplicant::{Authority, ServerIdentity};
use stopwatch::median;
use support::{common, nas};

/// Log-ons of each kind that are measured in the crate, and before them those that are not.
const ROUNDS: usize = 1000;
const WARM_UP: usize = 100;

/// One row of the table.
pub(crate) struct Case<'a> {
    pub(crate) authority: &'a Authority,
    pub(crate) identity: &'a ServerIdentity,
    pub(crate) versions: TlsVersions,
    pub(crate) resumed: bool,
}

fn main() {
    let authority = Authority::new("Benchmark");
    let words = std::env::args().skip(1);
    let wanted: Vec<String> = words.filter(|word| !word.starts_with('-')).collect();
    println!(
        "{:<28}{:>7}{:>7}{:>7}{:>9}{:>7}{:>9}{:>9}{:>7}",
        "microseconds", "bare", "eap", "ratio", "server", "ratio", "writers", "RADIUS", "trips"
    );
    let keys = [
        ("P-256", authority.issue_server()),
        ("RSA-2048", authority.issue_rsa_server()),
    ];
    for (key, identity) in &keys {
        for (label, versions) in [
            ("1.2", TlsVersions::Tls12Only),
            ("1.3", TlsVersions::Tls13Only),
        ] {
            for (how, resumed) in [("full", false), ("resumed", true)] {
                let case = Case {
                    authority: &authority,
                    identity,
                    versions,
                    resumed,
                };
                let name = format!("{key}, TLS {label}, {how}");
                if wanted.iter().all(|word| name.contains(word)) {
                    print(&name, &case);
                }
            }
        }
    }
}

fn print(name: &str, case: &Case<'_>) {
    let (bare, eap) = in_the_crate(case);
    let server = daemon::measure(case);
    println!(
        "{name:<28}{bare:>7.1}{eap:>7.1}{:>7.2}{:>9.1}{:>7.2}{:>9.1}{:>9.1}{:>7}",
        eap / bare,
        server.log_on,
        server.log_on / bare,
        server.writers,
        server.radius,
        server.round_trips,
    );
}

/// Medians of a bare handshake and of a log-on, in microseconds.
fn in_the_crate(case: &Case<'_>) -> (f64, f64) {
    let (mut bare, mut log_on) = (bare::Pair::new(case), log_on::Pair::new(case));
    let (mut bares, mut log_ons) = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + ROUNDS {
        let times = (bare.handshake(), log_on.log_on());
        if round >= WARM_UP {
            bares.push(times.0);
            log_ons.push(times.1);
        }
    }
    (median(&mut bares), median(&mut log_ons))
}
