//! Audit log, metrics and the control socket: `[audit]`, `[metrics]`, `[control]`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::external::External;
use super::problem::Problem;
use super::section::Section;
use super::value;

/// The audit log of attempts and administrative acts.
#[derive(Debug, Clone)]
pub struct Audit {
    /// One file per day in here.
    pub folder: PathBuf,
    /// Files older than this are removed.
    pub keep_days: u16,
}

const METRICS_PORT: u16 = 9812;

pub(super) fn audit(root: &mut Section<'_>, external: &External, data: &Path) -> Audit {
    let mut section = root.table("audit");
    let folder = external.path(&mut section, "folder");
    let keep_days = section.integer("keep-days", 183, 1..=3650);
    section.finish();
    Audit {
        folder: folder.map_or_else(|| data.join("audit"), |given| given.value),
        keep_days,
    }
}

/// The address that serves metrics; none when they are off.
pub(super) fn metrics(root: &mut Section<'_>) -> Option<SocketAddr> {
    const EXPECTED: &str = "an address and a port, like \"127.0.0.1:9812\", or \"off\"";
    let mut section = root.table("metrics");
    let parse = |text: &str| match text {
        "off" => Some(None),
        _ => value::socket_address(text, METRICS_PORT).map(Some),
    };
    let given = section.parsed("address", EXPECTED, parse);
    if let Some(given) = given
        .as_ref()
        .filter(|g| g.value.is_some_and(|a| !a.ip().is_loopback()))
    {
        let advice = "keep it on 127.0.0.1, or behind a firewall: there is no log-on to it";
        section
            .report()
            .warning(&given.place, "other machines can read the metrics", advice);
    }
    section.finish();
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, METRICS_PORT));
    given.map_or(Some(default), |given| given.value)
}

/// The socket over which the command line talks to the running server.
pub(super) fn control(root: &mut Section<'_>, external: &External, data: &Path) -> PathBuf {
    let mut section = root.table("control");
    let given = external.path(&mut section, "socket");
    let place = given
        .as_ref()
        .map_or_else(|| section.key_place("socket"), |g| g.place.clone());
    let socket = given.map_or_else(|| data.join("control.sock"), |given| given.value);
    if socket.as_os_str().len() > MOST_SOCKET_OCTETS {
        let problem = Problem::Unreadable(format!(
            "the path {} is longer than the {MOST_SOCKET_OCTETS} octets of a socket's name",
            socket.display()
        ));
        section
            .report()
            .problem(&place, problem, "set control.socket to a shorter path");
    }
    section.finish();
    socket
}

/// `sun_path` of unix(7) without its closing NUL.
const MOST_SOCKET_OCTETS: usize = 107;
