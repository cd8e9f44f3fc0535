//! Records of failures and locks, in memory and stored form.

use super::LONGEST_LOCK;
use crate::name::AccountId;
use crate::time::{Now, Tick, later};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The counted failures of one account, and its lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockRecord {
    /// The account.
    pub id: AccountId,
    /// Failures counted since the last reset.
    pub failures: u8,
    /// When the last one was counted.
    pub last_failure: Tick,
    /// When the lock runs out, if the account was locked.
    pub locked_until: Option<Tick>,
    /// Grows with every change of any record. Changes of one account may reach the store in
    /// another order than they were made: the one with the highest revision holds.
    pub revision: u64,
}

/// One change of the table, to be made durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockChange {
    /// The account's record is now this.
    Put(LockRecord),
    /// The account has no record any more.
    Cleared {
        /// The account.
        id: AccountId,
        /// As in [`LockRecord::revision`].
        revision: u64,
    },
}

impl LockChange {
    /// The account whose record changed.
    pub fn account(&self) -> &AccountId {
        match self {
            LockChange::Put(record) => &record.id,
            LockChange::Cleared { id, .. } => id,
        }
    }

    /// As in [`LockRecord::revision`].
    pub fn revision(&self) -> u64 {
        match self {
            LockChange::Put(record) => record.revision,
            LockChange::Cleared { revision, .. } => *revision,
        }
    }

    /// The form to store, in UTC.
    pub fn stored(&self, now: Now) -> StoredLock {
        match self {
            LockChange::Put(record) => StoredLock {
                id: record.id.clone(),
                failures: record.failures,
                last_failure: now.utc_at(record.last_failure),
                locked_until: record.locked_until.map(|until| now.utc_at(until)),
                revision: record.revision,
            },
            LockChange::Cleared { id, revision } => StoredLock {
                id: id.clone(),
                failures: 0,
                last_failure: now.utc,
                locked_until: None,
                revision: *revision,
            },
        }
    }
}

/// A record as it is stored: the same facts in UTC, which outlives the process.
///
/// A cleared account is a record without failures or lock. It must overwrite an older record and
/// itself only yield to one of a higher revision; once no older change can be on its way any more,
/// at start-up for instance, it may be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLock {
    /// The account.
    pub id: AccountId,
    /// Failures counted since the last reset; 0 when cleared.
    pub failures: u8,
    /// When the last one was counted, or when the account was cleared.
    pub last_failure: Timestamp,
    /// When the lock runs out.
    pub locked_until: Option<Timestamp>,
    /// As in [`LockRecord::revision`].
    pub revision: u64,
}

impl StoredLock {
    /// Whether this says that there is no record any more.
    pub fn is_cleared(&self) -> bool {
        self.failures == 0 && self.locked_until.is_none()
    }

    /// The record for the table of this process.
    ///
    /// The clock may have been set since. Where the times cannot be right, the stricter reading
    /// that still ends by itself is taken: a failure in the future counts as just made, and no more
    /// is left of a lock than its whole length, as it was stored. So a clock that was a year ahead
    /// when the lock was written locks nobody for a year, and a clock that is behind now opens
    /// nobody's lock. (A clock that was behind when the lock was written and is right now makes the
    /// lock look old; nothing stored can tell.)
    pub fn record(&self, now: Now) -> LockRecord {
        LockRecord {
            id: self.id.clone(),
            failures: self.failures,
            last_failure: now.tick_at(self.last_failure.min(now.utc)),
            locked_until: self
                .locked_until
                .map(|until| now.tick_at(self.ends(until, now))),
            revision: self.revision,
        }
    }

    fn ends(&self, until: Timestamp, now: Now) -> Timestamp {
        let length = Duration::try_from(until.duration_since(self.last_failure));
        until.min(later(
            now.utc,
            length.unwrap_or(Duration::ZERO).min(LONGEST_LOCK),
        ))
    }
}
