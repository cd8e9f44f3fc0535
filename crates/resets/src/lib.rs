//! Ways to a new password for an owner who does not have the old one.
//!
//! ```text
//!  request ── recipient ── budgets ── Opening::begin ── stored ── message ── gateway
//!                                          │
//!  code ── Opening::reserve ── stored ── Attempt::check ── Proven ── used, stored ── new password
//! ```
//!
//! An [`Opening`] is the right to choose a password, or to read the account's state, that a one-time
//! code opens: sent by text message ([`OpeningKind::Message`], [`OpeningKind::Proof`]), or given by IT
//! support ([`OpeningKind::Support`]). Rules, and the types that keep them:
//! - the newest opening of an account and kind replaces the one before, and each change of it is a
//!   compare-and-set of its revision: of two at the same moment one is lost, so that nothing is sent
//!   twice;
//! - a code is compared only by an [`Attempt`], which exists once one of the tries is taken durably;
//!   wrong tries count on the opening, never on the account's lock;
//! - an opening ends with the credential it was made for: a changed password voids it;
//! - a name without an account, without an opening and with a wrong code get the same answer after the
//!   same work.
//!
//! The crate does no IO, reads no clock and draws no random numbers.

pub mod brake;
pub mod breaker;
pub mod budget;
pub mod code;
pub mod delivery;
pub mod mobile;
pub mod opening;
pub mod recipient;
pub mod request_limit;
pub mod sms_text;

pub use brake::PinBrake;
pub use breaker::{Breaker, BreakerState};
pub use budget::{Budget, BudgetError, Budgets, Exceeded, Limit, Sent};
pub use code::{Offered, Pepper, Pin, ResetCode};
pub use delivery::{DeliveryFault, MessageState, Outcome};
pub use mobile::{Mobile, MobileError, NumberSeen};
pub use opening::{
    Attempt, Checked, NewOpening, NotOpen, Opening, OpeningKind, OpeningState, Proven, Reservation,
    TRIES, in_vain,
};
pub use recipient::{MessageRules, NoMessage, closed, recipient};
pub use request_limit::RequestLimit;
pub use sms_text::{Encoding, Language, MessageText, MessageTextError, Parts, parts};
