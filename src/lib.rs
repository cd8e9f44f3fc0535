//! Portvakt.

pub mod directory;
