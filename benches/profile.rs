//! Profile of a log-on: the release build under load with one receiving thread,
//! sampled by `perf`, each sample counted for the innermost part that it was in.
//!
//! `cargo bench --profile dev --bench profile` for PAP and EAP-TTLS/PAP in TLS 1.2; with ` -- METHOD OPTIONS` for
//! another method, and with options of `portvakt-load`: `-- ttls-pap --tls 1.2`.

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

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use hall::Hall;
use serde_json::Value;
use support::{common, hall, release};

const PEOPLE: usize = 5_000;

/// Parts of the receiving threads' work, by the names of functions in them.
const PARTS: [(&str, &[&str]); 15] = [
    ("system call: receive", &["sys_recv"]),
    ("system call: send", &["sys_send"]),
    ("waking another thread", &["futex"]),
    ("MD5, HMAC-MD5", &["md5::", "md5_"]),
    ("remembered proof", &["RememberedProofs"]),
    ("retransmissions", &["Duplicates"]),
    ("lock table", &["portvakt_auth::lock"]),
    ("audit line", &["audit::", "record::record"]),
    ("note for the store", &["store::"]),
    (
        "signature",
        &["ecdsa", "ECDSA", "p256", "nistz256", "rsa_", "RSA_"],
    ),
    ("key exchange", &["x25519", "X25519"]),
    ("TLS otherwise", &["rustls", "EVP_", "aws_lc"]),
    ("EAP", &["portvakt_eap"]),
    ("RADIUS packets", &["portvakt_radius"]),
    ("deciding, answering", &["portvakt"]),
];

fn main() {
    release::build();
    let words = std::env::args().skip(1).filter(|word| word != "--bench");
    let words: Vec<_> = words.collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            profile("pap", &[]);
            profile("ttls-pap", &["--tls", "1.2"]);
        }
        [method, ref more @ ..] => profile(method, more),
    }
}

fn profile(method: &str, more: &[&str]) {
    let setup = Hall::setup(PEOPLE).set("radius", "workers", "1");
    let hall = Hall::start(setup, PEOPLE);
    // All passwords are remembered after this.
    hall.log_ons();
    let samples = hall.daemon.path("perf.data");
    let mut perf = Command::new("perf")
        .args([
            "record",
            "--quiet",
            "-F",
            "999",
            "--call-graph",
            "dwarf,8192",
            "-o",
        ])
        .arg(&samples)
        .args(["-p", &hall.daemon.id().to_string(), "sleep", "5"])
        .spawn()
        .expect("perf: Debian's package linux-perf");
    let words = [
        &["--method", method, "--in-flight", "16", "--for", "7"],
        more,
    ]
    .concat();
    let report = hall.load_as(&words);
    assert!(perf.wait().unwrap().success());
    print(method, &report, &parts(&samples));
}

/// Samples by part.
fn parts(samples: &Path) -> BTreeMap<String, usize> {
    let output = Command::new("perf")
        .args(["script", "--no-inline", "-F", "comm,ip,sym", "-i"])
        .arg(samples)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let mut parts = BTreeMap::new();
    for sample in text.split("\n\n").filter(|sample| !sample.is_empty()) {
        *parts.entry(part_of(sample)).or_default() += 1;
    }
    parts
}

/// A line with the thread's name, then a line for each frame, the innermost first.
fn part_of(sample: &str) -> String {
    let (thread, frames) = sample.split_once('\n').unwrap_or((sample, ""));
    if !thread.trim().starts_with("radius-") {
        return format!("thread `{}`", thread.trim());
    }
    let part = frames.lines().find_map(|frame| {
        let is_of = |names: &[&str]| names.iter().any(|name| frame.contains(name));
        PARTS.iter().find(|(_, names)| is_of(names))
    });
    part.map_or("the rest", |(part, _)| part).to_owned()
}

fn print(method: &str, report: &Value, parts: &BTreeMap<String, usize>) {
    let phase = report["phases"].as_array().unwrap().last().unwrap();
    let each = phase["server_process"]["cpu_us_per_log_on"]
        .as_f64()
        .unwrap();
    let all: usize = parts.values().sum();
    println!("\n{method}: {each:.1} µs of processor time a log-on, {all} samples\n");
    println!("| Part | % | µs |\n| --- | ---: | ---: |");
    let mut rows: Vec<_> = parts.iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (part, count) in rows {
        let share = *count as f64 / all as f64;
        println!("| {part} | {:.1} | {:.2} |", share * 100.0, share * each);
    }
}
