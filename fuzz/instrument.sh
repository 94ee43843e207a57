#!/usr/bin/env bash
# Cargo calls this instead of rustc for the crates of this workspace (RUSTC_WORKSPACE_WRAPPER). It adds the counters
# that libFuzzer reads: the flags of cargo-fuzz without the sanitizers, which are all that needs a nightly compiler.
# Dependencies are not instrumented, so they are the same files that the tests have built already.
set -euo pipefail
rustc="$1"
shift
exec "$rustc" "$@" \
    -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Copt-level=1 -Cdebug-assertions=on -Coverflow-checks=on
