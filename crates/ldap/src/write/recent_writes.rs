//! The accounts that were changed from here a moment ago: until a mirror has surely heard of it, the
//! directory itself is asked for them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use portvakt_auth::AccountId;

/// Accounts changed lately, and when.
pub(crate) struct RecentWrites {
    keep: Duration,
    at: Mutex<HashMap<AccountId, Instant>>,
}

impl RecentWrites {
    /// For a mirror that hears of a change within `keep`.
    pub(crate) fn new(keep: Duration) -> Self {
        Self {
            keep,
            at: Mutex::default(),
        }
    }

    /// The account is changed at this moment.
    pub(crate) fn note(&self, id: &AccountId, now: Instant) {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        at.retain(|_, then| self.is_recent(*then, now));
        at.insert(id.clone(), now);
    }

    /// Whether the account may be another than a mirror has it.
    pub(crate) fn is_fresh(&self, id: &AccountId, now: Instant) -> bool {
        let at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        at.get(id).is_some_and(|then| self.is_recent(*then, now))
    }

    fn is_recent(&self, then: Instant, now: Instant) -> bool {
        now.saturating_duration_since(then) < self.keep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_is_fresh_until_the_mirror_has_surely_heard_of_it() {
        let written = RecentWrites::new(Duration::from_secs(60));
        let [anna, bo] = ["anna", "bo"].map(|name| AccountId::new(name).unwrap());
        let now = Instant::now();
        written.note(&anna, now);
        assert!(written.is_fresh(&anna, now + Duration::from_secs(59)));
        assert!(!written.is_fresh(&anna, now + Duration::from_secs(60)));
        assert!(!written.is_fresh(&bo, now));
    }
}
