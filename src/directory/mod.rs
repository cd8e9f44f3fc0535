//! Where accounts come from.

pub mod entry;
pub mod ldif;
