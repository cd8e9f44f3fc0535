//! FreeRADIUS and Portvakt on this machine, side by side. `benches/compare/run` installs what it
//! needs and runs it; docs/compare.md says what is measured and how each side is configured.

#[path = "compare/mod.rs"]
mod compare;
#[path = "support/mod.rs"]
mod support;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::Parser;
use compare::cases::{CASES, Case};
use compare::table::{self, Row, Verdict};
use compare::{Extent, report};
use signal_hook::consts::{SIGINT, SIGTERM};
use support::{common, nas};

/// Compare FreeRADIUS and Portvakt on this machine
#[derive(Parser)]
struct Options {
    /// Runs of each server for each row
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pairs: u16,
    /// Seconds of each run
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    seconds: f64,
    /// People, where their passwords are quickly checked
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    people: usize,
    /// Only these rows
    #[arg(long, value_name = "ROW,…", value_delimiter = ',', value_parser = case)]
    only: Vec<&'static Case>,
    /// Name the rows and do nothing
    #[arg(long)]
    list: bool,
    /// The option that cargo gives every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn case(id: &str) -> Result<&'static Case, String> {
    let known = CASES.iter().find(|case| case.id == id);
    known.ok_or_else(|| "no such row: --list names them".to_owned())
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.list {
        for case in CASES {
            println!("{:<20}{}", case.id, case.title);
        }
        return ExitCode::SUCCESS;
    }
    let rows = measure(&options);
    println!("\n{}", table::markdown(&rows));
    match write(&options, &rows) {
        Ok(()) if rows.iter().all(|row| row.verdict() != Verdict::Failed) => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Vec<Row<'static>> {
    let extent = Extent {
        pairs: options.pairs.into(),
        seconds: options.seconds,
        people: options.people,
        stopped: Arc::default(),
    };
    for signal in [SIGINT, SIGTERM] {
        let _ = signal_hook::flag::register(signal, Arc::clone(&extent.stopped));
    }
    let all = || CASES.iter().collect();
    let wanted: Vec<&Case> = Some(options.only.clone())
        .filter(|only| !only.is_empty())
        .unwrap_or_else(all);
    let goes_on = |_: &&Case| !extent.stopped.load(Ordering::Relaxed);
    let wanted = wanted.into_iter().take_while(goes_on);
    wanted.map(|case| row(case, &extent)).collect()
}

fn row(case: &'static Case, extent: &Extent) -> Row<'static> {
    println!("{}", case.title);
    let outcome = compare::compare(case, extent, |server, figures| {
        println!(
            "  {server:<11}{:>9.1} µs{:>9.0}/s",
            figures.cpu_us, figures.per_second
        );
    });
    if let Err(why) = &outcome {
        println!("  FAILED: {why}");
    }
    Row { case, outcome }
}

/// The raw figures always; the table of docs/compare.md only from a whole run, so that what it shows is of one.
fn write(options: &Options, rows: &[Row<'_>]) -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let json = root.join("target/compare.json");
    std::fs::write(&json, report::json(rows)?)?;
    println!("The figures of each run: {}", json.display());
    if rows.len() < CASES.len() || options.pairs < 5 {
        println!("docs/compare.md is written by whole runs alone.");
        return Ok(());
    }
    let page_path = root.join("docs/compare.md");
    let page = std::fs::read_to_string(&page_path)?;
    let block = report::block(rows, options.pairs, options.seconds);
    let page = table::into_page(&page, &block).map_err(std::io::Error::other)?;
    std::fs::write(page_path, page)
}
