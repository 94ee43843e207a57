//! See `sidetalk_fuzz::opentok_request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sidetalk_fuzz::opentok_request(bytes));
