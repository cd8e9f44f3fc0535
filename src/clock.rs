//! The clock of log-ons, which read time here and nowhere else.

#[cfg(test)]
use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(test)]
use std::time::Duration;
use std::time::Instant;

use portvakt_auth::{Now, Tick};

/// Reads the time: a tick that never jumps, for locks and timeouts, and UTC for everything that
/// is written down. A test moves it on by hand.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    /// Milliseconds that a test has moved it on by.
    #[cfg(test)]
    skipped: &'static AtomicU64,
}

impl Clock {
    /// A clock whose ticks begin now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            #[cfg(test)]
            skipped: Box::leak(Box::default()),
        }
    }

    /// The present moment on the monotonic clock.
    #[must_use]
    pub fn instant(&self) -> Instant {
        let now = Instant::now();
        #[cfg(test)]
        let now = now + self.skipped();
        now
    }

    /// The present moment, whose tick was read already.
    #[must_use]
    pub fn now_at(&self, tick: Instant) -> Now {
        let utc = jiff::Timestamp::now();
        #[cfg(test)]
        let utc = utc + self.skipped();
        Now {
            tick: Tick::after_start(tick.duration_since(self.started)),
            utc,
        }
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Now {
        self.now_at(self.instant())
    }

    #[cfg(test)]
    fn skipped(&self) -> Duration {
        Duration::from_millis(self.skipped.load(Ordering::Relaxed))
    }

    /// Moves the clock on, and all its copies.
    #[cfg(test)]
    pub(crate) fn skip(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.skipped.fetch_add(by, Ordering::Relaxed);
    }
}
