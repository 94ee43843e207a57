//! See `sidetalk_fuzz::command_decoder`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sidetalk_fuzz::command_decoder(bytes));
