//! What was counted: answers by kind, latencies, and the same second by second.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest latency that is told apart, in microseconds; longer ones count as it.
const LONGEST_US: u64 = 120_000_000;

/// What happens after a day counts to its last second.
const LAST_SECOND: usize = 24 * 60 * 60;

/// The counts of one class of log-ons, by one worker or by all of them.
#[derive(Clone)]
pub(crate) struct Tally {
    /// Log-ons that began.
    pub begun: u64,
    /// Log-ons that ended as they should: let in with the right proof, refused with a wrong one.
    pub right: u64,
    /// Of those, how many were let in.
    pub accepted: u64,
    /// Of the accepted, how many on a resumed TLS session.
    pub resumed: u64,
    /// Log-ons that ended as they should not, by what was wrong.
    pub wrong: BTreeMap<&'static str, u64>,
    /// Requests sent, retransmissions not counted.
    pub requests: u64,
    /// Retransmissions.
    pub retransmissions: u64,
    /// Replies that were thrown away, for instance because their authenticator is wrong.
    pub discarded: BTreeMap<&'static str, u64>,
    /// From when a log-on was due until its last answer, in microseconds.
    pub latency: Histogram<u64>,
    /// Seconds since the phase began.
    pub seconds: Vec<Second>,
}

/// One second of it.
#[derive(Clone)]
pub(crate) struct Second {
    /// Log-ons that ended in it.
    pub ended: u64,
    /// Those that ended wrongly.
    pub wrong: u64,
    /// Latencies of those that ended in it, in microseconds.
    pub latency: Histogram<u32>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            begun: 0,
            right: 0,
            accepted: 0,
            resumed: 0,
            wrong: BTreeMap::new(),
            requests: 0,
            retransmissions: 0,
            discarded: BTreeMap::new(),
            latency: histogram(3),
            seconds: Vec::new(),
        }
    }
}

/// How a log-on ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As it should.
    Right {
        /// It was let in.
        accepted: bool,
        /// On a resumed TLS session.
        resumed: bool,
    },
    /// Not as it should, and what was wrong.
    Wrong(&'static str),
}

impl Tally {
    /// Counts a log-on that ended `at` after the phase began, `latency` after it was due.
    pub(crate) fn end(&mut self, ending: Ending, at: Duration, latency: Duration) {
        let latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let is_right = matches!(ending, Ending::Right { .. });
        match ending {
            Ending::Right { accepted, resumed } => {
                self.right += 1;
                self.accepted += u64::from(accepted);
                self.resumed += u64::from(resumed);
                self.latency.saturating_record(latency_us);
            }
            Ending::Wrong(why) => *self.wrong.entry(why).or_default() += 1,
        }
        if let Some(second) = self.second(at) {
            second.ended += 1;
            second.wrong += u64::from(!is_right);
            second.latency.saturating_record(latency_us);
        }
    }

    /// Counts a reply that was thrown away.
    pub(crate) fn discard(&mut self, why: &'static str) {
        *self.discarded.entry(why).or_default() += 1;
    }

    /// Log-ons that ended as they should not.
    pub(crate) fn wrongs(&self) -> u64 {
        self.wrong.values().sum()
    }

    /// Adds what another worker counted.
    pub(crate) fn add(&mut self, other: &Tally) {
        self.begun += other.begun;
        self.right += other.right;
        self.accepted += other.accepted;
        self.resumed += other.resumed;
        self.requests += other.requests;
        self.retransmissions += other.retransmissions;
        for (why, count) in &other.wrong {
            *self.wrong.entry(why).or_default() += count;
        }
        for (why, count) in &other.discarded {
            *self.discarded.entry(why).or_default() += count;
        }
        // Both have the same bounds, so nothing can be out of range.
        let _ = self.latency.add(&other.latency);
        self.lengthen(other.seconds.len());
        for (mine, theirs) in self.seconds.iter_mut().zip(&other.seconds) {
            mine.ended += theirs.ended;
            mine.wrong += theirs.wrong;
            let _ = mine.latency.add(&theirs.latency);
        }
    }

    fn second(&mut self, at: Duration) -> Option<&mut Second> {
        let index = usize::try_from(at.as_secs()).ok()?.min(LAST_SECOND);
        self.lengthen(index + 1);
        self.seconds.get_mut(index)
    }

    fn lengthen(&mut self, seconds: usize) {
        while self.seconds.len() < seconds {
            self.seconds.push(Second {
                ended: 0,
                wrong: 0,
                latency: histogram(2),
            });
        }
    }
}

#[expect(
    clippy::expect_used,
    reason = "the bounds are constants that fit each other"
)]
fn histogram<C: hdrhistogram::Counter>(figures: u8) -> Histogram<C> {
    Histogram::new_with_bounds(1, LONGEST_US, figures).expect("bounds of a histogram")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: Ending = Ending::Right {
        accepted: true,
        resumed: false,
    };

    #[test]
    fn two_workers_add_up_second_by_second() {
        let (mut one, mut other) = (Tally::default(), Tally::default());
        one.end(RIGHT, Duration::from_millis(500), Duration::from_millis(1));
        other.end(RIGHT, Duration::from_millis(2500), Duration::from_millis(3));
        other.end(
            Ending::Wrong("rejected"),
            Duration::from_millis(2600),
            Duration::from_millis(9),
        );
        one.add(&other);
        assert_eq!((one.right, one.accepted, one.wrongs()), (2, 2, 1));
        let ended: Vec<_> = one.seconds.iter().map(|second| second.ended).collect();
        assert_eq!(ended, [1, 0, 2]);
        assert_eq!(one.latency.len(), 2);
        assert_eq!(one.seconds[2].wrong, 1);
    }

    #[test]
    fn a_latency_beyond_all_bounds_is_kept_as_the_longest() {
        let mut tally = Tally::default();
        tally.end(RIGHT, Duration::ZERO, Duration::from_secs(100_000));
        assert!(tally.latency.max() >= LONGEST_US);
    }
}
