//! Processor time of this thread, spent in some of its calls.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Sums up the calls that it is given.
#[derive(Default)]
pub(crate) struct Stopwatch {
    spent: Duration,
    calls: u32,
}

impl Stopwatch {
    pub(crate) fn time<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let began = now();
        let result = call();
        self.spent += now() - began;
        self.calls += 1;
        result
    }

    /// Microseconds, without those of looking at the clock.
    pub(crate) fn micros(&self, looking: f64) -> f64 {
        self.spent.as_secs_f64() * 1e6 - f64::from(self.calls) * looking
    }
}

fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .unwrap()
        .into()
}

/// The time that reading the clock adds to each call, in microseconds.
pub(crate) fn cost_of_looking() -> f64 {
    let mut times: Vec<_> = (0..10_001)
        .map(|_| {
            let mut stopwatch = Stopwatch::default();
            stopwatch.time(|| ());
            stopwatch.micros(0.0)
        })
        .collect();
    median(&mut times)
}

pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
