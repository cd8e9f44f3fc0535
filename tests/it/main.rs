//! The program as its clients, operators and peers meet it: one binary, a module for each subject.
//!
//! Modules and tests named `peer_…` need a real peer from Debian's packages, `long_…` take minutes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

#[path = "../../crates/store/tests/cluster/mod.rs"]
mod cluster;
mod common;
#[path = "../../benches/compare/mod.rs"]
mod compare;
mod nas;

mod access_servers;
mod accounting;
mod certificates;
mod config;
mod control;
mod demo;
mod directory;
mod durability;
mod flood;
mod freeradius;
mod gave_up;
mod growth;
mod guess;
mod handover;
mod house;
mod kept_sessions;
mod ldap;
mod load;
mod lockout;
mod methods;
mod mirror;
mod morning;
mod mschap;
mod nodes;
mod operation;
mod password_change;
mod peers;
mod postgres;
mod protocol;
mod readme;
mod realms;
mod registry;
mod reply_attributes;
mod resumption;
mod secrets;
mod teap;
mod tickets;
mod vpn;
