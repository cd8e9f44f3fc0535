//! The rules of the house: accounts, status, terms, lockout, passwords, and the decision.
//!
//! No IO, no clock, no randomness: time, keys and salts come in as values, answers go out as values.
//! The order of steps is the caller's; the types see to it that no step is left out:
//! - a [`Grant`] needs a [`Proof`], and a [`Proof`] comes only from a comparison ([`password::check`] and
//!   its siblings, [`RememberedProofs::recall`], a [`BindAttempt`] that succeeded) or from a TLS session
//!   or certificate;
//! - a comparison needs an [`Admission`], which counts against the account's six whatever happens
//!   afterwards.
//!
//! ```text
//! Account ── LockTable::admit ── Admission ── RememberedProofs::recall ── Right(Proof) ──────────┐
//!                 │ Denied                      │ Nothing, Different                             │
//!              Refusal                    password::check | bind ── Proven(Proof) ── decide ── Grant | Refusal
//!                                               │ Wrong, Previous                                │
//!                                               └── Admission::settle, Admission::hand_over ─────┘
//! ```

pub mod account;
mod account_reply;
pub mod chap;
pub mod decision;
pub mod leaving;
pub mod lock;
pub mod mschap;
pub mod name;
pub mod password;
pub mod password_expiry;
pub mod proof;
pub mod refusal;
pub mod registry_facts;
pub mod rules;
pub mod status;
pub mod symptom;
pub mod term;
pub mod time;

pub use account::{
    Account, BindName, Closure, CredentialHistory, Kind, Password, PasswordKind, StudentFacts,
    Verification,
};
pub use account_reply::AccountReply;
pub use chap::{ChapExchange, ChapSecret, ChapSecretError};
pub use decision::{Grant, decide};
pub use leaving::{Leaving, LeavingStage};
pub use lock::{
    Admission, BeforeBind, BindAnswer, BindLeave, Denied, Guess, LockChange, LockRecord, LockTable,
    Settled, StoredLock,
};
pub use mschap::NtHash;
pub use name::{AccountId, NameError, NetworkAccessIdentifier, Realm, RealmError, ShortText};
pub use password::{
    Barred, BindAttempt, Checked, CheckedMsChap, HashDigest, HashError, HashMemory, MissingSecret,
    PasswordHash, ProvenRefusal, Scheme,
};
pub use password_expiry::{Blackout, password_expires};
pub use proof::{
    EarlierPasswords, GuessTags, HandedProof, PasswordDigest, Proof, Recalled, RememberedProofs,
    ToNote, ToRemember,
};
pub use refusal::Refusal;
pub use registry_facts::{EndOfStudies, RegistryFacts, RegistryView, StudiesEnd};
pub use rules::{Lockout, PasswordValidity, Rules, SameWrongPassword};
pub use status::{
    Finding, Standing, Subject, findings, session_refusal, standing, student_finding,
};
pub use symptom::Symptom;
pub use term::{Term, Terms};
pub use time::{Now, Tick};
