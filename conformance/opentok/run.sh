#!/usr/bin/env bash
# Drives the vendors' published server SDKs against the binary and compares the score with results.jsonl: see README.md.
#
#   conformance/opentok/run.sh [--update]        SIDETALK_BIN names the binary, by default target/debug/sidetalk
#
# Needs Node, python3 with venv and, the first time, npm and PyPI.
set -euo pipefail
. "$(dirname "$0")/../suite.sh"
if ! cmp --silent "$suite/requirements.txt" "$suite/venv/.installed"; then
    python3 -m venv --clear "$suite/venv"
    "$suite/venv/bin/pip" install --quiet --disable-pip-version-check -r "$suite/requirements.txt"
    cp "$suite/requirements.txt" "$suite/venv/.installed"
fi
play "$@"
