//! Cost of a log-on with SQLite and with PostgreSQL, and with three nodes on one database.
//!
//! The release build, asked by `portvakt-load`; database, nodes and load share this machine, so
//! three nodes do more together only where it has idle cores. Processor time is of all nodes, and
//! of the database's processes beside it. Latency is of one log-on at a time. `cargo bench
//! --profile dev --bench nodes`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark stops at the first surprise"
)]

#[path = "../crates/store/tests/cluster/mod.rs"]
mod cluster;
#[path = "support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::Instant;

use cluster::Cluster;
use common::{Daemon, SECRET, Setup};
use nas::people;
use portvakt_load::process;
use serde_json::Value;
use support::{common, nas, release};

/// Those who log on in the measurement of throughput, each once; of latency, as many as a tenth.
const MANY: usize = 20_000;
const FEW: usize = MANY / 10;
/// Seconds that a measurement may take.
const LONGEST: &str = "600";
/// The sealing key that all nodes have.
const KEY: &str = "c2l4dGVlbiBvY3RldHMgYW5kIHNpeHRlZW4gbW9yZSE=";

/// The kinds of log-ons, in the order that they are measured, and their share of wrong passwords.
const KINDS: [(&str, &str); 3] = [("first right", "0"), ("remembered", "0"), ("wrong", "100")];

fn main() {
    release::build();
    println!(
        "{:>12}{:>24}{:>12}{:>14}{:>16}{:>12}{:>12}",
        "", "store", "log-ons/s", "µs CPU nodes", "µs CPU database", "p50 µs", "p99 µs"
    );
    measure("SQLite", &[start(None, 0)], None);
    let cluster = Cluster::start("--fsync=on");
    let url = cluster.database();
    measure("PostgreSQL", &[start(Some(&url), 0)], Some(&cluster));
    let url = cluster.database();
    let nodes: Vec<_> = (0..3).map(|index| start(Some(&url), index)).collect();
    measure("PostgreSQL, three nodes", &nodes, Some(&cluster));
}

/// Starts a node; the first imports the people.
fn start(url: Option<&str>, index: usize) -> Daemon {
    let ldif = match index {
        0 => people::people(MANY + FEW),
        _ => String::new(),
    };
    let mut setup = Setup::new()
        // Else the server hashes anew in the background of what is measured.
        .set("passwords", "upgrade-hashes", "false")
        .people(&ldif)
        .server(vec![release::program().into()]);
    if let Some(url) = url {
        setup.change("node", "name", &format!("\"node-{index}\""));
        setup.change("store", "url", &format!("\"{url}\""));
        setup.change("accounts", "sealing-key-file", "\"sealing-key\"");
        setup.write("sealing-key", KEY);
    }
    let node = setup.start();
    node.write("secret", SECRET);
    node
}

/// Prints a row for each kind of log-on.
fn measure(store: &str, nodes: &[Daemon], cluster: Option<&Cluster>) {
    for (kind, wrong) in KINDS {
        let cpu = || nodes.iter().map(|node| cpu_us(node.id())).sum::<f64>();
        let database = || cluster.map_or(0.0, Cluster::cpu_us);
        let (cpu_before, database_before, began) = (cpu(), database(), Instant::now());
        log_on_all(nodes, 0..MANY, wrong, "64");
        let rate = MANY as f64 / began.elapsed().as_secs_f64();
        let (cpu, database) = (cpu() - cpu_before, database() - database_before);
        let latency = log_on(&nodes[0], MANY..MANY + FEW, 1, wrong, "1");
        let latency = &latency["phases"][0]["classes"][0]["latency"];
        println!(
            "{kind:>12}{store:>24}{rate:>12.0}{:>14.1}{:>16.1}{:>12}{:>12}",
            cpu / MANY as f64,
            database / MANY as f64,
            latency["p50_us"],
            latency["p99_us"],
        );
    }
}

fn cpu_us(id: u32) -> f64 {
    process::usage(id).unwrap().cpu.as_secs_f64() * 1e6
}

/// Each node serves its share of these people at the same time.
fn log_on_all(nodes: &[Daemon], persons: std::ops::Range<usize>, wrong: &str, in_flight: &str) {
    thread::scope(|scope| {
        for (index, node) in nodes.iter().enumerate() {
            let persons = persons.start + index..persons.end;
            scope.spawn(move || log_on(node, persons, nodes.len(), wrong, in_flight));
        }
    });
}

/// Each of these people once, at one node; returns the report.
fn log_on(
    node: &Daemon,
    persons: std::ops::Range<usize>,
    step: usize,
    wrong: &str,
    in_flight: &str,
) -> Value {
    let mut users = String::new();
    let persons: Vec<_> = persons.step_by(step).collect();
    for &person in &persons {
        let (name, password) = (people::name(person), people::password(person));
        writeln!(users, "{name}:{password}").unwrap();
    }
    let users = node.write("users", &users);
    let json = node.path("load.json");
    let mut command = Command::new(release::program().with_file_name("portvakt-load"));
    command.arg(node.address().to_string());
    command.args(["--secret-file".as_ref(), node.path("secret").as_os_str()]);
    command.args(["--json".as_ref(), json.as_os_str()]);
    command.args(["--users".as_ref(), users.as_os_str()]);
    command.args(["--wrong", wrong, "--in-flight", in_flight, "--for", LONGEST]);
    command.args(["--count", &persons.len().to_string()]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap()
}
