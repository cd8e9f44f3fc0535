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
        Self {
            started: Instant::now(),
        }
    }

    /// The present moment, whose tick was read already.
    #[must_use]
    pub fn now_at(&self, tick: Instant) -> Now {
        Now {
            tick: Tick::after_start(tick.duration_since(self.started)),
            utc: jiff::Timestamp::now(),
        }
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Now {
        self.now_at(Instant::now())
    }
}
