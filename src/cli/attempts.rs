//! `portvakt attempts`: who tried to log on, from the audit log.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::admin_client::flush;
use super::{ConfigFile, Ending, complain, fail, say, say_json};
use crate::audit::{Found, FoundAttempt, Pattern, Query, search};
use crate::config::Config;
use crate::shown::Outside;
use crate::times::for_people;

/// Who tried to log on, newest first: from the audit log, under names that nobody has, too
#[derive(Args)]
#[command(
    after_help = "In NAME, DEVICE, PLACE, CLIENT and CODE `*` stands for anything. \
    WHEN is a date, a date with a time (in the configured zone), or a time ago: 2026-11-27, \
    \"2026-11-27 08:15\", 2h, 30m, 7d."
)]
pub(super) struct Attempts {
    /// A name as it was sent, outside or inside the tunnel, or the account's; without a realm in any
    name: Option<String>,
    /// Calling-Station-Id, a MAC address in any spelling
    #[arg(long)]
    device: Option<String>,
    /// The visited site (Operator-Name) or the access point (NAS-Identifier)
    #[arg(long)]
    place: Option<String>,
    /// The RADIUS client, by its name in the configuration
    #[arg(long)]
    client: Option<String>,
    /// The code of a refusal, or `accept`
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// Not before
    #[arg(long, value_name = "WHEN", default_value = "7d")]
    since: String,
    /// Not after
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

/// Which end of a day is meant.
#[derive(Clone, Copy)]
pub(super) enum Side {
    First,
    Last,
}

pub(super) fn run(attempts: &Attempts) -> Ending {
    let config = match attempts.file.load() {
        Ok((config, _)) => config,
        Err(ending) => return ending,
    };
    let zone = config.rules.terms.zone();
    let query = match query(attempts, Timestamp::now(), zone) {
        Ok(query) => query,
        Err(mistake) => {
            complain(&format_args!("portvakt: {mistake}"));
            return Ending::Mistaken;
        }
    };
    match look(&config, &query) {
        Ok(found) if attempts.json => print_json(&found),
        Ok(found) => print(&found, zone),
        Err(error) => return fail(error),
    }
    Ending::Done
}

fn query(attempts: &Attempts, now: Timestamp, zone: &TimeZone) -> Result<Query, String> {
    let pattern = |text: &Option<String>| text.as_deref().map(Pattern::new);
    let until = attempts.until.as_deref();
    let until = until.map(|until| moment(until, Side::Last, now, zone));
    Ok(Query {
        name: pattern(&attempts.name),
        device: pattern(&attempts.device),
        place: pattern(&attempts.place),
        client: pattern(&attempts.client),
        outcome: pattern(&attempts.reason),
        since: moment(&attempts.since, Side::First, now, zone)?,
        until: until.transpose()?.unwrap_or(Timestamp::MAX),
        limit: usize::try_from(attempts.limit).unwrap_or(usize::MAX),
    })
}

/// Reads `2h`, `2026-11-27`, `2026-11-27 08:15` or a time of RFC 3339.
pub(super) fn moment(
    text: &str,
    side: Side,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<Timestamp, String> {
    if let Some(ago) = ago(text) {
        return Ok(now.checked_sub(ago).unwrap_or(Timestamp::MIN));
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let local = match (text.parse::<Date>(), side) {
        (Ok(day), Side::First) if text.len() == "2026-11-27".len() => day.to_datetime(Time::MIN),
        (Ok(day), Side::Last) if text.len() == "2026-11-27".len() => day.to_datetime(Time::MAX),
        _ => text.parse::<DateTime>().map_err(|_| {
            format!(
                "{text:?} is no time: write a date like 2026-11-27, a date with a time like \
                 \"2026-11-27 08:15\", or a time ago like 2h, 30m or 7d"
            )
        })?,
    };
    let zoned = local.to_zoned(zone.clone());
    zoned
        .map(|zoned| zoned.timestamp())
        .map_err(|error| format!("{text:?} is no time: {error}"))
}

/// `30m`, `2h`, `7d`.
fn ago(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().last()?;
    let number = text.strip_suffix(unit)?.parse::<u32>().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    Some(SignedDuration::from_secs(i64::from(number) * seconds))
}

/// Searches the log that the configuration names, once what the server has in hand is in it.
pub(super) fn look(config: &Config, query: &Query) -> Result<Found, String> {
    flush(config);
    let folder: &PathBuf = &config.audit.folder;
    search(folder, query).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("there is no audit log in {} yet", folder.display())
        }
        std::io::ErrorKind::PermissionDenied => format!(
            "{} belongs to another user: run this as the user of the server, or as root",
            folder.display()
        ),
        _ => format!(
            "the audit log in {} can't be read: {error}",
            folder.display()
        ),
    })
}

fn print(found: &Found, zone: &TimeZone) {
    if found.attempts.is_empty() {
        say("no such attempts");
    }
    for attempt in &found.attempts {
        print_attempt(attempt, zone, "");
    }
    if found.more {
        complain(&"there are more, or there may be: --limit and --since show them");
    }
    if found.unreadable > 0 {
        complain(&format_args!(
            "{} lines of the audit log can't be read",
            found.unreadable
        ));
    }
}

/// One line, and one more where there is a detail.
pub(super) fn print_attempt(attempt: &FoundAttempt, zone: &TimeZone, indent: &str) {
    let names: Vec<_> = attempt
        .names()
        .into_iter()
        .map(Outside::to_string)
        .collect();
    let device = attempt.calling_station_id.as_ref();
    let place = attempt.operator_name.as_ref();
    let place = place.or(attempt.nas_identifier.as_ref());
    say(format_args!(
        "{indent}{}  {:<20} {}  {} {} from {} at {} ({})",
        for_people(attempt.time, zone),
        attempt.outcome(),
        names.join(", "),
        attempt.service,
        attempt.method.as_deref().unwrap_or("none"),
        device.map_or("unknown device".to_owned(), Outside::to_string),
        place.unwrap_or(&attempt.client_address),
        attempt.client,
    ));
    if let Some(detail) = &attempt.detail {
        say(format_args!("{indent}  {detail}"));
    }
}

fn print_json(found: &Found) {
    say_json(&serde_json::json!({
        "attempts": found.attempts,
        "more": found.more,
        "unreadable_lines": found.unreadable,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, side: Side) -> Option<String> {
        let now = "2026-11-27T22:30:00Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Oslo").unwrap();
        let moment = moment(text, side, now, &zone).ok()?;
        Some(format!("{moment:.0}"))
    }

    #[test]
    fn moments_are_read_in_the_configured_zone() {
        for (text, first, last) in [
            ("2h", "2026-11-27T20:30:00Z", "2026-11-27T20:30:00Z"),
            ("7d", "2026-11-20T22:30:00Z", "2026-11-20T22:30:00Z"),
            ("2026-11-27", "2026-11-26T23:00:00Z", "2026-11-27T22:59:59Z"),
            (
                "2026-07-01 08:15",
                "2026-07-01T06:15:00Z",
                "2026-07-01T06:15:00Z",
            ),
            (
                "2026-07-01T08:15:30",
                "2026-07-01T06:15:30Z",
                "2026-07-01T06:15:30Z",
            ),
            (
                "2026-07-01T08:15:30Z",
                "2026-07-01T08:15:30Z",
                "2026-07-01T08:15:30Z",
            ),
        ] {
            assert_eq!(read(text, Side::First).as_deref(), Some(first), "{text}");
            assert_eq!(read(text, Side::Last).as_deref(), Some(last), "{text}");
        }
    }

    #[test]
    fn anything_else_is_told() {
        for text in [
            "",
            "d",
            "yesterday",
            "-2h",
            "2y",
            "27.11.2026",
            "99999999999d",
            "å",
        ] {
            assert_eq!(read(text, Side::First), None, "{text}");
        }
    }
}
