//! The last try for each session that was to end, or to be moved, and its outcome.

use std::time::Duration;

use ahash::RandomState;
use dashmap::{DashMap, Entry};
use jiff::Timestamp;
use portvakt_auth::{Now, Tick};

use super::{Authorization, NotPossible, Outcome};
use crate::SessionId;

/// A session that still lives is ended again after this long, the time doubling with each try.
const FIRST_AGAIN: Duration = Duration::from_secs(60);
/// Longest time until it is ended again.
const LONGEST_AGAIN: Duration = Duration::from_secs(60 * 60);
/// The Accounting-Stop of an acknowledged end comes within this time.
const STOP_PATIENCE: Duration = Duration::from_secs(5 * 60);

/// The last try to end or to move a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastTry {
    /// The change that was asked for.
    pub wanted: Authorization,
    /// When it was asked for.
    pub asked: Timestamp,
    /// The outcome; `None` while it is under way.
    pub outcome: Option<Outcome>,
    /// Tries so far.
    pub tries: u32,
    /// Not before this.
    again: Tick,
}

/// The last try of each session, at most so many; a session beyond is tried and not remembered.
#[derive(Debug)]
pub struct LastTries {
    by_session: DashMap<SessionId, LastTry, RandomState>,
    capacity: usize,
}

impl LastTries {
    /// None, and room for this many.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            by_session: DashMap::default(),
            capacity,
        }
    }

    /// The last try of a session.
    #[must_use]
    pub fn of(&self, session: SessionId) -> Option<LastTry> {
        let last = self.by_session.get(&session)?;
        Some(last.clone())
    }

    /// Begins a try; `false` while one is under way, or where the last one is too fresh. An
    /// `urgent` one, asked for by a person or by a change of the account, waits for no time.
    pub fn begin(&self, session: SessionId, wanted: Authorization, now: Now, urgent: bool) -> bool {
        let is_full = self.by_session.len() >= self.capacity;
        let began = |tries| LastTry {
            wanted,
            asked: now.utc,
            outcome: None,
            tries,
            again: now.tick,
        };
        match self.by_session.entry(session) {
            Entry::Occupied(mut known) => {
                let last = known.get();
                let may = last.outcome.is_some() && (urgent || last.again <= now.tick);
                let tries = last.tries.saturating_add(1);
                if may {
                    known.insert(began(tries));
                }
                may
            }
            Entry::Vacant(_) if is_full => true,
            Entry::Vacant(new) => {
                new.insert(began(1));
                true
            }
        }
    }

    /// Keeps the outcome of a try.
    pub fn settle(&self, session: SessionId, outcome: Outcome, now: Tick) {
        if let Some(mut ending) = self.by_session.get_mut(&session) {
            ending.outcome = Some(outcome);
            ending.again = now.plus(wait(outcome, ending.tries));
        }
    }

    /// Forgets sessions that `is_live` says no to, unless their try is under way.
    pub fn retain(&self, is_live: impl Fn(SessionId) -> bool) {
        self.by_session
            .retain(|session, ending| ending.outcome.is_none() || is_live(*session));
    }
}

fn wait(outcome: Outcome, tries: u32) -> Duration {
    let doubled = FIRST_AGAIN.saturating_mul(1 << tries.saturating_sub(1).min(10));
    match outcome {
        Outcome::Acked => doubled.max(STOP_PATIENCE).min(LONGEST_AGAIN),
        Outcome::Nak(_) | Outcome::NoAnswer => doubled.min(LONGEST_AGAIN),
        Outcome::QueueFull | Outcome::Interrupted => FIRST_AGAIN,
        // A reload of the configuration may help.
        Outcome::NotPossible(NotPossible::NotConfigured | NotPossible::UnknownClient) => {
            FIRST_AGAIN
        }
        Outcome::NotPossible(_) => LONGEST_AGAIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Now {
        Now {
            tick: Tick::from_millis(seconds * 1000),
            utc: Timestamp::from_second(1_790_000_000 + seconds).unwrap(),
        }
    }

    const SESSION: SessionId = SessionId(7);

    #[test]
    fn session_is_tried_once_at_a_time_and_again_after_longer_and_longer() {
        let tries = LastTries::new(10);
        assert!(tries.begin(SESSION, Authorization::End, at(0), false));
        assert!(!tries.begin(SESSION, Authorization::End, at(1), true));
        assert!(!tries.begin(SESSION, Authorization::End, at(7200), false));
        let mut second = 30;
        for wait in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
            tries.settle(SESSION, Outcome::NoAnswer, at(second).tick);
            assert!(!tries.begin(SESSION, Authorization::End, at(second + wait - 1), false));
            second += wait;
            assert!(tries.begin(SESSION, Authorization::End, at(second), false));
        }
        assert_eq!(tries.of(SESSION).unwrap().tries, 9);
    }

    #[test]
    fn urgent_try_waits_for_the_one_under_way_alone() {
        let tries = LastTries::new(10);
        assert!(tries.begin(SESSION, Authorization::End, at(0), true));
        tries.settle(SESSION, Outcome::Acked, at(1).tick);
        assert!(!tries.begin(SESSION, Authorization::End, at(299), false));
        assert!(tries.begin(SESSION, Authorization::End, at(2), true));
    }

    #[test]
    fn sessions_are_forgotten_once_they_are_over() {
        let tries = LastTries::new(2);
        for number in 0..2 {
            assert!(tries.begin(SessionId(number), Authorization::End, at(0), false));
        }
        assert!(tries.begin(SessionId(2), Authorization::End, at(0), false));
        assert_eq!(tries.of(SessionId(2)), None);
        tries.settle(SessionId(0), Outcome::Acked, at(1).tick);
        tries.retain(|_| false);
        assert_eq!(tries.of(SessionId(0)), None);
        assert!(tries.of(SessionId(1)).is_some(), "under way");
    }
}
