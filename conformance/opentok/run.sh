#!/usr/bin/env bash
# Drives the vendors' published server SDKs against the binary and compares the score with results.jsonl: see README.md.
#
#   conformance/opentok/run.sh [--update]        SIDETALK_BIN names the binary, by default target/debug/sidetalk
#
# Needs Node, python3 with venv and, the first time, npm and PyPI.
set -euo pipefail
cd "$(dirname "$0")/../.."
suite=conformance/opentok
results=target/conformance/opentok/results.jsonl
export SIDETALK_BIN="${SIDETALK_BIN:-${CARGO_TARGET_DIR:-target}/debug/sidetalk}"
[ -x "$SIDETALK_BIN" ] || { echo "there is no $SIDETALK_BIN; fix: cargo build --workspace --bin sidetalk" >&2; exit 1; }

if ! cmp --silent "$suite/package-lock.json" "$suite/node_modules/.installed"; then
    npm ci --prefix "$suite" --ignore-scripts --no-audit --no-fund
    cp "$suite/package-lock.json" "$suite/node_modules/.installed"
fi
if ! cmp --silent "$suite/requirements.txt" "$suite/venv/.installed"; then
    python3 -m venv --clear "$suite/venv"
    "$suite/venv/bin/pip" install --quiet --disable-pip-version-check -r "$suite/requirements.txt"
    cp "$suite/requirements.txt" "$suite/venv/.installed"
fi
mkdir -p "$(dirname "$results")"
node "$suite/run.mjs" "$results"
cargo xtask conformance opentok "$results" "$@"
