//! See `sidetalk_fuzz::frame_reader`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sidetalk_fuzz::frame_reader(bytes));
