//! The rules of RADIUS and EAP on the wire, shown to the real program by an independent codec.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;
mod nas;

#[path = "protocol/answers.rs"]
mod answers;
#[path = "protocol/eap.rs"]
mod eap;
#[path = "protocol/fragments.rs"]
mod fragments;
#[path = "protocol/identity.rs"]
mod identity;
#[path = "protocol/intake.rs"]
mod intake;
#[path = "protocol/late.rs"]
mod late;
#[path = "protocol/passwords.rs"]
mod passwords;
#[path = "protocol/repeats.rs"]
mod repeats;
#[path = "protocol/roaming.rs"]
mod roaming;
#[path = "protocol/state.rs"]
mod state;
#[path = "protocol/transport.rs"]
mod transport;
#[path = "protocol/unexpected.rs"]
mod unexpected;
