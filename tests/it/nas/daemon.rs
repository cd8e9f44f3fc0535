//! A running server as a NAS and an operator meet it.

use portvakt_testkit::supplicant::{Profile, Supplicant};
use serde_json::Value;

use super::{EapSession, Nas};
use crate::common::{Daemon, SECRET, text};

impl Daemon {
    /// A NAS of the client that holds 127.0.0.1.
    pub fn nas(&self) -> Nas {
        self.nas_at("127.0.0.1")
    }

    /// A NAS whose packets come from `source`.
    pub fn nas_at(&self, source: &str) -> Nas {
        Nas::at(source, self.address(), SECRET)
    }

    /// The usual profile of a user: anonymous outside, PAP inside, both TLS versions.
    pub fn profile(&self, user: &str, password: &str) -> Profile {
        let identity = format!("{user}@campus.example");
        Profile::pap(self.authority(), &identity, password.as_bytes())
    }

    /// A device that has just come to the access point `nas`.
    pub fn device<'n>(&self, nas: &'n Nas, user: &str, password: &str) -> EapSession<'n> {
        let supplicant = Supplicant::new(self.profile(user, password));
        EapSession::new(nas, supplicant, "anonymous@campus.example")
    }

    /// The output of `portvakt explain`.
    pub fn explain(&self, user: &str) -> Value {
        let output = self.cli(&["explain", user, "--json"]);
        assert!(output.status.success(), "{}", text(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The failed log-ons that count at this moment.
    pub fn failures(&self, user: &str) -> u64 {
        self.explain(user)["lock"]["failures"].as_u64().unwrap()
    }

    /// The attempts of the audit log, oldest first, once there are `count` of them.
    pub fn attempts(&self, count: usize) -> Vec<Value> {
        self.wait_for_audit(count, |line| line["event"] == "attempt")
    }

    /// The reasons of those attempts, `accept` for the accepted.
    pub fn reasons(&self, count: usize) -> Vec<String> {
        let attempts = self.attempts(count).into_iter();
        let reason = |line: Value| line["reason"].as_str().unwrap_or("accept").to_owned();
        attempts.map(reason).collect()
    }

    /// The counters of a drop reason, of all clients together.
    pub fn drops(&self, reason: &str) -> f64 {
        let label = format!(",reason=\"{reason}\"}} ");
        let page = self.metrics();
        let samples = page.lines().filter_map(|line| {
            let labels = line.strip_prefix("portvakt_drops_total{")?;
            labels.split_once(&label)?.1.parse::<f64>().ok()
        });
        samples.sum()
    }
}
