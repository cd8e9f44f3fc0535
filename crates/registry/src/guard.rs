//! The guard: a file that would change too many accounts at once is held back.
//!
//! Locks, accounts let in again, vanished persons and changed mobile numbers have a limit each, over
//! a rolling day: fifty small files may do no more than one. A file beyond a limit is held back
//! whole, until two different operators approve exactly it, by its digest. What was approved does
//! not count towards the day.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What may change in any case, however small the university is.
const ALWAYS: u64 = 10;

/// Number of different operators who must approve.
pub const APPROVALS: usize = 2;

/// The days within which an import can be undone.
pub const UNDO_DAYS: i64 = 7;

/// A limit: at most this share of all persons, and at most this number; ten in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Share of all persons, in hundredths of a percent.
    pub share: u16,
    /// Number of persons.
    pub count: u64,
}

impl Limit {
    /// The number that may change in a day.
    #[must_use]
    pub fn allows(self, persons: u64) -> u64 {
        let share = persons.saturating_mul(u64::from(self.share)) / 10_000;
        share.min(self.count).max(ALWAYS.min(self.count))
    }
}

/// The limits of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Accounts that are locked.
    pub locks: Limit,
    /// Accounts that are let in again.
    pub unlocks: Limit,
    /// Persons who vanish.
    pub vanished: Limit,
    /// Mobile numbers that change.
    pub mobiles: Limit,
}

impl Default for Guard {
    /// Two in a hundred, and 200.
    fn default() -> Self {
        let limit = Limit {
            share: 200,
            count: 200,
        };
        Self {
            locks: limit,
            unlocks: limit,
            vanished: limit,
            mobiles: limit,
        }
    }
}

/// What a guard counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Accounts that are locked.
    pub locks: u64,
    /// Accounts that are let in again.
    pub unlocks: u64,
    /// Persons who vanish.
    pub vanished: u64,
    /// Mobile numbers that change.
    pub mobiles: u64,
}

impl Counts {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Counts) -> Counts {
        Counts {
            locks: self.locks.saturating_add(other.locks),
            unlocks: self.unlocks.saturating_add(other.unlocks),
            vanished: self.vanished.saturating_add(other.vanished),
            mobiles: self.mobiles.saturating_add(other.mobiles),
        }
    }
}

/// What a guard has a limit of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guarded {
    /// Accounts that are locked.
    Locks,
    /// Accounts that are let in again.
    Unlocks,
    /// Persons who vanish.
    Vanished,
    /// Mobile numbers that change.
    Mobiles,
}

/// A limit that a file would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exceeded {
    /// The limit.
    pub of: Guarded,
    /// The file's own number.
    pub file: u64,
    /// The number of the files of the last 24 hours.
    pub day: u64,
    /// The number that may change in a day.
    pub allowed: u64,
}

impl Guard {
    /// The limits that a file would exceed, beside what the day has had.
    #[must_use]
    pub fn check(&self, file: Counts, day: Counts, persons: u64) -> Vec<Exceeded> {
        let all = [
            (Guarded::Locks, self.locks, file.locks, day.locks),
            (Guarded::Unlocks, self.unlocks, file.unlocks, day.unlocks),
            (
                Guarded::Vanished,
                self.vanished,
                file.vanished,
                day.vanished,
            ),
            (Guarded::Mobiles, self.mobiles, file.mobiles, day.mobiles),
        ];
        let exceeded = all.into_iter().filter_map(|(of, limit, file, day)| {
            let allowed = limit.allows(persons);
            let is_beyond = file > 0 && file.saturating_add(day) > allowed;
            is_beyond.then_some(Exceeded {
                of,
                file,
                day,
                allowed,
            })
        });
        exceeded.collect()
    }
}

/// The start of the rolling day that ends now.
#[must_use]
pub fn day_before(now: Timestamp) -> Timestamp {
    let day = jiff::SignedDuration::from_hours(24);
    now.checked_sub(day).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit {
        share: 200,
        count: 200,
    };

    #[test]
    fn limit_is_the_smaller_of_share_and_number_and_never_under_ten() {
        for (persons, allowed) in [(0, 10), (100, 10), (5_000, 100), (48_000, 200)] {
            assert_eq!(LIMIT.allows(persons), allowed, "{persons}");
        }
        let none = Limit { count: 0, ..LIMIT };
        assert_eq!(none.allows(48_000), 0);
        assert_eq!(LIMIT.allows(u64::MAX), 200);
    }

    #[test]
    fn small_files_of_a_day_count_together() {
        let guard = Guard::default();
        let file = Counts {
            mobiles: 60,
            ..Counts::default()
        };
        let day = Counts {
            mobiles: 150,
            ..Counts::default()
        };
        assert!(guard.check(file, Counts::default(), 48_000).is_empty());
        let exceeded = Exceeded {
            of: Guarded::Mobiles,
            file: 60,
            day: 150,
            allowed: 200,
        };
        assert_eq!(guard.check(file, day, 48_000), [exceeded]);
        // A file that adds nothing to a full day passes.
        let full = Counts {
            locks: 900,
            ..Counts::default()
        };
        assert!(guard.check(Counts::default(), full, 48_000).is_empty());
    }

    #[test]
    fn each_limit_is_its_own() {
        let many = Counts {
            locks: 201,
            unlocks: 201,
            vanished: 201,
            mobiles: 201,
        };
        let found = Guard::default().check(many, Counts::default(), 48_000);
        let found: Vec<_> = found.iter().map(|exceeded| exceeded.of).collect();
        let expected = [
            Guarded::Locks,
            Guarded::Unlocks,
            Guarded::Vanished,
            Guarded::Mobiles,
        ];
        assert_eq!(found, expected);
    }
}
