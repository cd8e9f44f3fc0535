//! FreeRADIUS' radclient: a VPN concentrator.

use std::process::Command;

use super::setup::{SECRET, run_with};
use super::{Daemon, Namespace, text};

/// A request of `radclient`: attributes and options.
pub struct Radclient {
    attributes: String,
    command: &'static str,
    secret: String,
}

/// The reply that `radclient` printed.
pub struct Answer {
    /// All that radclient printed.
    pub output: String,
}

impl Radclient {
    /// An Access-Request with a bare password.
    pub fn pap(user: &str, password: &str) -> Self {
        let attributes = format!("User-Name = \"{user}\"\nUser-Password = \"{password}\"\n");
        Self {
            attributes,
            command: "auth",
            secret: SECRET.to_owned(),
        }
    }

    /// A Status-Server.
    pub fn status() -> Self {
        Self {
            attributes: String::new(),
            command: "status",
            secret: SECRET.to_owned(),
        }
    }

    /// Signs with another secret.
    #[must_use]
    pub fn secret(mut self, secret: &str) -> Self {
        secret.clone_into(&mut self.secret);
        self
    }

    /// Adds a line, like `NAS-Identifier = "vpn-1"`.
    #[must_use]
    pub fn attribute(mut self, line: &str) -> Self {
        self.attributes.push_str(line);
        self.attributes.push('\n');
        self
    }

    /// Sends it once and waits for the answer, a few seconds at most.
    pub fn run(&self, daemon: &Daemon) -> Answer {
        self.run_for(daemon, "10")
    }

    /// As [`run`](Self::run), waiting so many seconds at most.
    pub fn run_for(&self, daemon: &Daemon, seconds: &str) -> Answer {
        self.run_by(Command::new("radclient"), daemon, seconds)
    }

    /// As [`run`](Self::run), from within a namespace.
    pub fn run_in(&self, namespace: &Namespace, daemon: &Daemon) -> Answer {
        self.run_by(namespace.command("radclient"), daemon, "10")
    }

    fn run_by(&self, mut command: Command, daemon: &Daemon, seconds: &str) -> Answer {
        command.args(["-x", "-r", "1", "-t", seconds]).args([
            &daemon.address().to_string(),
            self.command,
            &self.secret,
        ]);
        let input = format!("{}Message-Authenticator = 0x00\n", self.attributes);
        Answer {
            output: text(&run_with(&mut command, &input)),
        }
    }
}

impl Answer {
    /// Let in, or alive.
    pub fn is_accept(&self) -> bool {
        self.output.contains("Received Access-Accept")
    }

    /// Refused.
    pub fn is_reject(&self) -> bool {
        self.output.contains("Received Access-Reject")
    }

    /// No answer that radclient believes.
    pub fn is_silence(&self) -> bool {
        self.output.contains("No reply from server")
    }
}

impl Daemon {
    /// One log-on by PAP.
    pub fn radclient(&self, user: &str, password: &str) -> Answer {
        Radclient::pap(user, password).run(self)
    }

    /// So many wrong passwords, one after the other, each another one.
    pub fn guess_wrong(&self, user: &str, times: usize) {
        for guess in 0..times {
            let answer = self.radclient(user, &format!("wrong-{guess}"));
            assert!(answer.is_reject(), "{}", answer.output);
        }
    }
}
