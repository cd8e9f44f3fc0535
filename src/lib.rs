//! Portvakt: a campus authentication server.

pub mod access;
pub mod audit;
pub mod cli;
mod clock;
pub mod config;
pub mod control;
pub mod directory;
pub mod listen;
pub mod metrics;
mod random;
pub mod server;
pub mod store;
