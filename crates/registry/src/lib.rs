//! The student registry's feed: its files read into facts, their effect on accounts, the guard.
//!
//! No IO, no clock: octets and times come in, facts and verdicts go out.
//!
//! ```text
//! file ── read ──> Feed: statements, digest, trailer        or every mistake, with line and advice
//!   statements ── effect ──> those that change anything; who would be locked, let in, vanish
//!   counts ── Guard::check ──> applied, or held back until two operators approve the digest
//!
//! statements in their order ── Person::fold ──> Person ── facts() ──> RegistryTable ──> decision
//! ```
//!
//! A statement is what one row says; it is stored as it was made. A person's facts are folded from
//! the statements of the imports that are in force, so an import that is taken back leaves no trace
//! in those that came after it.

mod column;
mod effect;
mod fault;
mod guard;
mod identity_number;
mod lines;
mod person;
mod read;
mod record;
mod statement;
mod table;
mod trailer;
mod value;

pub use column::Column;
pub use effect::{Affected, AffectedPerson, Effect, Judge, Moment, Persons, Standing, effect};
pub use fault::{FeedErrors, FileFault, RowError, RowFault};
pub use guard::{APPROVALS, Counts, Exceeded, Guard, Guarded, Limit, UNDO_DAYS, day_before};
pub use identity_number::holds_identity_number;
pub use lines::{LONGEST_FILE, LONGEST_RECORD};
pub use person::{EndFacts, Person, PersonEnd, TermFacts, Told};
pub use read::{Columns, Feed, Join, MOST_ROWS, ReadOptions, read};
pub use statement::{EndKind, Fee, Said, Statement};
pub use table::{RegistryEntry, RegistryTable};
pub use trailer::{Trailer, hexadecimal};
