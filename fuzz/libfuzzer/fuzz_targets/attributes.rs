//! The writers of attributes, driven by a script.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portvakt_fuzz::attributes::attributes(data));
