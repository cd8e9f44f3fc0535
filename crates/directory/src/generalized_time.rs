//! Generalized time, as LDAP writes moments (RFC 4517 §3.3.13).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// A moment as a generalized time gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneralizedTime {
    /// This moment.
    At(Timestamp),
    /// One in the last hours of 9999, after those that the calendar here can hold: never, where
    /// something ends then.
    Beyond,
}

/// Reads `YYYYMMDDHH[MM[SS[.fraction]]]` with `Z` or `±HH[MM]`; the fraction is dropped.
pub fn read(text: &str) -> Option<GeneralizedTime> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (clock, rest) = text.split_at_checked(digits)?;
    let offset = offset(without_fraction(rest, digits)?)?;
    let at = offset.to_timestamp(civil(clock)?);
    Some(at.map_or(GeneralizedTime::Beyond, GeneralizedTime::At))
}

fn civil(digits: &str) -> Option<DateTime> {
    if !matches!(digits.len(), 10 | 12 | 14) {
        return None;
    }
    let year = digits.get(..4)?.parse().ok()?;
    let (month, day, hour) = (pair(digits, 4)?, pair(digits, 6)?, pair(digits, 8)?);
    let minute = pair(digits, 10).unwrap_or(0);
    // A leap second is the last second of its minute.
    let second = pair(digits, 12).unwrap_or(0);
    let second = if second == 60 { 59 } else { second };
    DateTime::new(year, month, day, hour, minute, second, 0).ok()
}

fn pair(digits: &str, at: usize) -> Option<i8> {
    digits.get(at..at + 2)?.parse().ok()
}

/// A fraction counts only after seconds: `2026010203.5Z`, half past, is nobody's custom.
fn without_fraction(rest: &str, digits: usize) -> Option<&str> {
    let Some(fraction) = rest.strip_prefix(['.', ',']) else {
        return Some(rest);
    };
    let zone = fraction.trim_start_matches(|character: char| character.is_ascii_digit());
    (digits == 14 && zone.len() < fraction.len()).then_some(zone)
}

fn offset(zone: &str) -> Option<Offset> {
    if zone == "Z" {
        return Some(Offset::UTC);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let minutes = if digits.len() == 4 {
        pair(digits, 2)?
    } else {
        0
    };
    let seconds = i32::from(pair(digits, 0)?) * 3600 + i32::from(minutes) * 60;
    (minutes < 60).then(|| Offset::from_seconds(sign * seconds).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_the_rfc_are_read() {
        let cases = [
            ("20250102030405Z", "2025-01-02T03:04:05Z"),
            ("202501020304Z", "2025-01-02T03:04:00Z"),
            ("2025010203Z", "2025-01-02T03:00:00Z"),
            ("20250102030405.678Z", "2025-01-02T03:04:05Z"),
            ("20250102030405,6Z", "2025-01-02T03:04:05Z"),
            ("20250102030405+0100", "2025-01-02T02:04:05Z"),
            ("202501020304-0530", "2025-01-02T08:34:00Z"),
            ("2025010203+01", "2025-01-02T02:00:00Z"),
            ("20161231235960Z", "2016-12-31T23:59:59Z"),
            ("99991230215959Z", "9999-12-30T21:59:59Z"),
        ];
        for (text, expected) in cases {
            let at = GeneralizedTime::At(expected.parse().unwrap());
            assert_eq!(read(text), Some(at), "{text}");
        }
    }

    #[test]
    fn last_day_of_the_calendar_is_beyond_it() {
        for text in [
            "99991231235959Z",
            "99991231000000Z",
            "9999123123Z",
            "99991231235959.9Z",
            "99991231235959+0100",
            "99991231235959-1200",
        ] {
            assert_eq!(read(text), Some(GeneralizedTime::Beyond), "{text}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        let cases = [
            "",
            "Z",
            "2025",
            "20250102",
            "20250102030405",
            "20251302030405Z",
            "20250230030405Z",
            "2025010224Z",
            "20250102030405.Z",
            "2025010203.5Z",
            "20250102030405+1",
            "2025010203+0160",
            "20250102030405+99",
            "20250102030405X",
            "2025-01-02T03:04:05Z",
            "20250102030405Zé",
            "202501020304+é1",
            "20250102030461Z",
            "99999999999999Z",
        ];
        for text in cases {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
