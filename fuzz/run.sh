#!/usr/bin/env bash
# Runs the fuzz targets for a while each: fuzz/run.sh [--seconds N] [target…]
# First it proves with a planted bug that the fuzzer works at all. Ends at the first target that breaks.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds_each=20
targets=()
while [ $# -gt 0 ]; do
    case "$1" in
        --seconds) seconds_each="$2"; shift 2 ;;
        -*) echo "usage: fuzz/run.sh [--seconds N] [target…]" >&2; exit 2 ;;
        *) targets+=("$1"); shift ;;
    esac
done
if [ ${#targets[@]} -eq 0 ]; then
    for file in fuzz/fuzz_targets/*.rs; do
        name="$(basename "$file" .rs)"
        [ "$name" = self_test ] || targets+=("$name")
    done
fi

target_dir="${CARGO_TARGET_DIR:-target}"
state="$target_dir/fuzz"

# `--workspace` keeps the features of dependencies as the tests built them, so that nothing but our crates is built again.
RUSTC_WORKSPACE_WRAPPER="$PWD/fuzz/instrument.sh" \
    cargo build --quiet --workspace --bin 'fuzz_*'

# run_target NAME SECONDS: fuzzes NAME from its seeds and from what earlier runs learnt.
run_target() {
    local name="$1" seconds="$2"
    local corpus="$state/corpus/$name" artifacts="$state/artifacts/$name/"
    mkdir -p "$corpus" "$artifacts"
    local options=(-max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1)
    [ -f "fuzz/dictionaries/$name.dict" ] && options+=(-dict="fuzz/dictionaries/$name.dict")
    "$target_dir/debug/fuzz_$name" "${options[@]}" -artifact_prefix="$artifacts" "$corpus" "fuzz/seeds/$name" \
        >"$state/$name.log" 2>&1
}

rm -rf "$state/corpus/self_test"
if run_target self_test 60; then
    echo "fuzz: the self-test found nothing in 60 s, so the fuzzer does not see coverage; look at fuzz/instrument.sh" >&2
    exit 1
fi
if ! grep -q 'the fuzzer found the word' "$state/self_test.log"; then
    tail -n 20 "$state/self_test.log" >&2
    echo "fuzz: the self-test ended without finding its planted bug" >&2
    exit 1
fi
rm -rf "$state/artifacts/self_test"
echo "fuzz: self_test: the planted bug was found, the fuzzer works"

for name in "${targets[@]+"${targets[@]}"}"; do
    if ! run_target "$name" "$seconds_each"; then
        tail -n 40 "$state/$name.log" >&2
        echo "fuzz: $name broke; the input is in $state/artifacts/$name/" >&2
        echo "      again: $target_dir/debug/fuzz_$name $state/artifacts/$name/<file>" >&2
        echo "      after the repair move the input to fuzz/seeds/$name/, so that the tests keep it" >&2
        exit 1
    fi
    runs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$state/$name.log")"
    cover="$(grep -oE 'cov: [0-9]+' "$state/$name.log" | tail -n 1)"
    echo "fuzz: $name: ${runs:-?} inputs in $seconds_each s, ${cover:-cov: ?}, none broke it"
done
