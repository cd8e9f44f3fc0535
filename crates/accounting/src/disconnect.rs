//! Sessions ended before their time, or moved to another VLAN (RFC 5176): the request that a NAS
//! understands, its way there, and its outcome.
//!
//! ```text
//!  Session ── Profile::request ──> SessionRequest ── Sender ──> Disconnect-Request ──> NAS
//!     │                            │                    │ 0, 2, 6, 14 s          │
//!     │ the profile can't          │ NAK 401, 508:      │ 30 s without answer    │ ACK, NAK
//!     v                            v narrower, once     v                        v
//!  Outcome::NotPossible         Sender               Outcome::NoAnswer     Outcome::{Acked, Nak}
//! ```
//!
//! The [`Sender`] is a reducer over a virtual clock: it holds no socket, and knows octets only as
//! something that is sent again as it was. Whether an answer is authentic is decided before it comes
//! here. [`LastTries`] remembers outcomes, and when a session that still lives is to be ended again.

mod last_tries;
mod outcome;
mod profile;
mod request;
mod sender;

pub use last_tries::{LastTries, LastTry};
pub use outcome::{NotPossible, Outcome};
pub use profile::Profile;
pub use request::{Authorization, RequestAttribute, RequestKind, SessionRequest};
pub use sender::{
    Answer, Job, MOST_IN_FLIGHT, MOST_WAITING, MOST_WAITING_FOR_ONE, PACE, Sender, Transmission,
};
