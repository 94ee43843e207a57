#!/usr/bin/env bash
# Runs the checks of the repository one after the other and stops at the first that fails.
#   scripts/test.sh all      everything; what `make test` and CI run
#   scripts/test.sh check    the quick loop
# Every step writes to target/logs; a failing step shows the end of its log.
set -euo pipefail
source "$(dirname "$0")/common.sh"

mode="${1:-all}"
fuzz_seconds="${FUZZ_SECONDS:-10}"
passed=0
summary=()

# step NAME COMMAND…
step() {
    local name="$1" started=$SECONDS
    local log="$logs_dir/step-${name//[^a-zA-Z0-9]/-}.log"
    shift
    printf '  %-34s ' "$name"
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        printf 'ok %5d s\n' $((SECONDS - started))
        summary+=("$((SECONDS - started)) $name")
    else
        printf 'FAILED after %d s\n\n' $((SECONDS - started))
        tail -n 60 "$log"
        if [ "$1" = xtask ]; then set -- cargo "$@"; fi
        printf '\nfailed: %s. Whole log: %s. Again: %s\n' "$name" "$log" "$*"
        printf '%d passed, 1 failed\n' "$passed"
        exit 1
    fi
}

# Lets a step's own words through to the reader, after the step.
show() {
    local pattern="$1" name="$2"
    grep -hE "$pattern" "$logs_dir/step-${name//[^a-zA-Z0-9]/-}.log" | sed 's/^/      /' || true
}

# `cargo xtask`, built with the features of the whole workspace so that nothing is built twice.
xtask() {
    # A step runs inside a condition, where bash does not stop at errors by itself: hence the `&&`.
    cargo build --quiet --workspace --bin xtask &&
        "${CARGO_TARGET_DIR:-target}/debug/xtask" "$@"
}

slowest_test_programs() {
    local log="$logs_dir/step-rust-tests.log"
    [ -f "$log" ] || return 0
    say "slowest test programs:"
    awk '
        / Running / || / Doc-tests / { name = $0; sub(/^ *Running /, "", name); sub(/^ */, "", name); sub(/ \(.*[\/]/, " (", name) }
        /finished in / { time = $0; sub(/.*finished in /, "", time); sub(/s$/, "", time); printf "%8.2f s  %s\n", time, name }
    ' "$log" | sort -rn | head -n 5
}

# The binary that the tests of the client and the pages start.
export SIDETALK_BIN="$(realpath -m "${CARGO_TARGET_DIR:-target}")/debug/sidetalk"
started=$SECONDS
rm -f "$logs_dir"/step-*.log
say "$mode: logs in $logs_dir"
case "$mode" in
    all)
        step "setup" scripts/setup.sh test
        step "lock file" cargo metadata --locked --format-version 1
        step "format" cargo fmt --all --check
        step "tidy" xtask tidy
        step "npm build" npm run --silent build
        step "npm types" npm run --silent typecheck
        step "npm unit tests" npm run --silent test
        step "npm size budgets" npm run --silent size
        step "clippy" cargo clippy --quiet --workspace --all-targets -- -D warnings
        step "rust tests" cargo test --workspace --no-fail-fast
        step "binary" cargo build --workspace --bin sidetalk
        step "generated files" xtask codegen --check
        step "client against the binary" npm run --silent test:live
        step "browser tests" npm run --silent test:browser
        step "websocket conformance" conformance/websocket/run.sh
        step "openvidu conformance" conformance/openvidu/run.sh
        step "opentalk conformance" conformance/opentalk/run.sh
        step "opentok conformance" conformance/opentok/run.sh
        step "all dialects together" conformance/together/run.sh
        step "fuzz, $fuzz_seconds s each" fuzz/run.sh --seconds "$fuzz_seconds"
        show '^fuzz: ' "fuzz, $fuzz_seconds s each"
        step "dependencies" scripts/deny.sh
        show '^deny: adv' "dependencies"
        ;;
    check)
        step "npm packages" scripts/setup.sh build
        step "format" cargo fmt --all --check
        step "tidy" xtask tidy
        step "npm types" npm run --silent typecheck
        step "clippy" cargo clippy --quiet --workspace --all-targets -- -D warnings
        step "rules" cargo test --quiet --package sidetalk-core
        ;;
    *) fail "usage: scripts/test.sh [all|check]" ;;
esac

say ""
say "slowest steps:"
printf '%s\n' "${summary[@]}" | sort -rn | head -n 5 | awk '{ seconds = $1; $1 = ""; printf "%8d s %s\n", seconds, $0 }'
slowest_test_programs
say "whole run: $((SECONDS - started)) s"
say "$passed passed, 0 failed"
