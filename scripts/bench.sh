#!/usr/bin/env bash
# Builds the server and the load generator and measures. Arguments go to the bench.
set -euo pipefail
source "$(dirname "$0")/common.sh"

scripts/build.sh
if [ -x bench/run.sh ]; then exec bench/run.sh "$@"; fi
cargo build --release --locked --package sidetalk-bench
exec "${CARGO_TARGET_DIR:-target}/release/sidetalk-bench" "$@"
