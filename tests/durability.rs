//! What a NAS was told stays true: after `kill -9`, and while the disk takes nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;
mod nas;

#[path = "durability/disk.rs"]
mod disk;
#[path = "durability/kill.rs"]
mod kill;
