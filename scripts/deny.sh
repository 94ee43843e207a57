#!/usr/bin/env bash
# Licences, banned crates, sources and known vulnerabilities of all dependencies, by the rules of deny.toml.
# The tool is built once (about three minutes on two cores) into target/tools.
set -euo pipefail
source "$(dirname "$0")/common.sh"

version=0.20.2
deny="$tools_dir/bin/cargo-deny"
if [ "$("$deny" --version 2>/dev/null)" != "cargo-deny $version" ]; then
    say "deny: building cargo-deny $version, once"
    cargo install cargo-deny --version "$version" --locked --quiet --no-default-features --profile dev \
        --root "$tools_dir" --target-dir "$tools_dir/build"
    rm -rf "$tools_dir/build"
fi

"$deny" --log-level error check --hide-inclusion-graph licenses bans sources

# The advisories live in a git repository that cannot be reached from everywhere.
report="$logs_dir/advisories.log"
if timeout 120 "$deny" --log-level error check --hide-inclusion-graph advisories >"$report" 2>&1; then
    say "deny: advisories: none applies"
elif grep -q 'failed to fetch advisory database' "$report"; then
    say "deny: advisories: NOT CHECKED, the database of advisories cannot be reached from here"
else
    cat "$report" >&2
    fail "deny: advisories: see above"
fi
