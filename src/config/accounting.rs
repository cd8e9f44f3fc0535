//! Accounting: `[accounting]`.

use std::net::SocketAddr;
use std::time::Duration;

use portvakt_accounting::StaleAfter;

use super::problem::Problem;
use super::report::Located;
use super::section::Section;
use super::value;

/// The port that RADIUS accounting has had since RFC 2866.
const ACCOUNTING_PORT: u16 = 1813;
/// The port beside which accounting is expected.
const AUTHENTICATION_PORT: u16 = 1812;

/// Accounting and the sessions that it tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounting {
    /// Addresses that it comes in at; empty is off.
    pub listen: Vec<SocketAddr>,
    /// Sessions that ended longer ago than this are removed.
    pub keep_days: u16,
    /// When a session without news is over.
    pub stale_after: StaleAfter,
    /// How often equipment is to report each session; zero leaves that to the equipment.
    pub interim_interval: Duration,
    /// Most live sessions in memory, about 2 kB each.
    pub max_sessions: u32,
}

/// Reads the table; `authentication` are the addresses of `[[listen]]`.
pub(super) fn accounting(root: &mut Section<'_>, authentication: &[SocketAddr]) -> Accounting {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = Duration::from_secs;
    let mut section = root.table("accounting");
    let accounting = Accounting {
        listen: listen(&mut section, authentication),
        keep_days: section.integer("keep-days", 183, 1..=3650),
        stale_after: StaleAfter {
            reporting: section.duration(
                "stale-after",
                seconds(HOUR),
                seconds(5 * MINUTE)..=seconds(7 * DAY),
            ),
            silent: section.duration(
                "stale-after-without-interim",
                seconds(DAY),
                seconds(HOUR)..=seconds(90 * DAY),
            ),
        },
        interim_interval: interim_interval(&mut section),
        max_sessions: section.integer("max-sessions", 100_000, 100..=10_000_000),
    };
    check_patience(&section, &accounting);
    section.finish();
    accounting
}

/// RFC 2869 §2.1 asks for a minute at least, and recommends ten.
fn interim_interval(section: &mut Section<'_>) -> Duration {
    const LEAST: Duration = Duration::from_secs(60);
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let interval = section.duration(
        "interim-interval",
        minutes(10),
        Duration::ZERO..=minutes(24 * 60),
    );
    if !interval.is_zero() && interval < LEAST {
        let problem = Problem::Malformed("\"0s\", or \"60s\" or more");
        let place = section.key_place("interim-interval");
        section
            .report()
            .problem(&place, problem, "equipment refuses to report more often");
    }
    interval
}

/// One lost report must not end a session.
fn check_patience(section: &Section<'_>, accounting: &Accounting) {
    if accounting.interim_interval * 2 < accounting.stale_after.reporting {
        return;
    }
    let keys = ["interim-interval", "stale-after"];
    let key = keys.into_iter().find(|key| section.has(key));
    let place = section.key_place(key.unwrap_or("stale-after"));
    let lint = "a session whose report is lost once counts as over";
    let advice = "let stale-after be six times interim-interval";
    section.report().warning(&place, lint, advice);
}

/// The given addresses; without any, the port of accounting beside that of authentication.
fn listen(section: &mut Section<'_>, authentication: &[SocketAddr]) -> Vec<SocketAddr> {
    const EXPECTED: &str = "a list of addresses with ports, like [\"0.0.0.0:1813\"]";
    let parse = |text: &str| value::socket_address(text, ACCOUNTING_PORT);
    let Some(given) = section.list_or_none("listen", EXPECTED, parse) else {
        let beside = authentication.iter();
        let beside = beside.filter(|address| address.port() == AUTHENTICATION_PORT);
        return beside
            .map(|address| SocketAddr::new(address.ip(), ACCOUNTING_PORT))
            .collect();
    };
    check_unique(&given, authentication, section);
    given.into_iter().map(|address| address.value).collect()
}

fn check_unique(
    given: &[Located<SocketAddr>],
    authentication: &[SocketAddr],
    section: &Section<'_>,
) {
    for (place, address) in given.iter().enumerate() {
        if address.value.port() == 0 {
            continue;
        }
        let mut before = given.iter().take(place);
        if let Some(first) = before.find(|first| first.value == address.value) {
            let report = section.report();
            report.duplicate(&address.place, &first.place, "remove one");
        }
        if authentication.contains(&address.value) {
            let problem = Problem::Conflict("listen".to_owned());
            let advice = "authentication and accounting have a port each, usually 1812 and 1813";
            section.report().problem(&address.place, problem, advice);
        }
    }
}
