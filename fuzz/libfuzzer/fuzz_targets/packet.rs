//! A datagram as it comes in: read, verified, described, answered.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portvakt_fuzz::packet::packet(data));
