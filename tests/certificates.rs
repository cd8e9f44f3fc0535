//! Certificates and methods by realm, service and outer name; files that are exchanged while the
//! server runs; how the round trips foretold compare with those taken.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;
mod nas;

#[path = "certificates/clients.rs"]
mod clients;
#[path = "certificates/offers.rs"]
mod offers;
#[path = "certificates/renewal.rs"]
mod renewal;
