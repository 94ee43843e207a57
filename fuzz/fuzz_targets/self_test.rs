//! See `sidetalk_fuzz::self_test`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sidetalk_fuzz::self_test(bytes));
