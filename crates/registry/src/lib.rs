//! The student registry's feed: its files read into facts, their effect on accounts, the guard.
//!
//! No IO, no clock: octets and times come in, facts and verdicts go out.

mod table;

pub use table::{RegistryEntry, RegistryTable};
