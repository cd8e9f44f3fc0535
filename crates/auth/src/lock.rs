//! Failed log-ons: six of them lock an account, however many arrive at once.
//!
//! An attempt is reserved before its credential is compared ([`LockTable::admit`]) and settled
//! after ([`Admission::settle`]). Counted failures and reservations together never exceed the
//! number of attempts, so a thousand guesses sent at once get six comparisons. The reservation is
//! the leave to compare, and remembers what was seen: see [`Admission`].
//!
//! ```text
//!             admit                 wrong, the sixth
//!   open ────────────── reserved ────────────────────── locked
//!    ^ ^                 │    │                           │ no comparison, no count
//!    │ └── granted ──────┘    └─ wrong: one more counted  │
//!    └──── lock ran out, unlocked, forgotten ─────────────┘   the count begins at zero
//! ```
//!
//! # One node, or many
//!
//! Where memory decides ([`Admission::settle`]), its counts are the counts. Where several servers
//! share a database, that decides ([`Admission::hand_over`]): memory is the first gate, which lets no
//! more than six be compared at once, and a copy of what the database last said ([`Settlement`]).
//!
//! An account without failures, lock or reservation has no record. A record takes 80 octets
//! ([`RECORD_OCTETS`]) in its shard, its name once, and 16 octets for each failure whose repetition
//! is free. A shard that grows doubles, so reckon with 200 octets for each account that failed
//! lately. Records with failures are never dropped to make room: a full table admits no new account
//! ([`Denied::Full`]), unless its password is remembered
//! ([`LockTable::admit_beyond_capacity`]). Only accounts that exist are ever admitted.

mod admission;
mod record;
mod settlement;
mod state;
mod table;
#[cfg(test)]
pub(crate) mod tests;

pub use admission::{Admission, BeforeBind, BindAnswer, BindLeave, Guess};
pub use record::{LockChange, LockRecord, StoredLock};
pub use settlement::{Decided, HandedOver, Question, Ruling, Settlement, Taken};
pub use table::{LockTable, RECORD_OCTETS};

pub(crate) use admission::Shown;

use crate::time::Tick;
use std::time::Duration;

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

/// Effect of settling an attempt.
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
    /// The credential was compared under a lock that was there before: nothing was counted or
    /// cleared, and what the comparison showed must not be told.
    pub is_stopped: bool,
}

impl Settled {
    /// Nothing was counted or reset.
    pub const NOTHING: Settled = Settled {
        change: None,
        newly_locked: false,
        failures: 0,
        locked_until: None,
        is_stopped: false,
    };
}

/// The longest lock that is believed when it is restored; no rule asks for more.
const LONGEST_LOCK: Duration = Duration::from_secs(366 * 24 * 60 * 60);
