#!/usr/bin/env bash
# Drives the vendor's published clients against the binary and compares the score with results.jsonl: see README.md.
#
#   conformance/openvidu/run.sh [--update]        SIDETALK_BIN names the binary, by default target/debug/sidetalk
#
# Needs Node, Chromium (CHROMIUM names it, by default /usr/bin/chromium) and, the first time, the npm registry.
set -euo pipefail
. "$(dirname "$0")/../suite.sh"
play "$@"
