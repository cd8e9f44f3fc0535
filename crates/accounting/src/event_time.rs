//! The moment that a record tells of.

use jiff::{SignedDuration, Timestamp};

/// Event-Timestamp is believed this far from our own clock: beyond it the clock of the NAS is wrong.
pub const MOST_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Acct-Delay-Time is believed up to here.
pub const LONGEST_DELAY: SignedDuration = SignedDuration::from_hours(24);

/// The moment of an event whose record `arrived` now, to the millisecond.
///
/// Acct-Delay-Time (`delay_s`, RFC 2866 §5.2) is how long the NAS has tried to send the record;
/// Event-Timestamp (`stamp`, RFC 2869 §5.3) is the event by the clock of the NAS, in seconds since
/// 1970. The own clock counts: an equipment that thinks it is 1970, or another time zone, must not
/// move its sessions into times when others had their addresses. Within [`MOST_SKEW`]
/// Event-Timestamp is the better one: it does not move when a record is sent again.
#[must_use]
pub fn event_time(arrived: Timestamp, delay_s: Option<u32>, stamp: Option<u32>) -> Timestamp {
    let delay = SignedDuration::from_secs(delay_s.unwrap_or(0).into());
    let delay = if delay > LONGEST_DELAY {
        SignedDuration::ZERO
    } else {
        delay
    };
    let ours = whole_milliseconds(arrived.checked_sub(delay).unwrap_or(arrived));
    let theirs = stamp.and_then(|stamp| Timestamp::from_second(stamp.into()).ok());
    match theirs {
        Some(theirs) if ours.duration_since(theirs).abs() <= MOST_SKEW => theirs,
        _ => ours,
    }
}

/// The precision that the store keeps.
fn whole_milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn second(text: &str) -> Option<u32> {
        u32::try_from(time(text).as_second()).ok()
    }

    #[test]
    fn event_is_the_arrival_less_its_delay_where_the_clock_of_the_nas_is_wild() {
        let arrived = time("2026-11-28T10:00:00.123456Z");
        for (delay, stamp, event) in [
            (None, None, "2026-11-28T10:00:00.123Z"),
            (Some(20), None, "2026-11-28T09:59:40.123Z"),
            (None, second("2026-11-28T09:58:00Z"), "2026-11-28T09:58:00Z"),
            (None, second("2026-11-28T10:05:00Z"), "2026-11-28T10:05:00Z"),
            (
                Some(7200),
                second("2026-11-28T08:00:01Z"),
                "2026-11-28T08:00:01Z",
            ),
            // Another time zone, 1970, 2106.
            (
                None,
                second("2026-11-28T12:00:00Z"),
                "2026-11-28T10:00:00.123Z",
            ),
            (None, Some(0), "2026-11-28T10:00:00.123Z"),
            (None, Some(u32::MAX), "2026-11-28T10:00:00.123Z"),
            (Some(u32::MAX), None, "2026-11-28T10:00:00.123Z"),
            (Some(86_400), None, "2026-11-27T10:00:00.123Z"),
        ] {
            let told = event_time(arrived, delay, stamp);
            assert_eq!(told, time(event), "{delay:?} {stamp:?}");
        }
    }

    #[test]
    fn ends_of_time_do_not_panic() {
        for arrived in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
            for value in [None, Some(0), Some(u32::MAX)] {
                let _ = event_time(arrived, value, value);
            }
        }
    }
}
