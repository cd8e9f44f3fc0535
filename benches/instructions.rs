//! How many instructions the server spends on a log-on, held against `instructions.toml`: unlike
//! times they hardly depend on what else the machine does. `tests/instructions` runs it.
//!
//! The release build runs under valgrind with one receiving thread, and is asked one request at a
//! time. Counted is everything that the process does in user mode: receiving, deciding, audit log,
//! store. A run without log-ons is subtracted; it has the start and everybody's first log-on in it.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark stops at the first surprise"
)]

#[path = "instructions/cases.rs"]
mod cases;
#[path = "instructions/figures.rs"]
mod figures;
#[path = "support/mod.rs"]
mod support;
#[path = "instructions/valgrind.rs"]
mod valgrind;

use std::process::ExitCode;

use cases::Case;
use figures::{Figures, Machine};
use support::{common, nas, release};

/// A change by more than this is told; a rise is an error.
const TOLERANCE_PERCENT: f64 = 5.0;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == valgrind::TELL_FEATURES) {
        println!("{}", valgrind::features());
        return ExitCode::SUCCESS;
    }
    let machine = Machine::here();
    println!("{machine}");
    let measured = measure();
    let mut figures = Figures::read();
    let is_asked_to_record = words.iter().any(|word| word == "--record");
    match figures.of(&machine) {
        Some(recorded) if !is_asked_to_record => compare(recorded, &measured),
        known => {
            if known.is_none() {
                println!(
                    "NOT CHECKED: {} has no figures of such a machine.",
                    figures::FILE
                );
            }
            figures.record(&machine, measured);
            println!("Recorded in {}: commit it, and say why.", figures::FILE);
            ExitCode::SUCCESS
        }
    }
}

/// Instructions for one log-on of each kind.
fn measure() -> Vec<(&'static str, u64)> {
    release::build();
    let idle = valgrind::count(None);
    let cost = |case: &Case| (valgrind::count(Some(case)) - idle) / case.log_ons;
    let measured = Case::ALL.iter().map(|case| (case.name, cost(case)));
    measured.collect()
}

fn compare(recorded: &[(String, u64)], measured: &[(&'static str, u64)]) -> ExitCode {
    println!(
        "{:<20}{:>12}{:>12}{:>9}",
        "instructions", "now", "recorded", "change"
    );
    let mut ending = ExitCode::SUCCESS;
    for &(name, now) in measured {
        let known = recorded.iter().find(|(known, _)| known == name);
        let Some(&(_, before)) = known else {
            println!("{name:<20}{now:>12}{:>12}  record it", "none");
            ending = ExitCode::FAILURE;
            continue;
        };
        let percent = (now as f64 / before as f64 - 1.0) * 100.0;
        println!("{name:<20}{now:>12}{before:>12}{percent:>+8.1}%");
        if percent > TOLERANCE_PERCENT {
            println!("  MORE than before. See where, here and with the figure's commit:");
            let profile = valgrind::profile(name);
            println!("    callgrind_annotate {}-*", profile.display());
            println!("  If it is worth that: tests/instructions --record");
            ending = ExitCode::FAILURE;
        } else if percent < -TOLERANCE_PERCENT {
            println!("  Less than before. So that it stays: tests/instructions --record");
        }
    }
    ending
}
