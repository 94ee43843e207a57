#!/usr/bin/env bash
# Sets up the peer, builds the generator and measures: bench/run.sh [--quick] [--only S1,S2] … (see bench/README.md).
# target/release/sidetalk must be built before; `make bench` does that.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cmp --silent bench/peer/package-lock.json bench/peer/node_modules/.installed; then
    # bufferutil brings its binary along, so no script of a package needs to run.
    npm ci --prefix bench/peer --ignore-scripts --no-audit --no-fund
    cp bench/peer/package-lock.json bench/peer/node_modules/.installed
fi
cargo build --release --locked --package sidetalk-bench
exec "${CARGO_TARGET_DIR:-target}/release/sidetalk-bench" run "$@"
