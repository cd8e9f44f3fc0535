//! Sessions of users, folded from the accounting records of their NAS (RFC 2866, 2869, 6911).
//!
//! No IO, no clock: records come in with the time they arrived at, states of sessions go out. A
//! record may come late, twice, or before an earlier one; [`settle`] finds the session that it tells
//! of, and [`Session::fold`] takes it in so that order and repetition make no difference.
//!
//! ```text
//!  Record ── settle ──> Same:    fold into the session
//!    │                  Later:   a new session; the one before it ends as replaced
//!    │                  Earlier: a session before it, that ended without its Stop
//!    └ when: own arrival - Acct-Delay-Time; Event-Timestamp within five minutes of that
//!
//!  live ── Stop ──> ended
//!   │ ^
//!   v │ news of later than that
//!  ended by inference: Accounting-On or -Off, or no news for too long
//! ```
//!
//! # One writer
//!
//! The store folds: one thread reads the state of a session (from [`LiveSessions`], or from disk),
//! folds the records of a commit into it, writes it, and publishes it to [`LiveSessions`] once it is
//! on disk. So memory is never ahead of the disk, a failed commit leaves nothing behind but records
//! that their NAS sends again, and two records of one session cannot overtake one another. Had each
//! receiving thread folded in memory, both would need revisions, merges and retries.
//!
//! [`LiveSessions`] is the memory of live sessions, bounded; a session beyond the bound is folded on
//! disk alone. It has an index by account, for ending the sessions of an account; all other
//! questions are rarer and are answered by the store.

mod addresses;
mod device;
pub mod disconnect;
mod ended;
mod event_time;
mod facts;
#[cfg(test)]
mod fixtures;
mod joined;
mod key;
mod live;
mod log_ons;
mod newest;
mod record;
mod session;
mod settle;
mod usage;

pub use addresses::{Addresses, HeldAddress, MOST_ADDRESSES};
pub use device::MacAddress;
pub use ended::{Closed, Closing, Ended, Stopped};
pub use event_time::{LONGEST_DELAY, MOST_SKEW, event_time};
pub use facts::Facts;
pub use joined::{Joined, JoinedBy};
pub use key::{NasKey, SessionKey};
pub use live::{LiveSessions, Published};
pub use log_ons::{LogOn, RecentLogOns};
pub use newest::Newest;
pub use record::{Record, Status};
pub use session::{Begun, Session, SessionId, StaleAfter};
pub use settle::{Settled, settle, tells_of};
pub use usage::Usage;
