#!/usr/bin/env bash
# Speaks OpenTalk's signaling to the binary, shows what it says to OpenTalk's published types, and compares the score with
# results.jsonl: see README.md.
#
#   conformance/opentalk/run.sh [--update]        SIDETALK_BIN names the binary, by default target/debug/sidetalk
#
# Needs Node and, the first time, the npm registry and crates.io (the oracle builds in less than a minute).
set -euo pipefail
cd "$(dirname "$0")/../.."
suite=conformance/opentalk
results=target/conformance/opentalk/results.jsonl
export SIDETALK_BIN="${SIDETALK_BIN:-${CARGO_TARGET_DIR:-target}/debug/sidetalk}"
[ -x "$SIDETALK_BIN" ] || { echo "there is no $SIDETALK_BIN; fix: cargo build --workspace --bin sidetalk" >&2; exit 1; }

if ! cmp --silent "$suite/package-lock.json" "$suite/node_modules/.installed"; then
    npm ci --prefix "$suite" --ignore-scripts --no-audit --no-fund
    cp "$suite/package-lock.json" "$suite/node_modules/.installed"
fi
cargo build --quiet --locked --manifest-path "$suite/oracle/Cargo.toml" --target-dir "${CARGO_TARGET_DIR:-target}/oracle"
export SIDETALK_ORACLE="${CARGO_TARGET_DIR:-target}/oracle/debug/opentalk-oracle"
mkdir -p "$(dirname "$results")"
node "$suite/run.mjs" "$results"
cargo xtask conformance opentalk "$results" "$@"
