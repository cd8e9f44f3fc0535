//! `portvakt-load`: runs the load that its options describe and prints the report.
//!
//! Exit codes: 0 every log-on ended as it should, 1 some did not or the run failed, 2 a mistake on
//! the command line.

use std::process::ExitCode;

use clap::Parser as _;
use indicatif::{ProgressBar, ProgressStyle};
use portvakt_load::{LoadError, Options, Report};

fn main() -> ExitCode {
    // Memory holds passwords and the shared secret: no core dump of it is written.
    if let Err(error) = nix::sys::prctl::set_dumpable(false) {
        eprintln!("warning: core dumps can't be switched off: {error}");
    }
    match run(&Options::parse()) {
        Ok(report) if report.wrongs() == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("portvakt-load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs with a progress bar on the terminal, prints the report and writes its files.
fn run(options: &Options) -> Result<Report, LoadError> {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {msg} [{elapsed}]") {
        bar.set_style(style);
    }
    let report = options.run(|phase, ended, wrong| {
        bar.set_prefix(phase);
        bar.set_message(format!("{ended} log-ons, {wrong} wrong"));
        bar.tick();
    });
    bar.finish_and_clear();
    let report = report?;
    println!("{report}");
    options.write_files(&report)?;
    Ok(report)
}
