//! Moments, in every form that directories write them in.

use jiff::{SignedDuration, Timestamp};

use super::super::generalized_time;

/// What an attribute says of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// This one.
    At(Timestamp),
    /// None, ever.
    Never,
    /// Zero: the account's owner has yet to do what would be dated, such as choose a password.
    NotYet,
}

/// Days, seconds and FILETIME are numbers that never meet: below this are days …
const MOST_DAYS: i64 = 1_000_000;
/// … and below this, which is the year 5138, seconds since 1970.
const MOST_SECONDS: i64 = 100_000_000_000;
/// FILETIME: 100 nanoseconds since 1601-01-01, and the one that means never.
const FILETIME_NEVER: i64 = i64::MAX;
const FILETIME_PER_SECOND: i64 = 10_000_000;
const FILETIME_OF_1970: i64 = 11_644_473_600;
const DAY: i64 = 24 * 60 * 60;

/// Reads a moment by its look: generalized time (RFC 4517 §3.3.13), days since 1970
/// (`shadowExpire`), seconds since 1970 (`sambaPwdLastSet`) or FILETIME (`pwdLastSet`).
pub(super) fn read(text: &str) -> Option<Moment> {
    // Digits and a minus alone are no generalized time, which has a zone.
    match text.parse::<i64>() {
        Ok(-1 | FILETIME_NEVER) => Some(Moment::Never),
        Ok(0) => Some(Moment::NotYet),
        Ok(number) => numbered(number).map(Moment::At),
        Err(_) => generalized_time::read(text).map(Moment::At),
    }
}

fn numbered(number: i64) -> Option<Timestamp> {
    let seconds = match number {
        ..0 => return None,
        0..MOST_DAYS => number.checked_mul(DAY)?,
        MOST_DAYS..MOST_SECONDS => number,
        _ => number / FILETIME_PER_SECOND - FILETIME_OF_1970,
    };
    // A date beyond what a calendar can hold is as good as never for whoever compares it.
    Timestamp::UNIX_EPOCH
        .checked_add(SignedDuration::from_secs(seconds))
        .ok()
}

/// As our own reader takes it.
pub(super) fn write(moment: Timestamp) -> String {
    moment.strftime("%Y%m%d%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<Moment> {
        Some(Moment::At(text.parse().unwrap()))
    }

    #[test]
    fn every_form_is_known_by_its_look() {
        let cases = [
            ("20260815080000Z", "2026-08-15T08:00:00Z"),
            ("20260815100000.0Z", "2026-08-15T10:00:00Z"),
            ("20260815100000+0200", "2026-08-15T08:00:00Z"),
            // Days: shadowLastChange, shadowExpire.
            ("20680", "2026-08-15T00:00:00Z"),
            ("1", "1970-01-02T00:00:00Z"),
            // Seconds: sambaPwdLastSet.
            ("1786780800", "2026-08-15T08:00:00Z"),
            // FILETIME: pwdLastSet, accountExpires.
            ("134312544000000000", "2026-08-15T08:00:00Z"),
            ("116444736000000000", "1970-01-01T00:00:00Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), at(expected), "{text}");
        }
    }

    #[test]
    fn never_and_not_yet_are_no_moments() {
        assert_eq!(read("9223372036854775807"), Some(Moment::Never));
        assert_eq!(read("-1"), Some(Moment::Never));
        assert_eq!(read("0"), Some(Moment::NotYet));
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "-5",
            "soon",
            "2026-08-15",
            "99999999999999999999",
            "0x10",
            "1e9",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for text in ["2026-08-15T08:00:00Z", "1601-01-01T00:00:00Z"] {
            let moment: Timestamp = text.parse().unwrap();
            assert_eq!(read(&write(moment)), Some(Moment::At(moment)));
        }
    }
}
