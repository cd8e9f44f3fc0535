//! Times as people and scripts read them: one form for each, one precision for each.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// For people: `2026-11-27 23:28:40 CET`, in the zone of the configuration, to the second.
#[must_use]
pub fn for_people(time: Timestamp, zone: &TimeZone) -> String {
    let local = time.to_zoned(zone.clone());
    local.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// For a text message: `27.11. 23:28`, in the zone of the configuration, to the minute.
#[must_use]
pub fn short_for_people(time: Timestamp, zone: &TimeZone) -> String {
    let local = time.to_zoned(zone.clone());
    local.strftime("%-d.%-m. %H:%M").to_string()
}

/// For scripts, as in the audit log: RFC 3339 in UTC with three decimals.
pub mod iso {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer};

    /// `2026-11-27T22:28:40.632Z`.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{time:.3}"))
    }

    /// Any precision is read.
    ///
    /// # Errors
    /// It is no time.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        Timestamp::deserialize(from)
    }
}

/// The same where there may be none.
pub mod iso_if_any {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer};

    /// As [`iso`](super::iso), or null.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(time: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::iso::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    /// As [`iso`](super::iso).
    ///
    /// # Errors
    /// It is no time.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        Option::deserialize(from)
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[test]
    fn people_read_their_own_zone_to_the_second() {
        let oslo = TimeZone::get("Europe/Oslo").unwrap();
        for (utc, local) in [
            ("2026-11-27T22:28:40.632449995Z", "2026-11-27 23:28:40 CET"),
            ("2026-07-01T22:01:31.64Z", "2026-07-02 00:01:31 CEST"),
            ("2026-11-27T09:00:00Z", "2026-11-27 10:00:00 CET"),
        ] {
            assert_eq!(for_people(utc.parse().unwrap(), &oslo), local);
        }
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Times(
        #[serde(with = "iso")] Timestamp,
        #[serde(with = "iso_if_any")] Option<Timestamp>,
    );

    #[test]
    fn scripts_read_three_decimals_whatever_was_there() {
        for (utc, written) in [
            ("2026-11-27T22:28:40.632449995Z", "2026-11-27T22:28:40.632Z"),
            ("2026-11-27T22:28:40.6Z", "2026-11-27T22:28:40.600Z"),
            ("2026-11-27T22:28:40Z", "2026-11-27T22:28:40.000Z"),
        ] {
            let time: Timestamp = utc.parse().unwrap();
            let json = serde_json::to_string(&Times(time, Some(time))).unwrap();
            assert_eq!(json, format!("[\"{written}\",\"{written}\"]"));
            let read: Times = serde_json::from_str(&json).unwrap();
            assert_eq!(read.1, Some(read.0));
        }
        let none: Times = serde_json::from_str("[\"2026-11-27T22:28:40Z\",null]").unwrap();
        assert_eq!(none.1, None);
    }
}
