//! See `sidetalk_fuzz::token_reader`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sidetalk_fuzz::token_reader(bytes));
