//! The rules of the house: accounts, status, terms, lockout, passwords, and the decision.
//!
//! No IO, no clock, no randomness: time, keys and salts come in as values, answers go out as values.
//! What happens in which order is the caller's business; that no step is left out is the types':
//! a [`Grant`] needs a [`Proof`], and a [`Proof`] comes only from [`password::check`] and its
//! siblings for MS-CHAP, from a [`BindAttempt`] that succeeded, or from
//! [`RememberedProofs::recall`].
//!
//! ```text
//! Account ── LockTable::locked_until ── RememberedProofs::recall ──────────────┐
//!                     │ open                    │ nothing remembered           │ Proof
//!             LockTable::admit ── Admission ── password::check ── Proven(Proof)┤
//!                     │ Denied                  │ Wrong, Previous              │
//!                  Refusal       LockTable::settle ── Refusal             decide ── Grant | Refusal
//! ```

pub mod account;
pub mod chap;
pub mod decision;
pub mod lock;
pub mod mschap;
pub mod name;
pub mod password;
pub mod proof;
pub mod reason;
pub mod rules;
pub mod status;
pub mod term;
pub mod time;

pub use account::{
    Account, BindName, Kind, Note, Password, PasswordKind, StudentFacts, Verification,
};
pub use chap::{ChapExchange, ChapSecret, ChapSecretError};
pub use decision::{Grant, decide};
pub use lock::{
    Admission, AttemptOutcome, Denied, LockChange, LockRecord, LockTable, Settled, StoredLock,
};
pub use mschap::NtHash;
pub use name::{AccountId, NameError, NetworkAccessIdentifier, Realm, RealmError, ShortText};
pub use password::{
    BindAttempt, Checked, CheckedMsChap, HashDigest, HashError, MissingSecret, PasswordHash,
    Scheme, Scratch,
};
pub use proof::{EarlierPasswords, Proof, RememberedProofs, WrongTag};
pub use reason::Refusal;
pub use rules::{Lockout, Rules, SameWrongPassword};
pub use status::{Finding, Standing, findings, standing};
pub use term::{Term, Terms};
pub use time::{Now, Tick};
