//! Fuzz targets as functions, each with an oracle: what it is given may be anything, what it finds
//! must hold. `cargo test -p portvakt-fuzz` replays the corpus and mutations of it on a stable
//! toolchain.

pub mod attributes;
pub mod conversation;
pub mod eap;
pub mod inner;
pub mod packet;
pub mod ttls;
