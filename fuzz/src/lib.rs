//! What each fuzz target does with its bytes, as plain functions.
//!
//! A target takes any bytes and must not panic, hang or break its promise; what it returns is of no interest. The
//! binaries in `fuzz_targets/` hand these functions to libFuzzer; the test in this file plays the committed seeds, and
//! every input that once broke a target, without a fuzzer. Knows the faces, never an engine. How to add a target stands
//! in `README.md`.

mod command_decoder;
mod frame_reader;
mod opentalk_request;
mod opentok_request;
mod openvidu_request;
mod token_reader;

pub use command_decoder::command_decoder;
pub use frame_reader::frame_reader;
pub use opentalk_request::opentalk_request;
pub use opentok_request::opentok_request;
pub use openvidu_request::openvidu_request;
pub use token_reader::token_reader;

/// A target by its name; the name is also the folder of its seeds.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("self_test", self_test),
    ("frame_reader", frame_reader),
    ("command_decoder", command_decoder),
    ("token_reader", token_reader),
    ("opentalk_request", opentalk_request),
    ("opentok_request", opentok_request),
    ("openvidu_request", openvidu_request),
];

/// Proves that the fuzzer sees coverage: it must find the word below, byte after byte. By chance alone that takes
/// centuries. `run.sh` expects this target to break, and fails if it does not.
///
/// # Panics
///
/// When the bytes begin with the word.
pub fn self_test(bytes: &[u8]) {
    let mut matched = 0;
    for (byte, wanted) in bytes.iter().zip(b"sidetalk") {
        if byte != wanted {
            return;
        }
        matched += 1;
        // A branch of its own for each length, so that every step is news to the fuzzer.
        match matched {
            1 => std::hint::black_box(1),
            2 => std::hint::black_box(2),
            3 => std::hint::black_box(3),
            4 => std::hint::black_box(4),
            5 => std::hint::black_box(5),
            6 => std::hint::black_box(6),
            7 => std::hint::black_box(7),
            _ => panic!("the fuzzer found the word, as it should"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_survived() {
        let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
        for (name, target) in TARGETS {
            let folder = seeds.join(name);
            let entries =
                std::fs::read_dir(&folder).unwrap_or_else(|_| panic!("{} holds the seeds", folder.display()));
            for entry in entries {
                let path = entry.expect("the folder can be read").path();
                println!("{}", path.display());
                target(&std::fs::read(&path).expect("a seed can be read"));
            }
        }
    }

    #[test]
    #[should_panic(expected = "the fuzzer found the word")]
    fn the_self_test_breaks_on_its_word() {
        self_test(b"sidetalk!");
    }
}
