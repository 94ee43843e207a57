#!/bin/sh
# Runs Autobahn's WebSocket cases (through kosoku) against the echo server of crates/edge and compares the counts with
# expected.json: all cases OK or informational, none non-strict. Compression (12.*, 13.*) is not offered.
#
#   conformance/websocket/run.sh [case glob ...]      default: groups 1-7, 9, 10
#
# Needs python3 and, the first time, PyPI. The report is in target/conformance/websocket/.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
venv=target/kosoku-venv
report=target/conformance/websocket
[ -x "$venv/bin/kosoku" ] || { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet kosoku==0.1.0; }
cargo build --quiet --package sidetalk-edge --example echo
mkdir -p "$report"
rm -f "$report"/*.json "$report"/*.html "$report/address"
"${CARGO_TARGET_DIR:-target}/debug/examples/echo" 127.0.0.1:0 > "$report/address" &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT INT TERM
while [ ! -s "$report/address" ]; do sleep 0.1; done
[ $# -gt 0 ] || set -- '1.*' '2.*' '3.*' '4.*' '5.*' '6.*' '7.*' '9.*' '10.*'
include=""
for case in "$@"; do include="$include -i $case"; done
set -f # the globs are for kosoku
# kosoku fails when a case is merely informational, so the comparison decides.
"$venv/bin/kosoku" $include -p 2 -o "$report" "$(cat "$report/address")" > "$report/log" 2>&1 || true
set +f
"$venv/bin/python" conformance/websocket/compare.py "$report" conformance/websocket/expected.json
