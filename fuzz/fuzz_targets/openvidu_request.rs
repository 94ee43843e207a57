//! See `sidetalk_fuzz::openvidu_request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sidetalk_fuzz::openvidu_request(bytes));
