//! Failed log-ons: six of them lock an account, however many arrive at once.
//!
//! An attempt is reserved before the credential is checked ([`LockTable::admit`]) and settled after
//! ([`LockTable::settle`]). Counted failures and reservations together never exceed the number of
//! attempts, so a thousand guesses sent at once get six checks.
//!
//! ```text
//!             admit                 Failed, the sixth
//!   open ────────────── reserved ────────────────────── locked
//!    ^ ^                 │    │                           │ no check, no count
//!    │ └── Accepted ─────┘    └─ Failed: one more counted │
//!    └──── lock ran out, unlocked, forgotten ─────────────┘   the count begins at zero
//! ```
//!
//! An account without failures, lock or reservation has no record. A record takes 80 octets
//! ([`RECORD_OCTETS`]) in its shard, and its name once; under
//! [`SameWrongPassword::Once`](crate::SameWrongPassword::Once) also 8 octets per counted failure.
//! A shard that grows doubles, so reckon with 200 octets for each account that failed lately. Records
//! with failures are never dropped to make room: a full table admits no new account
//! ([`Denied::Full`]). Only known accounts are ever admitted, so a capacity of the number of
//! accounts is never reached.

mod record;
mod state;
mod table;
#[cfg(test)]
mod tests;

pub use record::{LockChange, LockRecord, StoredLock};
pub use table::{Admission, LockTable, RECORD_OCTETS};

use crate::time::Tick;
use std::time::Duration;

/// How a reserved attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The credential was right and the account came in: the count is reset.
    Accepted,
    /// The credential was checked and is wrong.
    Failed {
        /// A keyed hash of what was sent, from [`crate::WrongTag`].
        tag: u64,
    },
    /// Neither: refused for status, a previous password, or our own fault.
    NotCounted,
}

/// Why an attempt was not admitted; nothing was reserved or counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The account is locked.
    Locked {
        /// When the lock runs out.
        until: Tick,
    },
    /// Every attempt that is left is being checked at this moment.
    Busy,
    /// The table is full: overloaded.
    Full,
}

/// What settling an attempt did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Settled {
    /// Must be durable before the answer leaves.
    pub change: Option<LockChange>,
    /// This attempt locked the account.
    pub newly_locked: bool,
    /// Failures counted now.
    pub failures: u8,
    /// When the lock runs out, if there is one now. An accepted credential must be refused then:
    /// the account was locked by other means while it was checked.
    pub locked_until: Option<Tick>,
}

/// The longest lock that is believed when it is restored; no rule asks for more.
const LONGEST_LOCK: Duration = Duration::from_secs(366 * 24 * 60 * 60);
