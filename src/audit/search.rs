//! Search for attempts in the files of the audit log, newest first.
//!
//! The log is read line by line, the newest day first, and no more days than are asked for or
//! needed. Memory is that of the lines that are found.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::writer::day_of;
use crate::shown::{Outside, as_given};
use crate::times::iso;

#[cfg(test)]
mod tests;

/// The longest line that is read; the server's own have a few hundred octets.
const LONGEST_LINE: usize = 64 * 1024;

/// The conditions of a search; those that are `None` hold for every attempt.
#[derive(Clone, Debug)]
pub struct Query {
    /// A name that was sent, or the account: see `Pattern::names`.
    pub name: Option<Pattern>,
    /// Calling-Station-Id: see `Pattern::fits_device`.
    pub device: Option<Pattern>,
    /// Operator-Name or NAS-Identifier.
    pub place: Option<Pattern>,
    /// The name of the RADIUS client in the configuration.
    pub client: Option<Pattern>,
    /// `accept`, or the code of the refusal.
    pub outcome: Option<Pattern>,
    /// Not before.
    pub since: Timestamp,
    /// Not after.
    pub until: Timestamp,
    /// So many at most.
    pub limit: usize,
}

/// Text to be found, in which `*` stands for any characters. Large and small letters are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

/// An attempt as its line tells of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FoundAttempt {
    /// When the last answer left.
    #[serde(rename = "response_time", with = "iso")]
    pub time: Timestamp,
    /// `accept`, `reject`, `gave-up`.
    pub result: String,
    /// The code of the refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The code of its symptom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symptom: Option<String>,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Outside>,
    /// User-Name.
    pub outer_identity: Outside,
    /// The name in EAP-Response/Identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eap_identity: Option<Outside>,
    /// The name inside the tunnel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner_identity: Option<Outside>,
    /// The account, once it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Outside>,
    /// The machine's account (TEAP).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_account: Option<Outside>,
    /// The device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calling_station_id: Option<Outside>,
    /// The RADIUS client.
    pub client: Outside,
    /// The source address of its packets.
    pub client_address: Outside,
    /// The access point, as it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nas_identifier: Option<Outside>,
    /// The visited site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator_name: Option<Outside>,
    /// The service.
    pub service: String,
    /// The method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

/// The result of a search.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Newest first.
    pub attempts: Vec<FoundAttempt>,
    /// Whether there are more than were asked for, or may be.
    pub more: bool,
    /// Lines that could not be read.
    pub unreadable: u64,
}

/// A line of any event.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line {
    Attempt(Box<FoundAttempt>),
    #[serde(other)]
    Other,
}

impl Pattern {
    /// The pattern as typed. Invisible characters may be typed as they are, or in the escaped form
    /// in which they are shown.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(as_given(text.as_bytes()).to_lowercase())
    }

    /// Whether `text` is it, as a whole.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        is_like(&text.to_lowercase(), &self.0)
    }

    /// Whether `name` is it, or is it in some realm where none was typed.
    fn names(&self, name: &str) -> bool {
        let bare = || name.split_once('@').map(|(bare, _)| bare);
        self.fits(name) || (!self.0.contains('@') && bare().is_some_and(|bare| self.fits(bare)))
    }

    /// Whether `device` is it; of a MAC address, however it is written.
    fn fits_device(&self, device: &str) -> bool {
        let plain = |text: &str| text.replace(['-', ':', '.'], "");
        self.fits(device) || is_like(&plain(&device.to_lowercase()), &plain(&self.0))
    }
}

/// Whether `text` is like `pattern`, in which `*` is anything. No backtracking: each piece is looked
/// for once, as early as it can be.
fn is_like(text: &str, pattern: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return text == pattern;
    };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut left) = text.strip_prefix(first) else {
        return false;
    };
    for piece in middle.split('*') {
        match left.split_once(piece) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(last)
}

impl FoundAttempt {
    /// `accept`, or why not.
    #[must_use]
    pub fn outcome(&self) -> &str {
        self.reason.as_deref().unwrap_or(&self.result)
    }

    /// The names in it, each once: outside, inside, whose account.
    #[must_use]
    pub fn names(&self) -> Vec<&Outside> {
        let others = [
            &self.eap_identity,
            &self.inner_identity,
            &self.account,
            &self.machine_account,
        ];
        let mut names = vec![&self.outer_identity];
        for name in others.into_iter().flatten() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn is_wanted(&self, query: &Query) -> bool {
        let fits = |pattern: &Option<Pattern>, fits: &dyn Fn(&Pattern) -> bool| {
            pattern.as_ref().is_none_or(fits)
        };
        let any = |values: &[Option<&Outside>], fits: &dyn Fn(&str) -> bool| {
            let mut values = values.iter().flatten();
            values.any(|value| fits(value.as_written()))
        };
        let places = [self.operator_name.as_ref(), self.nas_identifier.as_ref()];
        let device = [self.calling_station_id.as_ref()];
        (query.since..=query.until).contains(&self.time)
            && fits(&query.outcome, &|outcome| outcome.fits(self.outcome()))
            && fits(&query.client, &|client| {
                client.fits(self.client.as_written())
            })
            && fits(&query.name, &|name| {
                let mut names = self.names().into_iter();
                names.any(|each| name.names(each.as_written()))
            })
            && fits(&query.device, &|device_pattern| {
                any(&device, &|value| device_pattern.fits_device(value))
            })
            && fits(&query.place, &|place| {
                any(&places, &|value| place.fits(value))
            })
    }
}

/// Looks through the log in `folder`.
///
/// # Errors
/// The folder or one of its files can't be read.
pub fn search(folder: &Path, query: &Query) -> io::Result<Found> {
    let mut found = Found::default();
    for file in files(folder, query)? {
        let room = query.limit - found.attempts.len();
        if room == 0 {
            // They were not looked at.
            found.more = true;
            break;
        }
        let lines = BufReader::with_capacity(LONGEST_LINE, File::open(&file)?);
        search_file(lines, query, room, &mut found)?;
    }
    Ok(found)
}

/// The files of the days that count, the newest first. A line stands in the file of the UTC day on
/// which its attempt ended.
fn files(folder: &Path, query: &Query) -> io::Result<Vec<PathBuf>> {
    let day = |time: Timestamp| time.to_zoned(TimeZone::UTC).date();
    let days = day(query.since)..=day(query.until);
    let mut files: Vec<(Date, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let of = entry.file_name().to_str().and_then(day_of);
        files.extend(
            of.filter(|day| days.contains(day))
                .map(|day| (day, entry.path())),
        );
    }
    files.sort_unstable_by(|one, other| other.cmp(one));
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// Adds the last `room` attempts of one file that are wanted.
fn search_file(
    mut lines: impl BufRead,
    query: &Query,
    room: usize,
    found: &mut Found,
) -> io::Result<()> {
    let mut last: VecDeque<FoundAttempt> = VecDeque::new();
    let mut line = Vec::new();
    while let Some(is_whole) = read_line(&mut lines, &mut line)? {
        let read = is_whole.then(|| serde_json::from_slice::<Line>(&line));
        match read {
            Some(Ok(Line::Attempt(attempt))) if attempt.is_wanted(query) => {
                if last.len() == room {
                    last.pop_front();
                    found.more = true;
                }
                last.push_back(*attempt);
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => found.unreadable += 1,
        }
    }
    found.attempts.extend(last.into_iter().rev());
    Ok(())
}

/// Reads a line into `line`; `None` at the end, or before a last line that is still being written,
/// false for one that is too long, whose rest is passed over.
fn read_line(lines: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut is_whole = true;
    loop {
        let octets = lines.fill_buf()?;
        if octets.is_empty() {
            return Ok(None);
        }
        let end = octets.iter().position(|octet| *octet == b'\n');
        let taken = end.unwrap_or(octets.len());
        is_whole &= line.len() + taken <= LONGEST_LINE;
        if is_whole {
            line.extend_from_slice(octets.get(..taken).unwrap_or_default());
        }
        lines.consume(taken + usize::from(end.is_some()));
        if end.is_some() {
            return Ok(Some(is_whole));
        }
    }
}
