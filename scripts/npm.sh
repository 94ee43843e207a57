#!/usr/bin/env bash
# Runs one npm script in every package that has it: scripts/npm.sh build
# Packages are taken in the order sdk, web, because pages stand on the SDK.
set -euo pipefail
source "$(dirname "$0")/common.sh"

script="${1:?usage: scripts/npm.sh <script>}"
folders="$(npm_roots)"
for folder in $folders; do
    if node -e 'process.exit(require(require("path").resolve(process.argv[1], "package.json")).scripts?.[process.argv[2]] ? 0 : 1)' "$folder" "$script"; then
        npm run --silent --prefix "$folder" "$script"
    elif node -e 'process.exit(require(require("path").resolve(process.argv[1], "package.json")).workspaces ? 0 : 1)' "$folder"; then
        npm run --silent --prefix "$folder" "$script" --workspaces --if-present
    fi
done
