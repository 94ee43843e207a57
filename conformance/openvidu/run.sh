#!/usr/bin/env bash
# Drives the vendor's published clients against the binary and compares the score with results.jsonl: see README.md.
#
#   conformance/openvidu/run.sh [--update]        SIDETALK_BIN names the binary, by default target/debug/sidetalk
#
# Needs Node, Chromium (CHROMIUM names it, by default /usr/bin/chromium) and, the first time, the npm registry.
set -euo pipefail
cd "$(dirname "$0")/../.."
suite=conformance/openvidu
results=target/conformance/openvidu/results.jsonl
export SIDETALK_BIN="${SIDETALK_BIN:-${CARGO_TARGET_DIR:-target}/debug/sidetalk}"
[ -x "$SIDETALK_BIN" ] || { echo "there is no $SIDETALK_BIN; fix: cargo build --workspace --bin sidetalk" >&2; exit 1; }

if ! cmp --silent "$suite/package-lock.json" "$suite/node_modules/.installed"; then
    npm ci --prefix "$suite" --ignore-scripts --no-audit --no-fund
    cp "$suite/package-lock.json" "$suite/node_modules/.installed"
fi
mkdir -p "$(dirname "$results")"
node "$suite/run.mjs" "$results"
cargo xtask conformance openvidu "$results" "$@"
