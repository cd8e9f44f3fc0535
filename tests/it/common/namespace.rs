//! Linux namespaces: a machine of a test's own, for peers that make interfaces or read fixed paths.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::unistd::geteuid;

use super::{run_with, text};

/// A set of mounts of its own, with an empty `/run`, and a network. It ends with its last process:
/// one that reads a pipe of the test's, and all that the test started in it.
pub struct Namespace {
    holder: Child,
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

impl Namespace {
    /// With a network of its own, in which loopback is up.
    pub fn new() -> Self {
        Self::unshare(&["--net"], "ip link set lo up")
    }

    /// With the network that the test is in.
    pub fn with_mounts() -> Self {
        Self::unshare(&[], "true")
    }

    fn unshare(options: &[&str], first: &str) -> Self {
        let mut unshare = Command::new("unshare");
        unshare.arg("--mount").args(options);
        if !geteuid().is_root() {
            unshare.arg("--map-root-user");
        }
        let script = format!("{first} && mount -t tmpfs tmpfs /run && echo ready && exec cat");
        let mut holder = unshare
            .args(["sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(holder.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        assert_eq!(
            line, "ready\n",
            "no namespace: it needs root, or user namespaces"
        );
        Self { holder }
    }

    /// The words that run a program in it, which keeps the process id of the first.
    pub fn words(&self) -> Vec<OsString> {
        let target = self.holder.id().to_string();
        let mut words = vec!["nsenter", "--target", &target, "--net", "--mount", "--wd=/"];
        if !geteuid().is_root() {
            words.extend(["--user", "--preserve-credentials"]);
        }
        words.into_iter().map(OsString::from).collect()
    }

    /// A command that runs in it.
    pub fn command(&self, program: &str) -> Command {
        let words = self.words();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg(program);
        command
    }

    /// Runs a line of shell in it, which must end well.
    pub fn run(&self, line: &str) -> String {
        let output = run_with(self.command("sh").args(["-c", line]), "");
        assert!(output.status.success(), "{line}: {}", text(&output));
        text(&output)
    }

    /// Puts a folder in the place of another, in here alone.
    pub fn mount(&self, folder: &Path, place: &str) {
        self.run(&format!("mount --bind {} {place}", folder.display()));
    }

    /// Lays a cable to another namespace: an interface at each end, each with an address.
    pub fn connect(&self, (name, address): (&str, &str), other: &Self, theirs: (&str, &str)) {
        let (their_name, their_address) = theirs;
        let id = other.holder.id();
        self.run(&format!(
            "ip link add {name} type veth peer name {their_name} netns {id} && \
             ip addr add {address} dev {name} && ip link set {name} up"
        ));
        other.run(&format!(
            "ip addr add {their_address} dev {their_name} && ip link set {their_name} up"
        ));
    }
}
