# What the run.sh of the suites have in common. It is sourced: goes to the root, finds the binary, installs the suite's npm
# packages, and those of the suites in $beside, when a lock file has changed, and gives a function that runs the suite and
# compares its score.
set -euo pipefail
name="$(basename "$(dirname "$(realpath "$0")")")"
suite="conformance/$name"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export SIDETALK_BIN="${SIDETALK_BIN:-${CARGO_TARGET_DIR:-target}/debug/sidetalk}"
[ -x "$SIDETALK_BIN" ] || { echo "there is no $SIDETALK_BIN; fix: cargo build --workspace --bin sidetalk" >&2; exit 1; }

for each in "$suite" ${beside:-}; do
    if [ -e "$each/package-lock.json" ] && ! cmp --silent "$each/package-lock.json" "$each/node_modules/.installed"; then
        npm ci --prefix "$each" --ignore-scripts --no-audit --no-fund
        cp "$each/package-lock.json" "$each/node_modules/.installed"
    fi
done

play() {
    local results="target/$suite/results.jsonl"
    mkdir -p "$(dirname "$results")"
    node "$suite/run.mjs" "$results"
    cargo xtask conformance "$name" "$results" "$@"
}
