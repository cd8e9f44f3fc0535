//! The command line of `portvakt-load`.

mod plan;

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Args, Parser, ValueEnum};

use crate::error::LoadError;
use crate::plan::Method;
use crate::report::Report;
use crate::scenario::Scenario;

/// Log on by the thousand to any RADIUS server, and check every answer
#[derive(Parser)]
#[command(name = "portvakt-load", version)]
pub struct Options {
    /// The server: an address or a name, and a port
    #[arg(value_name = "HOST:PORT", default_value = "127.0.0.1:1812")]
    server: String,
    /// The file with the secret shared with the server
    #[arg(long, value_name = "FILE", required_unless_present = "secret")]
    secret_file: Option<PathBuf>,
    /// The secret itself, for servers that are for trying out
    #[arg(long, env = "PORTVAKT_LOAD_SECRET", conflicts_with = "secret_file")]
    secret: Option<String>,
    /// How everybody logs on
    #[arg(long, default_value = "pap")]
    method: Method,
    /// Play a scenario instead of one kind of log-on
    #[arg(long)]
    scenario: Option<Scenario>,
    /// Log-ons a second, whatever the server does; latency counts from when each was due
    #[arg(long, value_name = "PER_SECOND", value_parser = positive)]
    rate: Option<f64>,
    /// So many log-ons at any time, the next when one ends [default: 64 where no rate is given]
    #[arg(long, value_name = "NUMBER", conflicts_with = "rate")]
    in_flight: Option<usize>,
    /// How many seconds log-ons begin
    #[arg(long = "for", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    length: Duration,
    /// Most log-ons
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
    /// Devices come back on the TLS session of their last log-on, after one that is not measured
    #[arg(long)]
    resume: bool,
    /// How many log-ons of a hundred use a wrong password
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    wrong: f64,
    /// In `guess`: guesses a second
    #[arg(long, value_name = "PER_SECOND", default_value_t = 200.0, value_parser = positive)]
    guesses: f64,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    tls: Tls,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    output: Output,
}

#[derive(Args)]
struct Who {
    /// A file with NAME:PASSWORD lines
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "password", "people"])]
    users: Option<PathBuf>,
    /// Names by a pattern; the n in braces counts 000000, 000001 and so on
    #[arg(long, value_name = "PATTERN", default_value = "user{n}")]
    name: String,
    /// Passwords by a pattern, with the same number as the name
    #[arg(long, value_name = "PATTERN", default_value = "password{n}")]
    password: String,
    /// How many there are by the patterns
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    people: usize,
    /// The name outside of tunnels [default: the user's own]
    #[arg(long, value_name = "NAME")]
    outer: Option<String>,
}

#[derive(Args)]
struct Tls {
    /// The CA that devices trust, PEM; needed for the methods with a tunnel
    #[arg(long, value_name = "FILE", required_if_eq_any = TUNNELLED)]
    ca: Option<PathBuf>,
    /// The name in the server's certificate; needed for the methods with a tunnel
    #[arg(long, value_name = "NAME", required_if_eq_any = TUNNELLED)]
    server_name: Option<String>,
    /// The TLS versions that devices speak
    #[arg(long, value_name = "VERSION", default_value = "both")]
    tls: TlsVersion,
    /// For EAP-TLS: the devices' certificate and its issuers, PEM
    #[arg(
        long,
        value_name = "FILE",
        requires = "client_key",
        required_if_eq("method", "eap-tls")
    )]
    client_certificate: Option<PathBuf>,
    /// For EAP-TLS: its key, PEM
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    client_key: Option<PathBuf>,
}

/// The methods that open a TLS tunnel, as [`Method::is_eap`] has them.
const TUNNELLED: [(&str, &str); 4] = [
    ("method", "ttls-pap"),
    ("method", "ttls-mschapv2"),
    ("method", "peap-mschapv2"),
    ("method", "eap-tls"),
];

#[derive(Args)]
struct Network {
    /// The local address that requests come from
    #[arg(long, value_name = "ADDRESS")]
    source: Option<IpAddr>,
    /// How many local ports each thread sends from in turn, as so many access points would; more
    /// where 256 requests a port are not enough
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    ports: u16,
    /// Sending threads
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    threads: usize,
    /// Seconds until a request is sent again; each further wait is twice as long
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    patience: Duration,
    /// How often a request is sent in all
    #[arg(long, value_name = "NUMBER", default_value_t = 4)]
    tries: u8,
    /// Take replies without Message-Authenticator, as old servers send them
    #[arg(long)]
    legacy_message_authenticator_optional: bool,
}

#[derive(Args)]
struct Output {
    /// The server's process on this machine: its CPU time and memory are told
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// What the report is called
    #[arg(long, default_value = "RADIUS load")]
    title: String,
    /// Write the report as JSON too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as a page with curves too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum TlsVersion {
    #[value(name = "1.2")]
    V12,
    #[value(name = "1.3")]
    V13,
    Both,
}

impl ValueEnum for Method {
    fn value_variants<'a>() -> &'a [Self] {
        &Method::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.label()))
    }
}

fn positive(text: &str) -> Result<f64, &'static str> {
    let number = text.parse().ok().filter(|number| *number > 0.0);
    number
        .filter(|number: &f64| number.is_finite())
        .ok_or("expected a number above 0")
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    Duration::try_from_secs_f64(positive(text)?).map_err(|_| "expected fewer seconds")
}

impl Options {
    /// Runs the load to its end; blocks for as long. `tell` is called some times a second with the
    /// phase's label, its log-ons that have ended and those that ended wrongly.
    ///
    /// # Errors
    /// [`LoadError`]: an option that cannot be followed, or a run that failed.
    pub fn run(&self, tell: impl FnMut(&'static str, u64, u64)) -> Result<Report, LoadError> {
        let plan = self.plan()?;
        let results = crate::run(&plan, tell)?;
        let title = self.output.title.clone();
        let now = jiff::Timestamp::now();
        Ok(Report::new(title, plan.server, now, &results))
    }

    /// Writes the files that `--json` and `--html` ask for.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn write_files(&self, report: &Report) -> Result<(), LoadError> {
        if let Some(path) = &self.output.json {
            write(path, &serde_json::to_string_pretty(report)?)?;
        }
        match &self.output.html {
            Some(path) => write(path, &report.to_html()?),
            None => Ok(()),
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), LoadError> {
    fs::write(path, text).map_err(|error| LoadError::Unwritable(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// clap prints a line break for `{n}` in a help text.
    #[test]
    fn help_texts_have_no_pattern_that_clap_replaces() {
        for argument in Options::command().get_arguments() {
            let help = argument.get_help().map(ToString::to_string);
            assert!(!help.unwrap_or_default().contains("{n}"), "{argument}");
        }
        let help = Options::command().render_long_help().to_string();
        assert!(help.contains("[default: user{n}]"), "{help}");
    }

    #[test]
    fn methods_that_need_a_ca_are_those_of_eap() {
        let tunnelled = TUNNELLED.map(|(_, method)| method);
        let eap = Method::ALL.into_iter().filter(|method| method.is_eap());
        assert!(eap.map(Method::label).eq(tunnelled));
    }
}
