//! The events of the audit log: an attempt to log on, an act of an administrator, the beginning and
//! the end of a session.
//!
//! There is no field for a password or a hash, and none may be added.

use std::borrow::Cow;
use std::cell::Cell;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

use super::disconnect::{ChangeVlan, Disconnect};
use super::session::AuditedSession;

/// One line of the audit log.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AuditEvent<'a> {
    /// An attempt to log on.
    Attempt(Attempt<'a>),
    /// An act of an administrator.
    Act(Act<'a>),
    /// The beginning or the end of a session.
    Session(SessionEvent<'a>),
    /// The outcome of a request to end a session.
    Disconnect(Disconnect<'a>),
    /// The outcome of a request to move a session to another VLAN.
    ChangeVlan(ChangeVlan<'a>),
}

/// One attempt, from its first request to its last answer (rule I3).
///
/// Text that came from the network goes through [`as_given`](super::as_given) first.
#[derive(Debug, Clone, Serialize)]
pub struct Attempt<'a> {
    /// When the first request came.
    #[serde(serialize_with = "milliseconds")]
    pub request_time: Timestamp,
    /// When the last answer left; of an abandoned attempt, when that was noticed.
    #[serde(serialize_with = "milliseconds")]
    pub response_time: Timestamp,
    /// Accepted, rejected, given up.
    pub result: AttemptResult,
    /// Code of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// Code of a symptom: a fact that the reason leaves open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symptom: Option<&'a str>,
    /// More about the reason, for the operator: what the device said, what is likely wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Cow<'a, str>>,
    /// User-Name.
    pub outer_identity: Cow<'a, str>,
    /// The name in EAP-Response/Identity, which User-Name should be a copy of (RFC 3579 §2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eap_identity: Option<Cow<'a, str>>,
    /// The identity inside the tunnel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inner_identity: Option<Cow<'a, str>>,
    /// The account, once it was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<&'a str>,
    /// The account of the machine, where it was let in before its user was asked for (TEAP).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_account: Option<&'a str>,
    /// Calling-Station-Id: the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calling_station_id: Option<Cow<'a, str>>,
    /// The port behind its address, where Calling-Station-Id was `10.77.0.100[4500]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calling_station_port: Option<u16>,
    /// The equipment it came through.
    #[serde(flatten)]
    pub nas: Nas<'a>,
    /// Operator-Name: the visited site (RFC 5580).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_name: Option<Cow<'a, str>>,
    /// The service: `eduroam`, `wired`, `vpn`.
    pub service: &'a str,
    /// The method, like `ttls/pap`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'a str>,
    /// `1.2` or `1.3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_version: Option<&'a str>,
    /// Chargeable-User-Identity, if one was sent (RFC 4372).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cui: Option<Cow<'a, str>>,
    /// How far an abandoned attempt came (rule E10).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<&'a str>,
    /// From the first request to the last answer.
    #[serde(rename = "duration_ms", serialize_with = "fractional_milliseconds")]
    pub duration: Duration,
}

/// The equipment that asked.
#[derive(Debug, Clone, Serialize)]
pub struct Nas<'a> {
    /// Name of the client in the configuration.
    pub client: &'a str,
    /// The source address of its packets.
    pub client_address: IpAddr,
    /// NAS-Identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nas_identifier: Option<Cow<'a, str>>,
    /// NAS-IP-Address or NAS-IPv6-Address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nas_ip_address: Option<IpAddr>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptResult {
    /// Access-Accept.
    Accept,
    /// Access-Reject.
    Reject,
    /// Nothing more came from the device.
    GaveUp,
}

/// One act of an administrator.
#[derive(Debug, Clone, Serialize)]
pub struct Act<'a> {
    /// When.
    #[serde(serialize_with = "milliseconds")]
    pub time: Timestamp,
    /// The actor: a user of the operating system, or the name of a signal.
    pub who: &'a str,
    /// The act, like `unlock`, `suspend`, `set-password`, `import`, `reload`.
    pub what: &'a str,
    /// The account that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<&'a str>,
    /// The reason given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'a str>,
    /// `done`, or why it was not.
    pub result: &'a str,
}

/// The beginning or the end of a session, from accounting (RFC 2866). Interim-Updates have no line.
#[derive(Debug, Clone, Serialize)]
pub struct SessionEvent<'a> {
    /// When it began or ended.
    #[serde(serialize_with = "milliseconds")]
    pub time: Timestamp,
    /// `begin` or `end`.
    pub what: &'a str,
    /// The session.
    #[serde(flatten)]
    pub session: AuditedSession<'a>,
    /// Called-Station-Id: the access point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub called_station_id: Option<Cow<'a, str>>,
    /// Addresses and prefixes that it has had.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpNet>,
    /// When it began.
    #[serde(serialize_with = "milliseconds")]
    pub began: Timestamp,
    /// The end, if it has one.
    #[serde(flatten)]
    pub end: Option<SessionEnd<'a>>,
}

/// The end of a session.
#[derive(Debug, Clone, Serialize)]
pub struct SessionEnd<'a> {
    /// When; the event's own time.
    #[serde(skip)]
    pub at: Timestamp,
    /// `stopped` by the NAS, or the evidence from which it was concluded.
    #[serde(rename = "ended_by")]
    pub by: &'static str,
    /// Acct-Terminate-Cause by name.
    #[serde(rename = "terminate_cause", skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cow<'a, str>>,
    /// Acct-Session-Time.
    pub session_time_s: u32,
    /// Octets from the user.
    pub input_octets: u64,
    /// Octets to the user.
    pub output_octets: u64,
}

impl AuditEvent<'_> {
    /// The time by which the line is filed.
    pub(super) fn time(&self) -> Timestamp {
        match self {
            Self::Attempt(attempt) => attempt.response_time,
            Self::Act(act) => act.time,
            Self::Session(session) => session.time,
            Self::Disconnect(disconnect) => disconnect.time,
            Self::ChangeVlan(change) => change.outcome.time,
        }
    }
}

/// RFC 3339 in UTC with three decimals.
pub(super) fn milliseconds<S: Serializer>(
    time: &Timestamp,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match written(*time) {
        Some(text) => serializer.serialize_str(str::from_utf8(&text).unwrap_or_default()),
        None => serializer.collect_str(&format_args!("{time:.3}")),
    }
}

/// `YYYY-MM-DDThh:mm:ss`, without what is below a second.
const SECOND: usize = 19;

/// The same, most often by the text of the second that this thread wrote last; `None` for a time
/// that is not written so.
fn written(time: Timestamp) -> Option<[u8; SECOND + 5]> {
    thread_local! {
        static LATEST: Cell<Option<(i64, [u8; SECOND])>> = const { Cell::new(None) };
    }
    let (second, millisecond) = (time.as_second(), time.subsec_millisecond());
    let latest = LATEST.get().filter(|(latest, _)| *latest == second);
    let (_, text) = match latest {
        Some(latest) => latest,
        None => (second, written_second(second)?),
    };
    LATEST.set(Some((second, text)));
    let digit = |place: i32| u8::try_from(millisecond / place % 10).map_or(b'0', |n| b'0' + n);
    let mut whole = [b'Z'; SECOND + 5];
    let below = [b'.', digit(100), digit(10), digit(1)];
    for (to, from) in whole.iter_mut().zip(text.into_iter().chain(below)) {
        *to = from;
    }
    Some(whole)
}

/// The text of a second from 1970 to 9999.
fn written_second(second: i64) -> Option<[u8; SECOND]> {
    let time = Timestamp::from_second(second)
        .ok()
        .filter(|_| second >= 0)?;
    let time = time.to_zoned(TimeZone::UTC);
    let date = [time.year(), time.month().into(), time.day().into()];
    let day = [time.hour(), time.minute(), time.second()].map(i16::from);
    let [year, month, day_of_month] = date;
    let [hour, minute, second] = day;
    let mut text = *b"0000-00-00T00:00:00";
    // Of each number where its last digit stands, and how many digits it has.
    for (number, last, digits) in [
        (year, 3, 4),
        (month, 6, 2),
        (day_of_month, 9, 2),
        (hour, 12, 2),
        (minute, 15, 2),
        (second, 18, 2),
    ] {
        let mut left = number;
        for place in text.get_mut(..=last)?.iter_mut().rev().take(digits) {
            *place += u8::try_from(left % 10).ok()?;
            left /= 10;
        }
    }
    Some(text)
}

fn fractional_milliseconds<S: Serializer>(time: &Duration, s: S) -> Result<S::Ok, S::Error> {
    let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    s.serialize_f64(f64::from(micros) / 1000.0)
}
