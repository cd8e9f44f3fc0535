//! Statistics of a class: counts by outcome, latency histogram, and both for each second.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// Longest latency recorded, in microseconds; longer ones count as this.
const LONGEST_US: u64 = 120_000_000;

/// Last second with an entry of its own: after a day everything counts to it.
const LAST_SECOND: usize = 24 * 60 * 60;

/// Statistics of one class of log-ons, of one worker or of all.
#[derive(Clone)]
pub(crate) struct Stats {
    /// Log-ons started.
    pub begun: u64,
    /// Log-ons that ended as they should: let in with the right proof, refused with a wrong one.
    pub right: u64,
    /// Of those, accepted.
    pub accepted: u64,
    /// Of the accepted, on a resumed TLS session.
    pub resumed: u64,
    /// Log-ons that ended as they should not, by what was wrong.
    pub wrong: BTreeMap<&'static str, u64>,
    /// Requests sent, retransmissions not counted.
    pub requests: u64,
    /// Retransmissions.
    pub retransmissions: u64,
    /// Discarded replies by reason, for instance a wrong authenticator.
    pub discarded: BTreeMap<&'static str, u64>,
    /// Time from when a log-on was due until its last answer, in microseconds.
    pub latency: Histogram<u64>,
    /// An entry for each second since the phase began.
    pub seconds: Vec<Second>,
}

/// Statistics of one second.
#[derive(Clone)]
pub(crate) struct Second {
    /// Log-ons that ended in it.
    pub ended: u64,
    /// Those that ended wrongly.
    pub wrong: u64,
    /// Latencies of those that ended in it, in microseconds.
    pub latency: Histogram<u32>,
}

impl Default for Stats {
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

/// Outcome of a log-on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As expected.
    Right {
        /// Access-Accept.
        accepted: bool,
        /// On a resumed TLS session.
        resumed: bool,
    },
    /// Not as expected, with the reason.
    Wrong(&'static str),
}

impl Stats {
    /// Counts a log-on that ended `at` after the phase began, `latency` after it was due.
    pub(crate) fn end(&mut self, outcome: Outcome, at: Duration, latency: Duration) {
        let latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let is_right = matches!(outcome, Outcome::Right { .. });
        match outcome {
            Outcome::Right { accepted, resumed } => {
                self.right += 1;
                self.accepted += u64::from(accepted);
                self.resumed += u64::from(resumed);
                self.latency.saturating_record(latency_us);
            }
            Outcome::Wrong(why) => *self.wrong.entry(why).or_default() += 1,
        }
        if let Some(second) = self.second(at) {
            second.ended += 1;
            second.wrong += u64::from(!is_right);
            second.latency.saturating_record(latency_us);
        }
    }

    /// Counts a discarded reply.
    pub(crate) fn discard(&mut self, why: &'static str) {
        *self.discarded.entry(why).or_default() += 1;
    }

    /// Log-ons that ended as they should not.
    pub(crate) fn wrongs(&self) -> u64 {
        self.wrong.values().sum()
    }

    /// Adds the statistics of another worker.
    pub(crate) fn add(&mut self, other: &Stats) {
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

    const RIGHT: Outcome = Outcome::Right {
        accepted: true,
        resumed: false,
    };

    #[test]
    fn two_workers_add_up_second_by_second() {
        let (mut one, mut other) = (Stats::default(), Stats::default());
        one.end(RIGHT, Duration::from_millis(500), Duration::from_millis(1));
        other.end(RIGHT, Duration::from_millis(2500), Duration::from_millis(3));
        other.end(
            Outcome::Wrong("rejected"),
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
        let mut stats = Stats::default();
        stats.end(RIGHT, Duration::ZERO, Duration::from_secs(100_000));
        assert!(stats.latency.max() >= LONGEST_US);
    }
}
