# Everything a person or a CI does here. Each target sets up what it needs on a fresh Debian machine with Rust, Node,
# make, git and python3. The work is in scripts/; this file only names it.

.DEFAULT_GOAL := help
.PHONY: help setup build run check test bench fuzz clean

SECONDS ?= 20
DATA ?= data

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what the tests need (packages, browser, npm and pip)
	@scripts/setup.sh test

build: ## the release binary with its pages: target/release/sidetalk
	@scripts/build.sh

run: build ## build, then serve a demo with its data in ./data (DATA=…); prints the address
	@exec "$${CARGO_TARGET_DIR:-target}/release/sidetalk" dev --data $(DATA)

check: ## the quick loop: format, tidy, types, clippy, rules (under 2 minutes when warm)
	@scripts/test.sh check

test: ## everything, as in CI (under 40 minutes from a fresh clone on 2 cores)
	@scripts/test.sh all

bench: ## measure against the physical limit and a peer
	@scripts/bench.sh

fuzz: ## give every fuzz target some time: make fuzz SECONDS=60
	@fuzz/run.sh --seconds $(SECONDS)

clean: ## remove what was built; keeps ./data
	@rm -rf target && find . -name node_modules -prune -exec rm -rf {} + && find sdk web -name dist -prune -exec rm -rf {} +
