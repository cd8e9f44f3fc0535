//! The mirror.

mod entry_id;
pub mod journal;
pub mod sync;
pub mod table;
pub mod wire;

pub use entry_id::EntryId;
