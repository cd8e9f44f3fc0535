//! Portvakt.

pub mod directory;
pub mod store;
