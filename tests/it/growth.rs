//! A large directory: it comes in whole, and a log-on does not notice it.

use std::time::{Duration, Instant};

use crate::common::{Daemon, Setup, text};
use crate::nas::{Nas, people};

const LOG_ONS: usize = 300;

/// Imports so many people through the command line into a running server.
fn import(daemon: &Daemon, count: usize) -> Duration {
    let ldif = daemon.write("many.ldif", &people::people(count));
    let began = Instant::now();
    let output = daemon.cli(&["account", "import", ldif.to_str().unwrap()]);
    let took = began.elapsed();
    assert!(output.status.success(), "{}", text(&output));
    let expected = format!("{count} new, 0 changed, 0 unchanged, 0 left out");
    assert!(text(&output).contains(&expected), "{}", text(&output));
    took
}

/// The median of many first log-ons, none of which is remembered.
fn median_log_on(daemon: &Daemon, count: usize) -> Duration {
    let nas: Nas = daemon.nas();
    let mut took: Vec<_> = (0..LOG_ONS)
        .map(|round| {
            let index = round * (count / LOG_ONS);
            let request = nas.pap(&people::name(index), &people::password(index));
            let began = Instant::now();
            let reply = nas.ask(&request);
            let took = began.elapsed();
            assert!(reply.is_accept(), "person {index}");
            took
        })
        .collect();
    took.sort();
    took[LOG_ONS / 2]
}

/// 100,000 accounts in the full run. Times are printed and judged by the reader.
#[test]
fn long_a_large_directory_comes_in_and_log_ons_do_not_notice() {
    let is_long = std::env::var_os("PORTVAKT_LONG").is_some();
    let sizes = if is_long {
        [1000, 100_000]
    } else {
        [500, 5000]
    };
    for count in sizes {
        let mut daemon = Setup::new().people("").start();
        let took = import(&daemon, count);
        let running = median_log_on(&daemon, count);
        let began = Instant::now();
        daemon.restart();
        let restart = began.elapsed();
        let restarted = median_log_on(&daemon, count);
        println!(
            "{count} accounts: imported in {took:.2?}, restarted in {restart:.2?}; median log-on \
             {running:?}, after the restart {restarted:?}"
        );
        let listed = daemon.cli(&["account", "list", "--limit", "1"]);
        let more = format!("and {} more", count - 1);
        assert!(text(&listed).contains(&more), "{}", text(&listed));
    }
}
