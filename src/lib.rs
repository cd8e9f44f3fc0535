//! Portvakt: a campus authentication server.

pub mod audit;
pub mod config;
pub mod metrics;
