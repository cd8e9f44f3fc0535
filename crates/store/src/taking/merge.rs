//! A journal's entries of one account, added up.
//!
//! ```text
//!   database          journal of this server        after the merge
//!   3 failures    +   2 failures                    5 failures
//!   4 failures    +   2 failures                    6: locked from the last failure on
//!   locked        +   anything                      locked, until the later end of both
//!   2 failures    +   3 failures, then a success    2 failures: a success forgets what this server
//!                                                   itself had counted, never the database's
//! ```
//!
//! Failures of either side that are forgotten by then do not add up. Ages cross over, not times: the
//! clock of a server says nothing to the database.

use std::collections::BTreeMap;

use portvakt_auth::{AccountId, Lockout};

use super::journal::{Entry, Event};

/// The failures of one account that a journal has, as they are when they are merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JournalledLock {
    pub(crate) account: AccountId,
    /// Failures that count; 0 where a success, or time, has overtaken them.
    pub(crate) failures: u8,
    /// How long ago the last one was.
    pub(crate) last_failure_ago_ms: i64,
    /// How long the lock lasts yet, if there is one.
    pub(crate) locked_for_ms: Option<i64>,
    pub(crate) rules: Lockout,
}

/// Adds entries up, in the order they were written; `now_ms` and the times of the entries are by one
/// clock. Every account of an entry is in it, sorted by name.
pub(crate) fn add_up(entries: &[Entry], now_ms: i64) -> Vec<JournalledLock> {
    let mut sums: BTreeMap<&str, Sum<'_>> = BTreeMap::new();
    for entry in entries {
        let sum = sums.entry(entry.account.as_str());
        sum.or_insert_with(|| Sum::of(entry)).add(entry);
    }
    sums.into_values().map(|sum| sum.lock(now_ms)).collect()
}

struct Sum<'e> {
    account: &'e AccountId,
    rules: &'e Lockout,
    failures: u8,
    last_ms: i64,
    until_ms: Option<i64>,
}

impl<'e> Sum<'e> {
    fn of(entry: &'e Entry) -> Self {
        Self {
            account: &entry.account,
            rules: &entry.rules,
            failures: 0,
            last_ms: i64::MIN,
            until_ms: None,
        }
    }

    fn add(&mut self, entry: &'e Entry) {
        self.rules = &entry.rules;
        self.expire(entry.at_ms);
        match entry.event {
            Event::Cleared => {
                self.failures = 0;
                self.until_ms = None;
            }
            Event::Counted { locked_for_ms } => {
                self.failures = self.failures.saturating_add(1);
                self.last_ms = self.last_ms.max(entry.at_ms);
                self.until_ms = locked_for_ms.map(|length| entry.at_ms.saturating_add(length));
            }
        }
    }

    /// Forgets what has run out.
    fn expire(&mut self, now_ms: i64) {
        let forget_after = millis(self.rules.forget_after);
        let is_over = match self.until_ms {
            Some(until) => until <= now_ms,
            None => self.last_ms.saturating_add(forget_after) <= now_ms,
        };
        if is_over {
            self.failures = 0;
            self.until_ms = None;
        }
    }

    fn lock(mut self, now_ms: i64) -> JournalledLock {
        self.expire(now_ms);
        // No more is left of a lock than its whole length, and no failure is yet to come.
        let longest = millis(self.rules.duration);
        let left = |until: i64| until.saturating_sub(now_ms).min(longest);
        let ago = match self.failures {
            0 => 0,
            _ => now_ms.saturating_sub(self.last_ms).max(0),
        };
        JournalledLock {
            account: self.account.clone(),
            failures: self.failures,
            last_failure_ago_ms: ago,
            locked_for_ms: self.until_ms.map(left),
            rules: self.rules.clone(),
        }
    }
}

pub(super) fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
