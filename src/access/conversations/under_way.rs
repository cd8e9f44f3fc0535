//! States whose answer is on its way: the response is being worked on, or the refusal waits for its
//! time. A second request with one, under an authenticator of its own, is a copy of the first for
//! all that we know: it meets silence, as copies do (R4). A Reject would overtake the answer, and end
//! a log-on whose user may try again.

use std::time::{Duration, Instant};

use dashmap::DashMap;

use super::table::StateToken;

/// After this nobody waits for the answer any more, whatever became of it.
const AT_MOST: Duration = Duration::from_secs(30);

/// The States, and until when each counts. There is one for each response that is worked on and
/// each refusal that waits, which have bounds of their own.
#[derive(Default)]
pub(in crate::access) struct UnderWay {
    until: DashMap<StateToken, Instant, ahash::RandomState>,
}

impl UnderWay {
    /// The request with `state` is to be worked on.
    pub(in crate::access) fn begin(&self, state: StateToken, now: Instant) {
        self.until.insert(state, now + AT_MOST);
    }

    /// The answer leaves at `due`; to be said before it does. `None` is at once.
    pub(in crate::access) fn end(&self, state: &StateToken, due: Option<Instant>) {
        match due {
            Some(due) => {
                if let Some(mut until) = self.until.get_mut(state) {
                    *until = due;
                }
            }
            None => drop(self.until.remove(state)),
        }
    }

    /// Whether the answer to the request with `state` has yet to leave.
    pub(in crate::access) fn has(&self, state: &[u8], now: Instant) -> bool {
        let state = StateToken::try_from(state).ok();
        let until = state.and_then(|state| self.until.get(&state).map(|until| *until));
        until.is_some_and(|until| now < until)
    }

    /// Forgets those whose answers have left; to be called about once a second.
    pub(super) fn sweep(&self, now: Instant) {
        self.until.retain(|_, until| now < *until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn state_is_under_way_until_its_answer_leaves() {
        let (under_way, now) = (UnderWay::default(), Instant::now());
        assert!(!under_way.has(&[1; 16], now));
        for state in [[1; 16], [2; 16], [3; 16]] {
            under_way.begin(state, now);
            assert!(under_way.has(&state, now + SECOND));
        }
        under_way.end(&[1; 16], None);
        assert!(!under_way.has(&[1; 16], now));
        under_way.end(&[2; 16], Some(now + SECOND));
        assert!(under_way.has(&[2; 16], now + SECOND / 2));
        assert!(!under_way.has(&[2; 16], now + SECOND));
        assert!(!under_way.has(b"no State of ours", now));
        under_way.sweep(now + SECOND);
        assert_eq!(under_way.until.len(), 1);
        under_way.sweep(now + AT_MOST);
        assert!(under_way.until.is_empty(), "whatever became of its answer");
        // One that was never begun is not remembered by its end.
        under_way.end(&[4; 16], Some(now + SECOND));
        assert!(!under_way.has(&[4; 16], now));
    }
}
