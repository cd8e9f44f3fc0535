//! One run of `portvakt-load` against a server, and what it told.

use std::time::Duration;

use clap::Parser as _;
use portvakt_load::Options;
use portvakt_load::process::usage;
use serde::Serialize;
use serde_json::Value;

use super::cases::{Case, Hash, Proof, Whose};
use super::ground::{Ground, SERVER_NAME};
use super::people::FIRST_LOG_ONS;
use crate::common::SECRET;

/// Log-ons under way at any time; fewer where each takes tens of milliseconds, so that none waits
/// until its device would send it again.
const IN_FLIGHT: &str = "64";
const IN_FLIGHT_SLOWLY: &str = "16";
/// Ports that requests come from in turn, as from so many access points.
const PORTS: &str = "16";
/// Devices that come back. FreeRADIUS gives each two tickets under TLS 1.3 and no more when they are
/// used up, so each comes back twice at most.
pub(crate) const RETURNING: usize = 4000;

/// Wrong passwords of each person between two right ones: at 100 the account would be locked.
const WRONG_AT_MOST: usize = 90;

/// A server under load.
#[derive(Clone, Copy)]
pub(crate) struct Server {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) id: u32,
    /// Whether its answers have Message-Authenticator, as they should.
    pub(crate) signed: bool,
}

/// The figures of one run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    /// CPU time of the server for a log-on, in microseconds.
    pub(crate) cpu_us: f64,
    /// The same of slapd, where there is one.
    pub(crate) slapd_us: Option<f64>,
    pub(crate) per_second: f64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    /// Requests for a log-on.
    pub(crate) trips: f64,
    pub(crate) log_ons: u64,
    pub(crate) resumed: u64,
    pub(crate) sent_again: u64,
    /// Resident memory at its end.
    pub(crate) resident: u64,
}

/// Measures for so many seconds; `turn` is the how manieth time.
pub(crate) fn measure(
    case: &Case,
    ground: &Ground,
    server: Server,
    seconds: f64,
    turn: usize,
) -> Result<Figures, String> {
    let slapd = ground.slapd.as_ref().map(crate::common::Slapd::id);
    let spent = |id| usage(id).map_or(Duration::ZERO, |usage| usage.cpu);
    let before = slapd.map(spent);
    let mut words = Words::new(server);
    words.pair("--for", &seconds.to_string());
    words.device(case, ground);
    words.people(case, ground, turn);
    if case.proof != Proof::Right {
        words.pair("--wrong", "100");
    }
    let report = words.run(case.id)?;
    let mut figures = read(case, &report)?;
    let after = slapd.map(spent);
    figures.slapd_us = before.zip(after).map(|(before, after)| {
        let log_ons = figures.log_ons.max(1) as f64;
        (after.saturating_sub(before)).as_secs_f64() * 1e6 / log_ons
    });
    Ok(figures)
}

/// Everybody logs on once with the right password, so that Portvakt knows them and no failures are
/// left; or once with a wrong one, so that they are locked.
pub(crate) fn everybody(case: &Case, ground: &Ground, server: Server) -> Result<(), String> {
    let mut words = Words::new(server);
    let people = ground.path("people").display().to_string();
    words.pair("--users", &people);
    words.pair("--for", "120");
    words.pair("--count", &ground.people.count.to_string());
    words.pair("--in-flight", in_flight(case));
    if case.proof == Proof::Locked {
        words.pair("--wrong", "100");
    }
    words.run(case.id).map(drop)
}

fn in_flight(case: &Case) -> &'static str {
    match case.ldap.map(|ldap| ldap.hash) {
        Some(Hash::Argon2) => IN_FLIGHT_SLOWLY,
        _ => IN_FLIGHT,
    }
}

/// A command line of `portvakt-load`.
struct Words(Vec<String>);

impl Words {
    fn new(server: Server) -> Self {
        let mut words = Self(vec!["portvakt-load".to_owned(), server.address.to_string()]);
        words.pair("--secret", SECRET);
        words.pair("--server-pid", &server.id.to_string());
        words.pair("--ports", PORTS);
        if !server.signed {
            let flag = "--legacy-message-authenticator-optional";
            words.0.push(flag.to_owned());
        }
        words
    }

    fn pair(&mut self, name: &str, value: &str) {
        self.0.extend([name.to_owned(), value.to_owned()]);
    }

    fn device(&mut self, case: &Case, ground: &Ground) {
        let path = |name| ground.path(name).display().to_string();
        self.pair("--method", case.method);
        self.pair("--tls", case.tls);
        self.pair("--ca", &path("ca.pem"));
        self.pair("--server-name", SERVER_NAME);
        self.pair("--in-flight", in_flight(case));
        if case.method == "eap-tls" {
            self.pair("--client-certificate", &path("client.pem"));
            self.pair("--client-key", &path("client.key"));
        }
    }

    fn people(&mut self, case: &Case, ground: &Ground, turn: usize) {
        let count = ground.people.count;
        let (whose, at_most) = match case.whose() {
            Whose::Strangers => {
                let first = turn * FIRST_LOG_ONS;
                (first..first + FIRST_LOG_ONS, Some(FIRST_LOG_ONS))
            }
            _ if case.resumed => {
                let count = count.min(RETURNING);
                (0..count, Some(2 * count))
            }
            _ if case.proof == Proof::Wrong => (0..count, Some(WRONG_AT_MOST * count)),
            _ => (0..count, None),
        };
        let file = ground.write("devices", &ground.people.devices(whose));
        self.pair("--users", &file.display().to_string());
        if let Some(at_most) = at_most {
            self.pair("--count", &at_most.to_string());
        }
        if case.resumed {
            self.0.push("--resume".to_owned());
        }
    }

    /// Runs it to its end and returns its report.
    fn run(&self, id: &str) -> Result<Value, String> {
        let options = Options::try_parse_from(&self.0).map_err(|error| error.to_string())?;
        let report = options
            .run(|_, _, _| ())
            .map_err(|error| error.to_string())?;
        if report.wrongs() > 0 {
            return Err(format!("{id}:\n{report}"));
        }
        serde_json::to_value(&report).map_err(|error| error.to_string())
    }
}

/// The last phase's figures, if all in them is as it should be.
fn read(case: &Case, report: &Value) -> Result<Figures, String> {
    let phase = report["phases"].as_array().and_then(|phases| phases.last());
    let phase = phase.ok_or("a report without a phase")?;
    let class = &phase["classes"][0];
    let count = |name: &str| class[name].as_u64().unwrap_or_default();
    let (right, accepted, resumed) = (count("right"), count("accepted"), count("resumed"));
    let owed = match case.proof {
        Proof::Right => (right, if case.resumed { right } else { 0 }),
        _ => (0, 0),
    };
    if right == 0 || (accepted, resumed) != owed {
        return Err(format!(
            "{}: of {right} log-ons {accepted} were let in, {resumed} of them resumed",
            case.id
        ));
    }
    let process = &phase["server_process"];
    Ok(Figures {
        cpu_us: process["cpu_us_per_log_on"].as_f64().unwrap_or_default(),
        slapd_us: None,
        per_second: class["per_second"].as_f64().unwrap_or_default(),
        p50_us: class["latency"]["p50_us"].as_u64().unwrap_or_default(),
        p99_us: class["latency"]["p99_us"].as_u64().unwrap_or_default(),
        trips: count("requests") as f64 / count("begun").max(1) as f64,
        log_ons: right,
        resumed,
        sent_again: count("retransmissions"),
        resident: process["resident_after"].as_u64().unwrap_or_default(),
    })
}
