//! An EAP packet, and a whole conversation driven by a script.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portvakt_fuzz::eap::eap(data));
