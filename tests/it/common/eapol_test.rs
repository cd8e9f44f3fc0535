//! wpa_supplicant's eapol_test: a device and its access point in one.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::setup::{SECRET, run_with};
use super::{Daemon, Setup, text};

/// How the device is set up, and what the access point adds.
#[derive(Clone)]
pub struct EapolTest {
    /// Lines of the network block.
    lines: Vec<(String, String)>,
    /// Arguments of eapol_test.
    arguments: Vec<String>,
}

/// Outcome and output of a run.
pub struct Run {
    /// All that eapol_test printed.
    pub output: String,
    /// Whether it ended well.
    pub success: bool,
}

/// Leaves one version of TLS.
const TLS12: &str = "\"tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1 tls_disable_tlsv1_2=0 \
                     tls_disable_tlsv1_3=1\"";
const TLS13: &str = "\"tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1 tls_disable_tlsv1_2=1 \
                     tls_disable_tlsv1_3=0\"";

impl EapolTest {
    /// TTLS with PAP inside, by a user of our realm, under whichever TLS the device likes.
    pub fn ttls_pap(user: &str, password: &str) -> Self {
        let profile = Self {
            lines: Vec::new(),
            arguments: Vec::new(),
        };
        profile
            .line("ssid", "\"eduroam\"")
            .line("key_mgmt", "WPA-EAP")
            .line("eap", "TTLS")
            .line("phase2", "\"auth=PAP\"")
            .line("anonymous_identity", "\"anonymous@campus.example\"")
            .line("identity", &format!("\"{user}@campus.example\""))
            .line("password", &format!("\"{password}\""))
            .line("domain_suffix_match", "\"radius.campus.example\"")
    }

    /// Sets a line of the network block, strings with their quotes.
    #[must_use]
    pub fn line(mut self, key: &str, value: &str) -> Self {
        self.lines.retain(|(known, _)| known != key);
        self.lines.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Leaves a line out of the network block.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        self.lines.retain(|(known, _)| known != key);
        self
    }

    /// TLS 1.2 and nothing else.
    #[must_use]
    pub fn tls12(self) -> Self {
        self.line("phase1", TLS12)
    }

    /// TLS 1.3 and nothing else.
    #[must_use]
    pub fn tls13(self) -> Self {
        self.line("phase1", TLS13)
    }

    /// Adds an attribute to every request, in eapol_test's writing: `126:s:1campus.example`.
    #[must_use]
    pub fn attribute(self, spec: &str) -> Self {
        self.argument(&format!("-N{spec}"))
    }

    /// Adds an argument of eapol_test's.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Logs on to `daemon`.
    pub fn run(&self, daemon: &Daemon) -> Run {
        self.run_at(daemon, daemon.address())
    }

    /// As [`run`](Self::run), over what stands at `address` before it.
    pub fn run_at(&self, setup: &Setup, address: SocketAddr) -> Run {
        let profile = tempfile::NamedTempFile::new_in(setup.folder()).unwrap();
        std::fs::write(profile.path(), self.profile(setup)).unwrap();
        let mut command = Command::new("eapol_test");
        self.arguments(&mut command, profile.path(), address);
        let output = run_with(&mut command, "");
        Run {
            output: text(&output),
            success: output.status.success(),
        }
    }

    pub(super) fn arguments(&self, command: &mut Command, profile: &Path, address: SocketAddr) {
        command
            .arg("-c")
            .arg(profile)
            .args(["-a", &address.ip().to_string()])
            .args(["-p", &address.port().to_string()])
            .args(["-s", SECRET, "-t", "15"])
            .args(&self.arguments);
    }

    pub(super) fn profile(&self, setup: &Setup) -> String {
        let mut lines = self.lines.clone();
        if !lines.iter().any(|(key, _)| key == "ca_cert") {
            let path = setup.path("ca.pem");
            lines.push(("ca_cert".to_owned(), format!("\"{}\"", path.display())));
        }
        let lines: String = lines
            .iter()
            .map(|(key, value)| format!("  {key}={value}\n"))
            .collect();
        format!("network={{\n{lines}}}\n")
    }
}

impl Run {
    /// In, and both ends hold the same keys.
    pub fn is_accept(&self) -> bool {
        self.success
            && self.output.trim_end().ends_with("SUCCESS")
            && self.output.contains("  mismatch: 0")
            && !self.output.contains("MPPE keys OK: 0")
    }

    /// Access-Reject came, and the device saw EAP-Failure or stopped by itself.
    pub fn is_reject(&self) -> bool {
        !self.success && self.received("Access-Reject") == 1
    }

    /// How many answers of this kind came.
    pub fn received(&self, code: &str) -> usize {
        let name = format!("({code})");
        let lines = self.output.lines();
        lines
            .filter(|line| line.starts_with("RADIUS message:") && line.contains(&name))
            .count()
    }

    /// Round trips: answers of any kind.
    pub fn round_trips(&self) -> usize {
        let codes = ["Access-Challenge", "Access-Accept", "Access-Reject"];
        codes.iter().map(|code| self.received(code)).sum()
    }

    /// The version of TLS that was spoken, as eapol_test prints it.
    pub fn tls_version(&self) -> Option<&str> {
        let words = "SSL: Using TLS version ";
        self.output
            .lines()
            .find_map(|line| line.strip_prefix(words))
            .map(str::trim)
    }
}
