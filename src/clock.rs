//! The only clock of the daemon; everything inside gets its time as a value.

use std::time::Instant;

use portvakt_auth::{Now, Tick};

/// Reads the time: a tick that never jumps, for locks and timeouts, and UTC for everything that
/// is written down.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock whose ticks begin now.
    #[must_use]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Now {
        Now { tick: self.tick(Instant::now()), utc: jiff::Timestamp::now() }
    }

    /// The tick of a moment that was taken as an [`Instant`].
    #[must_use]
    pub fn tick(&self, instant: Instant) -> Tick {
        let since_start = instant.saturating_duration_since(self.started).as_millis();
        Tick(u64::try_from(since_start).unwrap_or(u64::MAX))
    }
}
