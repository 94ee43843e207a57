//! The repository's own chores, as one small program.
//!
//! `cargo xtask tidy` checks rules that no compiler knows; `cargo xtask codegen` writes or checks generated files;
//! `cargo xtask conformance` compares a run of a vendor's clients with the score that is committed.
//! Knows no production crate: it reads files and runs the built binary from outside. To add a chore, add a module
//! and a line in `run`.
//!
//! Start reading at `tidy.rs`.

mod codegen;
mod conformance;
mod repository;
mod tidy;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask <chore>

  tidy                                        check the rules of the repository; every finding says how to fix it
  codegen [--check]                           write the generated files, or fail if one is stale
  conformance <suite> <results.jsonl> [--update]
                                              compare a run with conformance/<suite>/results.jsonl
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = repository::root();
    match words.as_slice() {
        ["tidy"] => tidy::run(&root),
        ["codegen"] => codegen::run(&root, codegen::Mode::Write),
        ["codegen", "--check"] => codegen::run(&root, codegen::Mode::Check),
        ["conformance", suite, results] => {
            conformance::run(&root, suite, results, conformance::Mode::Compare)
        }
        ["conformance", suite, results, "--update"] => {
            conformance::run(&root, suite, results, conformance::Mode::Update)
        }
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => bail!("unknown chore: {}\n\n{USAGE}", words.join(" ")),
    }
}
