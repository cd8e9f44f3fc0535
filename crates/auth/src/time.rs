//! Time as a value: a tick that never jumps, for locks; UTC, for everything a person reads.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Milliseconds since the process began, on a clock that never jumps.
///
/// Moments before the process began are negative: failures that were restored keep their true age.
/// All arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(i64);

impl Tick {
    /// The moment the process began.
    pub const START: Tick = Tick(0);

    /// The moment this long after the process began.
    pub fn after_start(elapsed: Duration) -> Tick {
        Tick::START.plus(elapsed)
    }

    /// The moment this many milliseconds after the process began.
    pub const fn from_millis(millis: i64) -> Tick {
        Tick(millis)
    }

    /// Milliseconds since the process began.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This much later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Tick {
        Tick(self.0.saturating_add(millis(duration)))
    }

    /// This much earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Tick {
        Tick(self.0.saturating_sub(millis(duration)))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Tick) -> Duration {
        let millis = self.0.saturating_sub(earlier.0).max(0);
        Duration::from_millis(millis.unsigned_abs())
    }
}

/// Whole milliseconds, as many as fit.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// One moment on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For locks and everything that counts down.
    pub tick: Tick,
    /// For deadlines, expiry and what is written down.
    pub utc: Timestamp,
}

impl Now {
    /// The UTC time of another tick, as seen from this moment.
    pub fn utc_at(&self, tick: Tick) -> Timestamp {
        let millis = tick.0.saturating_sub(self.tick.0);
        saturating_add(self.utc, SignedDuration::from_millis(millis))
    }

    /// The tick of another UTC time, as seen from this moment.
    pub fn tick_at(&self, utc: Timestamp) -> Tick {
        let millis = utc
            .as_millisecond()
            .saturating_sub(self.utc.as_millisecond());
        Tick(self.tick.0.saturating_add(millis))
    }
}

/// `utc` + `duration`, at most the last moment that can be written.
pub(crate) fn saturating_add(utc: Timestamp, duration: SignedDuration) -> Timestamp {
    let end = if duration.is_negative() {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    utc.checked_add(duration).unwrap_or(end)
}

/// `utc` + `duration`, at most the last moment that can be written.
pub fn later(utc: Timestamp, duration: Duration) -> Timestamp {
    saturating_add(
        utc,
        SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX),
    )
}

/// `utc` - `duration`, at least the first moment that can be written.
pub fn earlier(utc: Timestamp, duration: Duration) -> Timestamp {
    utc.checked_sub(duration).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Now {
        Now {
            tick: Tick::from_millis(5_000),
            utc: "2026-11-22T16:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn both_clocks_convert_there_and_back() {
        let utc: Timestamp = "2026-11-22T15:59:58.5Z".parse().unwrap();
        assert_eq!(now().tick_at(utc), Tick::from_millis(3_500));
        assert_eq!(now().utc_at(Tick::from_millis(3_500)), utc);
    }

    #[test]
    fn moments_before_the_process_began_keep_their_age() {
        let utc: Timestamp = "2026-11-22T15:30:00Z".parse().unwrap();
        let tick = now().tick_at(utc);
        assert_eq!(now().tick.since(tick), Duration::from_secs(30 * 60));
    }

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let last = Tick::from_millis(i64::MAX);
        assert_eq!(last.plus(Duration::MAX), last);
        assert_eq!(
            Tick::from_millis(i64::MIN).minus(Duration::MAX),
            Tick::from_millis(i64::MIN)
        );
        assert_eq!(Tick::START.since(last), Duration::ZERO);
        assert_eq!(now().utc_at(last), Timestamp::MAX);
        assert_eq!(now().utc_at(Tick::from_millis(i64::MIN)), Timestamp::MIN);
        assert_eq!(later(now().utc, Duration::MAX), Timestamp::MAX);
    }
}
