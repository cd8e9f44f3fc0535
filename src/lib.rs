//! Portvakt: a campus authentication server.

pub mod config;
