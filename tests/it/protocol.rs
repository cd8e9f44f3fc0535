//! The rules of RADIUS and EAP on the wire, shown to the real program by an independent codec.

mod answers;
mod eap;
mod fragments;
mod identity;
mod intake;
mod late;
mod passwords;
mod repeats;
mod roaming;
mod state;
mod transport;
mod unexpected;
