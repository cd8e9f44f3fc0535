//! The AVPs inside a TTLS tunnel.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portvakt_fuzz::ttls::ttls_avps(data));
