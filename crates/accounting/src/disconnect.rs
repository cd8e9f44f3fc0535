//! Ending of sessions before their time (RFC 5176): the request that a NAS understands, its way
//! there, and what came of it.
//!
//! ```text
//!  Session ── Profile::end ──> EndRequest ── Sender ──> Disconnect-Request ──> NAS
//!     │                            │                    │ 0, 2, 6, 14 s          │
//!     │ the profile can't          │ NAK 401, 508:      │ 30 s without answer    │ ACK, NAK
//!     v                            v narrower, once     v                        v
//!  Outcome::NotPossible         Sender               Outcome::NoAnswer     Outcome::{Acked, Nak}
//! ```
//!
//! The [`Sender`] is a reducer over a virtual clock: it holds no socket, and knows octets only as
//! something that is sent again as it was. Whether an answer is authentic is decided before it comes
//! here. [`Endings`] remembers outcomes, and when a session that still lives is to be ended again.

mod endings;
mod outcome;
mod profile;
mod request;
mod sender;

pub use endings::{Ending, Endings};
pub use outcome::{NotPossible, Outcome};
pub use profile::Profile;
pub use request::{RequestAttribute, RequestKind, SessionRequest};
pub use sender::{
    Answer, Job, MOST_IN_FLIGHT, MOST_WAITING, MOST_WAITING_FOR_ONE, PACE, Sender, Transmission,
};
