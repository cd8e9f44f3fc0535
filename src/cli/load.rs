//! `portvakt load`: log-ons by the thousand against any RADIUS server.

use std::fs;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use portvakt_radius::{MessageAuthenticatorPolicy, SharedSecret};
use portvakt_supplicant::ClientIdentity;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{Ending, fail, say};
use crate::load::people::{self, Person};
use crate::load::plan::{Arrivals, Class, Method, Phase, Plan, Proof, Retransmission};
use crate::load::report::Report;
use crate::load::scenario::{Scenario, Setting};
use crate::load::tls::DeviceTls;
use crate::load::{PhaseResult, run as run_plan};

/// Log on by the thousand to any RADIUS server, and check every answer
#[derive(Args)]
pub(super) struct Load {
    /// The server: an address or a name, and a port
    #[arg(value_name = "HOST:PORT", default_value = "127.0.0.1:1812")]
    server: String,
    /// The file with the secret shared with the server
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The secret itself, for servers that are for trying out
    #[arg(long, env = "PORTVAKT_LOAD_SECRET", conflicts_with = "secret_file")]
    secret: Option<String>,
    /// How everybody logs on
    #[arg(long, default_value = "pap", value_parser = method)]
    method: Method,
    /// Play a scenario instead of one kind of log-on
    #[arg(long)]
    scenario: Option<Scenario>,
    /// Log-ons a second, whatever the server does; latency counts from when each was due
    #[arg(long, value_name = "PER_SECOND", value_parser = rate)]
    rate: Option<f64>,
    /// So many log-ons at any time, the next when one ends [default: 64 where no rate is given]
    #[arg(long, value_name = "NUMBER", conflicts_with = "rate")]
    in_flight: Option<usize>,
    /// How many seconds log-ons begin
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 10.0, value_parser = rate)]
    length: f64,
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
    #[arg(long, value_name = "PER_SECOND", default_value_t = 200.0, value_parser = rate)]
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
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// Names by a pattern; {n} is 000000, 000001 and so on
    #[arg(
        long,
        value_name = "PATTERN",
        default_value = "user{n}",
        conflicts_with = "users"
    )]
    name: String,
    /// Passwords by a pattern
    #[arg(
        long,
        value_name = "PATTERN",
        default_value = "password{n}",
        conflicts_with = "users"
    )]
    password: String,
    /// How many there are by the patterns
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1000,
        conflicts_with = "users"
    )]
    people: usize,
    /// The name outside of tunnels [default: the user's own]
    #[arg(long, value_name = "NAME")]
    outer: Option<String>,
}

#[derive(Args)]
struct Tls {
    /// The CA that devices trust, PEM; needed for the methods with a tunnel
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The name in the server's certificate
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// The TLS versions that devices speak
    #[arg(long, value_name = "VERSION", default_value = "both")]
    tls: TlsVersion,
    /// For EAP-TLS: the devices' certificate and its issuers, PEM
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_certificate: Option<PathBuf>,
    /// For EAP-TLS: its key, PEM
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    client_key: Option<PathBuf>,
}

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
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = rate)]
    patience: f64,
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

fn method(text: &str) -> Result<Method, String> {
    let known = Method::ALL
        .into_iter()
        .find(|method| method.label() == text);
    known.ok_or_else(|| {
        format!(
            "expected one of {}",
            Method::ALL.map(Method::label).join(", ")
        )
    })
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text
        .parse()
        .ok()
        .filter(|rate: &f64| *rate > 0.0 && rate.is_finite());
    rate.ok_or_else(|| "expected a number above 0".to_owned())
}

pub(super) fn run(load: &Load) -> Ending {
    match attempt(load) {
        Ok(report) if report.wrongs() == 0 => Ending::Done,
        Ok(_) => Ending::Failed,
        Err(error) => fail(format_args!("{error:#}")),
    }
}

fn attempt(load: &Load) -> anyhow::Result<Report> {
    let plan = load.plan()?;
    let results = watched(&plan)?;
    let title = load.output.title.clone();
    let report = Report::new(title, plan.server, jiff::Timestamp::now(), &results);
    say(&report);
    if let Some(path) = &load.output.json {
        write(path, &serde_json::to_string_pretty(&report)?)?;
    }
    if let Some(path) = &load.output.html {
        write(path, &report.to_html()?)?;
    }
    Ok(report)
}

/// Runs the plan with a progress bar on the terminal.
fn watched(plan: &Plan) -> anyhow::Result<Vec<PhaseResult>> {
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {prefix}: {msg} [{elapsed}]")?;
    bar.set_style(style);
    let results = run_plan(plan, |phase, ended, wrong| {
        let label = plan.phases.get(phase).map_or("", |phase| phase.label);
        bar.set_prefix(label);
        bar.set_message(format!("{ended} log-ons, {wrong} wrong"));
        bar.tick();
    });
    bar.finish_and_clear();
    Ok(results?)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("can't write {}", path.display()))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("can't read {}", path.display()))
}

impl Load {
    fn plan(&self) -> anyhow::Result<Plan> {
        let people = self.who.people()?;
        let tls = match self.method.is_eap() {
            true => Some(self.tls.devices(self.method)?),
            false => None,
        };
        let policy = match self.network.legacy_message_authenticator_optional {
            true => MessageAuthenticatorPolicy::LegacyOptional,
            false => MessageAuthenticatorPolicy::Required,
        };
        Ok(Plan {
            server: resolve(&self.server)?,
            source: self.network.source,
            ports: usize::from(self.network.ports),
            secret: self.shared_secret()?,
            policy,
            phases: self.phases(people.len())?,
            people,
            outer_identity: self.who.outer.clone(),
            tls,
            retransmission: Retransmission {
                first: Duration::from_secs_f64(self.network.patience),
                tries: self.network.tries.max(1),
            },
            threads: self.network.threads,
            server_pid: self.output.server_pid,
        })
    }

    fn shared_secret(&self) -> anyhow::Result<SharedSecret> {
        let octets = match (&self.secret, &self.secret_file) {
            (Some(secret), _) => secret.clone().into_bytes(),
            (None, Some(path)) => read(path)?.trim_ascii_end().to_vec(),
            (None, None) => {
                bail!("say the server's secret: --secret-file FILE, or PORTVAKT_LOAD_SECRET")
            }
        };
        SharedSecret::new(&octets).map_err(|_| anyhow::anyhow!("the secret is empty"))
    }

    fn phases(&self, people: usize) -> anyhow::Result<Vec<Phase>> {
        let length = Duration::try_from_secs_f64(self.length).context("--for is too long")?;
        let setting = Setting {
            method: self.method,
            rate: self.rate.unwrap_or(100.0),
            length,
            people,
            guesses: self.guesses,
        };
        if let Some(scenario) = self.scenario {
            return Ok(scenario.phases(&setting));
        }
        let warm_up = self.resume.then(|| setting.warm_up(0..people));
        let class = Class {
            label: "users",
            method: self.method,
            arrivals: match self.rate {
                Some(rate) => Arrivals::Rate(rate),
                None => Arrivals::InFlight(self.in_flight.unwrap_or(64)),
            },
            proof: Proof::Right,
            people: 0..people,
            resumes: self.resume,
            wrong_percent: self.wrong,
            count: self.count,
        };
        let measured = Phase {
            label: "load",
            length,
            classes: vec![class],
        };
        Ok(warm_up.into_iter().chain([measured]).collect())
    }
}

impl Who {
    fn people(&self) -> anyhow::Result<Vec<Person>> {
        Ok(match &self.users {
            Some(file) => people::from_file(file)?,
            None => people::from_pattern(&self.name, &self.password, self.people)?,
        })
    }
}

impl Tls {
    fn devices(&self, method: Method) -> anyhow::Result<DeviceTls> {
        let Some(ca) = &self.ca else {
            bail!(
                "{} needs the CA that devices trust: --ca FILE",
                method.label()
            );
        };
        let Some(server_name) = self.server_name.clone() else {
            bail!(
                "{} needs the name in the server's certificate: --server-name NAME",
                method.label()
            );
        };
        let authority = CertificateDer::from_pem_slice(&read(ca)?);
        let certificate = self.client()?;
        if method == Method::Tls && certificate.is_none() {
            bail!("eap-tls needs --client-certificate FILE and --client-key FILE");
        }
        Ok(DeviceTls {
            authority: authority
                .with_context(|| format!("{} holds no certificate", ca.display()))?,
            server_name,
            versions: match self.tls {
                TlsVersion::V12 => vec![&rustls::version::TLS12],
                TlsVersion::V13 => vec![&rustls::version::TLS13],
                TlsVersion::Both => vec![&rustls::version::TLS13, &rustls::version::TLS12],
            },
            certificate,
        })
    }

    fn client(&self) -> anyhow::Result<Option<ClientIdentity>> {
        let (Some(chain), Some(key)) = (&self.client_certificate, &self.client_key) else {
            return Ok(None);
        };
        let (chain_pem, key_pem) = (read(chain)?, read(key)?);
        let certificates = CertificateDer::pem_slice_iter(&chain_pem).collect::<Result<_, _>>();
        let private = PrivateKeyDer::from_pem_slice(&key_pem);
        Ok(Some(ClientIdentity {
            chain: certificates.with_context(|| format!("{} is no chain", chain.display()))?,
            key: private.with_context(|| format!("{} holds no key", key.display()))?,
            chain_pem: String::new(),
            key_pem: String::new(),
        }))
    }
}

fn resolve(server: &str) -> anyhow::Result<SocketAddr> {
    let advice = || format!("{server:?} is no HOST:PORT");
    let mut addresses = server.to_socket_addrs().with_context(advice)?;
    addresses.next().with_context(advice)
}
