#!/usr/bin/env bash
# Brings people of all dialects into one room of the binary and compares the score with results.jsonl: see README.md.
#
#   conformance/together/run.sh [--update]        SIDETALK_BIN names the binary, by default target/debug/sidetalk
#
# Needs what the suites of OpenTalk and OpenVidu need, and the packages built before (scripts/npm.sh build).
set -euo pipefail
beside="conformance/openvidu conformance/opentalk"
. "$(dirname "$0")/../suite.sh"
oracle="${CARGO_TARGET_DIR:-target}/oracle"
cargo build --quiet --locked --manifest-path conformance/opentalk/oracle/Cargo.toml --target-dir "$oracle"
export SIDETALK_ORACLE="$oracle/debug/opentalk-oracle"
play "$@"
