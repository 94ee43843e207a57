#!/usr/bin/env bash
# Builds the server, and measures. Arguments go to the bench.
set -euo pipefail
source "$(dirname "$0")/common.sh"

scripts/build.sh
exec bench/run.sh "$@"
