//! Shared by the benchmarks of the whole program: a server of the release build, the load on it, and
//! the helpers of the tests.

#![allow(
    unused_imports,
    dead_code,
    reason = "each benchmark uses the part of it that it needs"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

#[path = "../../tests/it/common/mod.rs"]
pub(crate) mod common;
pub(crate) mod hall;
#[path = "../../tests/it/nas/mod.rs"]
pub(crate) mod nas;
pub(crate) mod release;
