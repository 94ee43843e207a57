#!/usr/bin/env bash
# Installs what a fresh Debian machine with Rust, Node, make, git and python3 still lacks. Safe to run again: what is
# there is passed over without asking the network.
#   scripts/setup.sh build   what `make build` needs
#   scripts/setup.sh test    that, and what the tests need (the default)
set -euo pipefail
source "$(dirname "$0")/common.sh"

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

apt_updated=no
# apt_install PACKAGE…
apt_install() {
    command -v apt-get >/dev/null || fail "setup: please install by hand: $* (this system has no apt-get)"
    if [ "$apt_updated" = no ]; then
        timed "apt update" as_root apt-get update -q
        apt_updated=yes
    fi
    timed "apt install $1" as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

need_program() {
    command -v "$1" >/dev/null || fail "setup: $1 is missing; $2"
}

install_compilers() {
    # The embedded store, the cryptography and the fuzzer bring C and C++ sources.
    if ! command -v cc >/dev/null || ! command -v c++ >/dev/null; then apt_install build-essential; fi
}

# The exact bytes of the lock file are remembered, so that the same file is installed once.
install_npm_packages() {
    local stamp=node_modules/.sidetalk-lock
    if cmp -s package-lock.json "$stamp"; then return; fi
    timed "npm ci" npm ci
    cp package-lock.json "$stamp"
}

# Tests drive the system's browser; none is downloaded by npm.
install_browser() {
    if ! command -v chromium >/dev/null; then apt_install chromium; fi
}

# Each suite under conformance/ may name its pip packages in a requirements.txt. They go into a venv beside it, where its
# run.sh puts them too if it comes first.
install_python_packages() {
    local wanted suite
    for wanted in conformance/*/requirements.txt; do
        suite="${wanted%/*}"
        if [ ! -e "$wanted" ] || cmp -s "$wanted" "$suite/venv/.installed"; then continue; fi
        if ! python3 -c 'import ensurepip' 2>/dev/null; then apt_install python3-venv; fi
        timed "venv $suite" python3 -m venv --clear "$suite/venv"
        timed "pip install $suite" "$suite/venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
        cp "$wanted" "$suite/venv/.installed"
    done
}

mode="${1:-test}"
started=$SECONDS
need_program cargo "see https://rustup.rs; rust-toolchain.toml pins the version"
need_program node "version 20 or newer"
need_program npm "it comes with node"
need_program git "apt install git"
need_program python3 "apt install python3"
install_compilers
install_npm_packages
case "$mode" in
    build) ;;
    test)
        install_browser
        install_python_packages
        ;;
    *) fail "usage: scripts/setup.sh [build|test]" ;;
esac
say "setup: ready for $mode after $((SECONDS - started)) s"
