# Shared by the scripts; sourced, not run. Every script works from the repository's folder.
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}"
export npm_config_fund=false npm_config_audit=false npm_config_update_notifier=false
tools_dir="target/tools"
logs_dir="target/logs"
mkdir -p "$tools_dir" "$logs_dir"

say() { printf '%s\n' "$*"; }

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# timed NAME COMMAND…: runs it quietly, prints one line with its seconds; prints the log's end when it fails.
timed() {
    local name="$1" started=$SECONDS
    local log="$logs_dir/${name//[^a-zA-Z0-9]/-}.log"
    shift
    if "$@" >"$log" 2>&1; then
        printf '  %-28s %4d s\n' "$name" $((SECONDS - started))
    else
        tail -n 40 "$log" >&2
        fail "failed: $name (whole log: $log)"
    fi
}
