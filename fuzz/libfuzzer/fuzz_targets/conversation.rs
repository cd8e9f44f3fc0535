//! A whole conversation of a real device, over a network that the input scripts.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    portvakt_fuzz::conversation::conversation(data);
});
