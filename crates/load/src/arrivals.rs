//! Start times of the log-ons of a class: at a fixed rate (open loop), or a fixed number in flight
//! (closed loop).

use std::time::{Duration, Instant};

use crate::plan::{Arrivals, Class};
use crate::worker::WorkerShare;

/// Start times of one worker's share of a class.
pub(crate) struct Schedule {
    kind: Kind,
    began: Instant,
    ends: Instant,
    begun: u64,
    most: u64,
}

enum Kind {
    /// Interval between two log-ons of this worker.
    Every(Duration),
    /// Maximum and present number of log-ons in flight.
    InFlight { most: u64, now: u64 },
}

impl Schedule {
    pub(crate) fn new(class: &Class, share: WorkerShare, began: Instant, length: Duration) -> Self {
        let kind = match class.arrivals {
            Arrivals::Rate(rate) => Kind::Every(interval(rate, share)),
            Arrivals::InFlight(count) => Kind::InFlight {
                most: part(u64::try_from(count).unwrap_or(u64::MAX), share),
                now: 0,
            },
        };
        Self {
            kind,
            began,
            ends: began + length,
            begun: 0,
            most: class.count.map_or(u64::MAX, |count| part(count, share)),
        }
    }

    /// Takes the next log-on that is due: its due time and its number.
    pub(crate) fn take(&mut self, now: Instant) -> Option<(Instant, u64)> {
        let due = self.next(now).filter(|due| *due <= now)?;
        let turn = self.begun;
        self.begun += 1;
        if let Kind::InFlight { now, .. } = &mut self.kind {
            *now += 1;
        }
        Some((due, turn))
    }

    /// Due time of the next log-on; `None` if it waits for another to end, or never comes.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        if self.begun >= self.most {
            return None;
        }
        let due = match &self.kind {
            Kind::Every(interval) => self.began + mul(*interval, self.begun),
            Kind::InFlight { most, now: active } if active < most => now.max(self.began),
            Kind::InFlight { .. } => return None,
        };
        (due < self.ends).then_some(due)
    }

    /// Notes that a log-on has ended.
    pub(crate) fn ended(&mut self) {
        if let Kind::InFlight { now, .. } = &mut self.kind {
            *now = now.saturating_sub(1);
        }
    }

    /// Whether no further log-on will be due.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        let none_due = match self.kind {
            Kind::Every(_) => self.next(now).is_none(),
            Kind::InFlight { .. } => now >= self.ends,
        };
        self.begun >= self.most || none_due
    }
}

/// Interval between two log-ons of one worker, where all workers together start `rate` a second.
fn interval(rate: f64, share: WorkerShare) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 threads")]
    let workers = share.of as f64;
    Duration::try_from_secs_f64(workers / rate).unwrap_or(Duration::MAX)
}

fn mul(interval: Duration, times: u64) -> Duration {
    let nanos = interval.as_nanos().saturating_mul(u128::from(times));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Share of `whole` of one worker; the remainder goes to the first ones.
fn part(whole: u64, share: WorkerShare) -> u64 {
    let (number, of) = (share.number as u64, share.of as u64);
    whole / of + u64::from(number < whole % of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Method, Proof};

    const ALONE: WorkerShare = WorkerShare { number: 0, of: 1 };

    fn class(arrivals: Arrivals, count: Option<u64>) -> Class {
        Class {
            label: "test",
            method: Method::Pap,
            arrivals,
            proof: Proof::Right,
            users: 0..1,
            resumes: false,
            wrong_percent: 0.0,
            count,
        }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn an_open_class_is_due_by_the_clock_however_late_it_is_taken() {
        let (began, length) = (Instant::now(), ms(100));
        let mut schedule = Schedule::new(&class(Arrivals::Rate(100.0), None), ALONE, began, length);
        assert_eq!(schedule.take(began), Some((began, 0)));
        assert_eq!(schedule.take(began + ms(5)), None);
        let late = began + ms(95);
        let due: Vec<_> = std::iter::from_fn(|| schedule.take(late)).collect();
        assert_eq!(due.first(), Some(&(began + ms(10), 1)));
        assert_eq!(due.len(), 9);
        assert!(schedule.is_over(began + ms(100)));
    }

    #[test]
    fn a_closed_class_goes_on_as_its_log_ons_end() {
        let began = Instant::now();
        let arrivals = Arrivals::InFlight(2);
        let mut schedule = Schedule::new(&class(arrivals, Some(3)), ALONE, began, ms(100));
        assert!(schedule.take(began).is_some() && schedule.take(began).is_some());
        assert_eq!(schedule.take(began), None);
        schedule.ended();
        assert!(schedule.take(began).is_some());
        schedule.ended();
        assert!(schedule.is_over(began));
    }

    #[test]
    fn workers_share_what_there_is() {
        let parts = (0..3).map(|number| part(8, WorkerShare { number, of: 3 }));
        assert_eq!(parts.collect::<Vec<_>>(), [3, 3, 2]);
    }
}
