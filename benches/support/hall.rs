//! A server of the release build, and what log-ons cost there.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::common::{Daemon, SECRET, Setup};
use super::nas::people;
use super::release;

/// Those who log on, spread over all the accounts.
const REGULARS: usize = 5_000;
const LOG_ONS: usize = 100_000;
/// Seconds that a count of log-ons may take.
const LONGEST: &str = "600";

/// A running server.
pub(crate) struct Hall {
    pub(crate) daemon: Daemon,
}

/// One row.
pub(crate) struct Figures {
    cpu_us: f64,
    resident: f64,
}

impl Hall {
    /// So many people, as a site would run it, but for guesses that are refused at once.
    pub(crate) fn setup(count: usize) -> Setup {
        Setup::new()
            // Else the server hashes anew, for minutes, in the background of what is measured.
            .set("passwords", "upgrade-hashes", "false")
            .people(&people::people(count))
            .server(vec![release::program().into()])
    }

    /// Starts it and writes down who logs on: some of the `people`, from the first to the last.
    pub(crate) fn start(setup: Setup, people: usize) -> Self {
        let daemon = setup.start();
        let regulars = REGULARS.min(people);
        let users = (0..regulars).fold(String::new(), |mut users, index| {
            let index = index * (people / regulars);
            let (name, password) = (people::name(index), people::password(index));
            writeln!(users, "{name}@campus.example:{password}").unwrap();
            users
        });
        daemon.write("users", &users);
        daemon.write("secret", SECRET);
        Self { daemon }
    }

    /// Everybody once, so that passwords are remembered; then what is measured.
    pub(crate) fn log_ons(&self) -> Figures {
        let users = self.daemon.path("users");
        let users = ["--users", users.to_str().unwrap()];
        let once = REGULARS.to_string();
        self.load(
            &[
                &users[..],
                &["--in-flight", "16", "--count", &once, "--for", LONGEST],
            ]
            .concat(),
        );
        let often = LOG_ONS.to_string();
        let report = self.load(&[&users[..], &["--count", &often, "--for", LONGEST]].concat());
        let process = &report["phases"][0]["server_process"];
        Figures {
            cpu_us: process["cpu_us_per_log_on"].as_f64().unwrap(),
            resident: process["resident_after"].as_f64().unwrap() / 1e6,
        }
    }

    /// So many names that nobody has, none of which is let in.
    pub(crate) fn flood(&self, count: usize) {
        let (people, log_ons) = (count.to_string(), count.to_string());
        self.load(&[
            "--name",
            "nobody-{n}",
            "--people",
            &people,
            "--count",
            &log_ons,
            "--wrong",
            "100",
            "--in-flight",
            "4000",
            "--for",
            LONGEST,
        ]);
    }

    /// Log-ons by EAP-TTLS with the password inside.
    pub(crate) fn load_tunnelled(&self, more: &[&str]) -> Value {
        self.load_as(&[&["--method", "ttls-pap"], more].concat())
    }

    /// Log-ons by the method that is among the words.
    pub(crate) fn load_as(&self, more: &[&str]) -> Value {
        let [users, ca] = ["users", "ca.pem"].map(|file| self.daemon.path(file));
        let (users, ca) = (users.to_str().unwrap(), ca.to_str().unwrap());
        let words = ["--users", users, "--ca", ca];
        let name = ["--server-name", "radius.campus.example"];
        self.load(&[&words[..], &name, more].concat())
    }

    /// Every log-on has to end as it should.
    fn load(&self, more: &[&str]) -> Value {
        let (secret, json) = (self.daemon.path("secret"), self.daemon.path("load.json"));
        let mut command = Command::new(release::program().with_file_name("portvakt-load"));
        command.arg(self.daemon.address().to_string());
        command.args(["--secret-file".as_ref(), secret.as_os_str()]);
        command.args(["--json".as_ref(), json.as_os_str()]);
        command.args(["--server-pid", &self.daemon.id().to_string()]);
        command.args(more);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        read(&json)
    }
}

fn read(json: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap()
}

impl Figures {
    pub(crate) fn print(&self, count: impl std::fmt::Display) {
        println!("{count:>21}{:>16.1}{:>16.1}", self.cpu_us, self.resident);
    }
}
