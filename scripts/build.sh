#!/usr/bin/env bash
# Builds the pages, then the binary that carries them: target/release/sidetalk.
set -euo pipefail
source "$(dirname "$0")/common.sh"

scripts/setup.sh build
timed "pages" npm run --silent build
say "  binary: cargo build --release (minutes when cold)"
timed "binary" cargo build --release --locked --package sidetalk-server
say "built: ${CARGO_TARGET_DIR:-target}/release/sidetalk"
