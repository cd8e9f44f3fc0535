//! `portvakt sessions`: who was or is on the network, with which device, address and place.

use std::net::IpAddr;

use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use portvakt_accounting::JoinedBy;

use super::account::failed;
use super::admin_client::request;
use super::attempts::{Side, moment};
use super::{ConfigFile, Ending, complain, say, say_json};
use crate::accounts::{
    ChangedSessions, FoundSessions, SessionDetails, SessionSearch, SessionSelection, TryDetails,
};
use crate::admin::{Request, Response};
use crate::shown::Outside;
use crate::times::for_people;

/// Who is or was on the network, newest first: from the accounting of access points and concentrators
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "An abuse report has an address and a time: portvakt sessions --ip 192.0.2.7 --at \
    \"2026-11-27 08:15\". WHEN is a date with a time (in the configured zone, or as in \
    2026-11-27T07:15:00Z), a date, or a time ago: 2h, 30m, 7d."
)]
pub(super) struct Sessions {
    #[command(subcommand)]
    act: Option<SessionsAct>,
    /// User name or alias, with or without realm
    user: Option<String>,
    /// MAC address of the device, in any spelling
    #[arg(long)]
    mac: Option<String>,
    /// Address of the device, IPv4 or IPv6; a prefix that the device had counts too
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<IpAddr>,
    /// Only sessions that lived then
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
    /// Only sessions that live
    #[arg(long)]
    live: bool,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Subcommand)]
enum SessionsAct {
    /// Have the equipment end live sessions: those that meet every condition
    End(Selection),
    /// Have the equipment move live sessions to another VLAN until their next log-on: those that meet
    /// every condition
    Move(Move),
}

#[derive(Args)]
struct Move {
    /// The VLAN, by its number or by the name that the equipment has for it
    #[arg(long)]
    vlan: String,
    #[command(flatten)]
    selection: Selection,
}

#[derive(Args)]
struct Selection {
    /// User name or alias, with or without realm
    user: Option<String>,
    /// MAC address of the device, in any spelling
    #[arg(long)]
    mac: Option<String>,
    /// The number of the session, from `portvakt sessions --json`
    #[arg(long, value_name = "NUMBER")]
    session: Option<i64>,
    /// The reason, for the audit log and the helpdesk
    #[arg(long, default_value = "no reason given")]
    why: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

impl SessionsAct {
    fn selection(&self) -> &Selection {
        match self {
            Self::End(selection) => selection,
            Self::Move(to) => &to.selection,
        }
    }

    fn request(&self) -> Request {
        let selection = SessionSelection::from(self.selection());
        match self {
            Self::End(_) => Request::EndSessions(selection),
            Self::Move(to) => Request::MoveSessions {
                selection,
                vlan: to.vlan.clone(),
            },
        }
    }

    /// Whether the equipment did it.
    fn is_done(&self, session: &SessionDetails) -> bool {
        let last = match self {
            Self::End(_) => session.ending.as_ref(),
            Self::Move(_) => session.vlan_change.as_ref(),
        };
        last.and_then(|last| last.outcome.as_deref()) == Some("acked")
    }
}

impl From<&Selection> for SessionSelection {
    fn from(given: &Selection) -> Self {
        Self {
            user: given.user.clone(),
            mac: given.mac.clone(),
            number: given.session,
            why: given.why.clone(),
        }
    }
}

/// Fails where a session was not ended or moved.
fn change(act: &SessionsAct) -> Ending {
    let selection = act.selection();
    let config = match selection.file.load() {
        Ok((config, _)) => config,
        Err(ending) => return ending,
    };
    let changed = match request(&config, act.request(), &mut std::io::empty(), |_| {}) {
        Ok(Response::ChangedSessions(changed)) => changed,
        Ok(other) => return failed(other),
        Err(ending) => return ending,
    };
    match selection.json {
        true => say_json(&changed),
        false => print_changed(&changed, config.rules.terms.zone()),
    }
    match changed.sessions.iter().all(|session| act.is_done(session)) {
        true => Ending::Done,
        false => Ending::Failed,
    }
}

fn print_changed(changed: &ChangedSessions, zone: &TimeZone) {
    if changed.sessions.is_empty() {
        say("no such live sessions");
    }
    for session in &changed.sessions {
        print_session(session, zone, "");
    }
}

/// A line for the last move and one for the last try to end a session that lives.
pub(super) fn try_lines(session: &SessionDetails, zone: &TimeZone) -> Vec<String> {
    if session.ended.is_some() {
        return Vec::new();
    }
    let tries = session.vlan_change.iter().chain(&session.ending);
    tries.map(|last| try_line(last, zone)).collect()
}

/// `to be ended since 2026-11-28 08:15:02 CET: the NAS has no such session (nak 503)`.
fn try_line(last: &TryDetails, zone: &TimeZone) -> String {
    let asked = for_people(last.asked, zone);
    let (doing, done, wanted) = match &last.vlan {
        None => (
            "being ended".to_owned(),
            format!("ended by request {asked}; its last record is to come"),
            "to be ended".to_owned(),
        ),
        Some(vlan) => (
            format!("being moved to VLAN {vlan}"),
            format!("moved to VLAN {vlan} {asked}, until the next log-on"),
            format!("to be moved to VLAN {vlan}"),
        ),
    };
    let Some(outcome) = &last.outcome else {
        return format!("{doing} since {asked}");
    };
    let cause = last.error_cause;
    let cause = cause.map_or_else(String::new, |cause| format!(" {cause}"));
    match (outcome.as_str(), &last.detail) {
        ("acked", _) => done,
        (outcome, Some(detail)) => format!("{wanted} since {asked}: {detail} ({outcome}{cause})"),
        (outcome, None) => format!("{wanted} since {asked}: {outcome}{cause}"),
    }
}

pub(super) fn run(sessions: &Sessions) -> Ending {
    if let Some(act) = &sessions.act {
        return change(act);
    }
    let config = match sessions.file.load() {
        Ok((config, _)) => config,
        Err(ending) => return ending,
    };
    let zone = config.rules.terms.zone();
    let search = match search(sessions, Timestamp::now(), zone) {
        Ok(search) => search,
        Err(mistake) => {
            complain(&format_args!("portvakt: {mistake}"));
            return Ending::Mistaken;
        }
    };
    let asked = Request::Sessions(search);
    match request(&config, asked, &mut std::io::empty(), |_| {}) {
        Ok(Response::Sessions(found)) if sessions.json => say_json(&found),
        Ok(Response::Sessions(found)) => print(&found, zone),
        Ok(other) => return failed(other),
        Err(ending) => return ending,
    }
    Ending::Done
}

fn search(sessions: &Sessions, now: Timestamp, zone: &TimeZone) -> Result<SessionSearch, String> {
    let at = sessions.at.as_deref();
    let at = at.map(|at| moment(at, Side::First, now, zone));
    Ok(SessionSearch {
        user: sessions.user.clone(),
        mac: sessions.mac.clone(),
        address: sessions.ip,
        at: at.transpose()?,
        live: sessions.live,
        limit: sessions.limit,
    })
}

fn print(found: &FoundSessions, zone: &TimeZone) {
    if found.sessions.is_empty() {
        say("no such sessions");
    }
    for session in &found.sessions {
        print_session(session, zone, "");
    }
    if found.more {
        complain(&"there are more: --limit shows them");
    }
}

/// Person, device and place in the first line, the rest in the others.
pub(super) fn print_session(session: &SessionDetails, zone: &TimeZone, indent: &str) {
    let time = |time| for_people(time, zone);
    let until = match session.ended {
        Some(ended) => format!("to {}", time(ended)),
        None => format!("live, last news {}", time(session.last_news)),
    };
    let shown = |text: &Option<Outside>| text.as_ref().map(Outside::to_string);
    let nobody = || "nobody known".to_owned();
    let who = match (&session.account, shown(&session.user_name)) {
        (Some(account), Some(name)) if *account != name => format!("{account} ({name})"),
        (Some(account), _) => account.clone(),
        (None, name) => name.map_or_else(nobody, |name| format!("no account ({name})")),
    };
    let device = shown(&session.device).unwrap_or_else(|| "unknown device".to_owned());
    say(format_args!(
        "{indent}{}  {until}  {who}  {device}  {}",
        time(session.began),
        place(session),
    ));
    for line in more_lines(session, zone) {
        say(format_args!("{indent}  {line}"));
    }
}

/// The access point, and the equipment behind it where that is another name.
fn place(session: &SessionDetails) -> String {
    let service = session.service.as_ref();
    let service = service.map_or_else(String::new, |service| format!("{service} "));
    let called = session.called_station.as_ref();
    let called = called.map_or_else(String::new, |called| format!(" {called}"));
    format!("{service}at {}{called} ({})", session.nas, session.client)
}

fn more_lines(session: &SessionDetails, zone: &TimeZone) -> Vec<String> {
    let mut lines = try_lines(session, zone);
    if !session.addresses.is_empty() {
        let addresses = session.addresses.iter().map(|held| {
            let host = held.net.prefix_len() == held.net.max_prefix_len();
            let net = match host {
                true => held.net.addr().to_string(),
                false => held.net.to_string(),
            };
            format!("{net} (told {})", for_people(held.first, zone))
        });
        lines.push(addresses.collect::<Vec<_>>().join(", "));
    }
    if let Some(at) = session.logged_on
        && let Some(doubt) = doubt_about_account(session.joined_by.as_deref(), at, session.began)
    {
        let at = for_people(at, zone);
        lines.push(format!("account of the log-on of {at}, {doubt}"));
    }
    if session.address_is_certain == Some(false) {
        let doubt = "at that time the equipment had not yet told this address, or no longer: it may \
                     have been another's";
        lines.push(doubt.to_owned());
    }
    let ended_by = session.ended_by.as_ref().map(|by| {
        let cause = session.terminate_cause.as_ref();
        let cause = cause.map_or_else(String::new, |cause| format!(" ({cause})"));
        format!("; ended: {by}{cause}")
    });
    lines.push(format!(
        "{} in, {} out, session {} of {}{}",
        octets(session.input_octets),
        octets(session.output_octets),
        session.session_id,
        session.nas,
        ended_by.unwrap_or_default(),
    ));
    lines
}

/// A line where the account of a session is less sure than by the Class of a log-on of its day.
fn doubt_about_account(
    joined_by: Option<&str>,
    logged_on: Timestamp,
    began: Timestamp,
) -> Option<&'static str> {
    const LONGEST: SignedDuration = SignedDuration::from_hours(24);
    if joined_by == Some(JoinedBy::LogOn.code()) {
        return Some("by device address and name, no Class came back: an address can be copied");
    }
    let is_old = began.duration_since(logged_on) > LONGEST;
    is_old.then_some("long before the session: equipment may have returned an old Class")
}

/// `17 B`, `3.2 MiB`.
fn octets(octets: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let (mut tenths, mut unit) = (u128::from(octets) * 10, "B");
    for next in UNITS {
        if tenths < 10_240 {
            break;
        }
        (tenths, unit) = (tenths / 1024, next);
    }
    match unit {
        "B" => format!("{octets} B"),
        _ => format!("{}.{} {unit}", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_told_in_units_of_1024() {
        for (number, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (7 << 32, "28.0 GiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(octets(number), shown);
        }
    }

    #[test]
    fn account_without_a_class_of_its_day_is_doubted() {
        let at = |hour: i64| Timestamp::from_second(1_790_000_000 + 3600 * hour).unwrap();
        for (joined_by, began, is_doubted) in [
            ("class", 0, false),
            ("class", 24, false),
            ("class", 25, true),
            ("log-on", 0, true),
        ] {
            let doubt = doubt_about_account(Some(joined_by), at(0), at(began));
            assert_eq!(doubt.is_some(), is_doubted, "{joined_by} {began}");
        }
    }
}
