//! The mirror.

mod entry_id;
pub mod sync;
pub mod table;

pub use entry_id::EntryId;
