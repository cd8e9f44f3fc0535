//! The server under valgrind.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cases::{self, Case};
use crate::common::Daemon;
use crate::release;

/// Asks this program for what the processor can do, as it sees it.
pub(crate) const TELL_FEATURES: &str = "tell-features";

/// A function that only the receiving thread calls.
const RECEIVES: &str = "RequestHandler>::request";

/// Path of a case's profiles, with the thread's number behind the name.
pub(crate) fn profile(name: &str) -> PathBuf {
    let target = release::program();
    let target = target.parent().and_then(Path::parent).unwrap();
    target.join(format!("instructions/{name}/callgrind.out"))
}

/// All instructions that the receiving thread of a server spends while it sees everybody once, then
/// `case`, and ends.
pub(crate) fn count(case: Option<&Case>) -> u64 {
    let profile = profile(case.map_or("idle", |case| case.name));
    // Profiles of earlier runs had their threads in another order.
    let _ = fs::remove_dir_all(profile.parent().unwrap());
    fs::create_dir_all(profile.parent().unwrap()).unwrap();
    let mut into = OsString::from("--callgrind-out-file=");
    into.push(&profile);
    let words = ["valgrind", "--tool=callgrind", "--separate-threads=yes"];
    let words = words.into_iter().chain(["--vgdb=no", "--quiet"]);
    let words = words.map(OsString::from);
    let server = words.chain([into, release::program().into()]).collect();
    let mut daemon: Daemon = cases::setup().server(server).start();
    cases::warm_up(&daemon);
    if let Some(case) = case {
        case.run(&daemon);
    }
    assert!(daemon.terminate().success(), "{}", daemon.log());
    let threads = fs::read_dir(profile.parent().unwrap()).unwrap();
    let profiles = threads.map(|thread| fs::read_to_string(thread.unwrap().path()).unwrap());
    let mut receiving = profiles.filter(|profile| profile.contains(RECEIVES));
    total(&receiving.next().expect("a thread that receives"))
}

/// The sum of a profile, without what gathers entropy from the processor's jitter: 400 million
/// instructions at the first handshake, and never the same number.
fn total(profile: &str) -> u64 {
    let mut files = HashMap::new();
    let (mut total, mut counts, mut is_of_a_call) = (0, true, false);
    for line in profile.lines() {
        if let Some(("fl" | "fi" | "fe", file)) = line.split_once('=') {
            counts = !is_entropy(file, &mut files);
        } else if let Some(("cfi" | "cfl", file)) = line.split_once('=') {
            is_entropy(file, &mut files);
        } else if line.starts_with("calls=") {
            is_of_a_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost: u64 = line.split(' ').nth(1).unwrap().parse().unwrap();
            total += u64::from(counts && !is_of_a_call) * cost;
            is_of_a_call = false;
        }
    }
    total
}

/// A file is `(7) name` where it comes up first and `(7)` after that.
fn is_entropy<'p>(file: &'p str, files: &mut HashMap<&'p str, bool>) -> bool {
    let (number, name) = file.split_once(' ').unwrap_or((file, ""));
    if !name.is_empty() {
        files.insert(number, name.contains("jitterentropy"));
    }
    files.get(number).copied().unwrap_or_default()
}

/// The processor as valgrind shows it to programs, which is less than there is.
pub(crate) fn features_under_it() -> String {
    let output = Command::new("valgrind")
        .args(["--tool=none", "--vgdb=no", "--quiet"])
        .arg(std::env::current_exe().unwrap())
        .arg(TELL_FEATURES)
        .output()
        .expect("valgrind: run tests/packages");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Those that ciphers and hashes choose their code by.
#[cfg(target_arch = "x86_64")]
pub(crate) fn features() -> String {
    macro_rules! seen {
        ($($name:tt)*) => {
            [$(($name, std::arch::is_x86_feature_detected!($name)),)*]
        };
    }
    let all = seen!("aes" "pclmulqdq" "ssse3" "avx" "avx2" "bmi1" "bmi2" "adx" "sha" "vaes" "avx512f" "rdrand");
    let seen = all.into_iter().filter(|(_, is_seen)| *is_seen);
    seen.fold("x86_64".to_owned(), |all, (name, _)| {
        format!("{all} {name}")
    })
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn features() -> String {
    std::env::consts::ARCH.to_owned()
}
