//! The unit for systemd, and what the process asks of the kernel for itself.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::process::Command;

use crate::common::{Daemon, Setup, text};

const UNIT: &str = include_str!("../../../docs/portvakt.service");

/// The values of a key, in the order of the file.
fn values<'u>(section: &str, key: &str) -> Vec<&'u str> {
    let from = UNIT.split_once(&format!("[{section}]\n")).unwrap().1;
    let lines = from.lines().take_while(|line| !line.starts_with('['));
    let value = |line: &'u str| line.strip_prefix(key)?.strip_prefix('=');
    lines.filter_map(value).collect()
}

/// The system calls of a set, those of the sets in it too.
fn calls(set: &str) -> BTreeSet<String> {
    let listing = Command::new("systemd-analyze")
        .args(["syscall-filter", set])
        .output()
        .unwrap();
    assert!(listing.status.success(), "{}", text(&listing));
    let listing = String::from_utf8(listing.stdout).unwrap();
    let names = listing.lines().skip(1).map(str::trim);
    let mut calls = BTreeSet::new();
    for name in names.filter(|name| !name.is_empty() && !name.starts_with('#')) {
        match name.starts_with('@') {
            true => calls.extend(self::calls(name)),
            false => drop(calls.insert(name.to_owned())),
        }
    }
    calls
}

#[test]
fn peer_systemd_allows_what_the_program_does() {
    let mut allowed = BTreeSet::new();
    for value in values("Service", "SystemCallFilter") {
        let (forbids, names) = match value.strip_prefix('~') {
            Some(names) => (true, names),
            None => (false, value),
        };
        for name in names.split_whitespace() {
            let set = match name.starts_with('@') {
                true => calls(name),
                false => BTreeSet::from([name.to_owned()]),
            };
            match forbids {
                true => allowed = &allowed - &set,
                false => allowed.extend(set),
            }
        }
    }
    // Priorities, limits and dumps, sockets, the disk.
    for call in [
        "getpriority",
        "setpriority",
        "prlimit64",
        "prctl",
        "recvmmsg",
        "sendmmsg",
        "setsockopt",
        "accept4",
        "shutdown",
        "fdatasync",
        "ftruncate",
        "rename",
        "unlink",
        "flock",
        "fchmodat",
    ] {
        assert!(allowed.contains(call), "{call} is not allowed");
    }
    for call in ["chown", "sched_setaffinity", "ptrace", "mount", "reboot"] {
        assert!(!allowed.contains(call), "{call} is allowed");
    }
}

#[test]
fn peer_systemd_understands_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portvakt.service");
    let program = env!("CARGO_BIN_EXE_portvakt");
    let unit = UNIT.replace("/usr/local/bin/portvakt", program);
    fs::write(
        &path,
        unit.replace("man:portvakt(8)", "https://example.org"),
    )
    .unwrap();
    let verify = Command::new("systemd-analyze")
        .arg("verify")
        .arg(&path)
        .output()
        .unwrap();
    let said = text(&verify);
    // Newer than Debian 12's, which says so and goes on.
    let known = ["RestartSteps", "RestartMaxDelaySec"];
    let complaints = said
        .lines()
        .filter(|line| line.contains("portvakt.service"));
    let complaints: Vec<_> = complaints
        .filter(|line| !known.iter().any(|key| line.contains(key)))
        .collect();
    assert!(complaints.is_empty(), "{said}");
}

#[test]
fn a_restart_loop_cannot_leave_the_server_down_for_good() {
    assert_eq!(values("Unit", "StartLimitIntervalSec"), ["0"]);
    assert_eq!(values("Service", "Restart"), ["always"]);
    assert!(!values("Service", "RestartSteps").is_empty());
    assert!(!values("Service", "RestartMaxDelaySec").is_empty());
}

/// The soft limit of a resource of a running server.
fn limit(daemon: &Daemon, resource: &str) -> String {
    let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with(resource));
    let soft = line.unwrap()[resource.len()..].split_whitespace().next();
    soft.unwrap().to_owned()
}

#[test]
fn server_dumps_no_core_and_raises_its_limit_of_descriptors() {
    let script = "ulimit -Sc unlimited; ulimit -Sn 256; ulimit -Hn 2000; exec \"$@\"";
    let words = ["sh", "-c", script, "sh", env!("CARGO_BIN_EXE_portvakt")];
    let daemon = Setup::new()
        .server(words.map(OsString::from).into())
        .start();
    assert_eq!(limit(&daemon, "Max core file size"), "0");
    assert_eq!(limit(&daemon, "Max open files"), "2000");
    assert!(
        !daemon.log().contains("file descriptors"),
        "{}",
        daemon.log()
    );
}

#[test]
fn too_few_descriptors_are_told_with_what_to_do() {
    let script = "ulimit -n 256; exec \"$@\"";
    let words = ["sh", "-c", script, "sh", env!("CARGO_BIN_EXE_portvakt")];
    let daemon = Setup::new()
        .server(words.map(OsString::from).into())
        .start();
    daemon.wait_for_log("only 256 file descriptors may be open at once: raise LimitNOFILE");
}
