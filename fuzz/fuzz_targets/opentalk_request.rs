//! See `sidetalk_fuzz::opentalk_request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sidetalk_fuzz::opentalk_request(bytes));
