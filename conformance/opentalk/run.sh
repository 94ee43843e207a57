#!/usr/bin/env bash
# Speaks OpenTalk's signaling to the binary, shows what it says to OpenTalk's published types, and compares the score with
# results.jsonl: see README.md.
#
#   conformance/opentalk/run.sh [--update]        SIDETALK_BIN names the binary, by default target/debug/sidetalk
#
# Needs Node and, the first time, the npm registry and crates.io (the oracle builds in less than a minute).
set -euo pipefail
. "$(dirname "$0")/../suite.sh"
cargo build --quiet --locked --manifest-path "$suite/oracle/Cargo.toml" --target-dir "${CARGO_TARGET_DIR:-target}/oracle"
export SIDETALK_ORACLE="${CARGO_TARGET_DIR:-target}/oracle/debug/opentalk-oracle"
play "$@"
