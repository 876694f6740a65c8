# Everything a developer or a newcomer does. `make` alone lists it.

PYTHON ?= $(or $(shell command -v python3.11),$(shell command -v python3))
BIN := .venv/bin
MAIN := .venv/.main
DEV := .venv/.dev
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check
LOCK := .venv/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header
WORKERS ?= auto

.DEFAULT_GOAL := help
.PHONY: help run demo test check fmt screens pictures bench-ingest bench-events bench-sentry bench-detect bench-live bench-stats bench-pages simulate fuzz torture lock chromium

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(MAIN) ## Start Tocsin on 127.0.0.1:8000, with SQLite in ./data
	@$(BIN)/tocsin serve

demo: $(MAIN) ## Start Tocsin with a lively example: an incident within a minute
	@$(BIN)/tocsin demo

test: $(DEV) chromium ## Run all tests; WORKERS=0 runs them in one process
	$(BIN)/pytest -n $(WORKERS) -m "not acceptance and not torture"
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -m "acceptance and not torture"

check: $(DEV) ## Look for faults without running: style, format, types, who imports whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

fmt: $(DEV) ## Format the code and mend what can be mended by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

screens: $(DEV) chromium ## Look at every page in a real browser, and leave photographs in build/screens/
	$(BIN)/pytest -q tests/browser/test_pages.py

pictures: $(DEV) chromium ## Take the pictures of README.md anew
	$(BIN)/python -m tests.browser.pictures

bench-ingest: $(DEV) ## Measure durable pings a second beside two ceilings, and each protocol's (needs wrk)
	$(BIN)/python -m bench.ingest

bench-events: $(DEV) ## Measure durable, classified events a second beside pings; and a storm (needs wrk)
	$(BIN)/python -m bench.events

bench-sentry: $(DEV) ## Measure Sentry's endpoints at 2,000 check-ins a second, and with a full queue
	$(BIN)/python -m bench.sentry

bench-detect: $(DEV) ## Measure how fast 100,000 silent streams are noticed among 1,000,000
	$(BIN)/python -m bench.detect

bench-stats: $(DEV) ## Measure how soon figures are told of 1,000,000 runs, 1,000,000 events and 10,000 incidents
	$(BIN)/python -m bench.stats

bench-pages: $(DEV) ## Measure the server's time for each page, with 10,000 jobs, 1,000 tenants, 1,000,000 runs
	$(BIN)/python -m bench.pages

bench-live: $(DEV) ## Measure what 200 open live pages cost: pings with them and without (needs wrk)
	$(BIN)/python -m bench.live

fuzz: $(DEV) ## Ask the API whatever its document allows and forbids; FUZZ_SECONDS=3600 for an hour
	FUZZ_SECONDS=$(or $(FUZZ_SECONDS),600) $(BIN)/pytest -s tests/acceptance/test_openapi.py -k finds_nothing

simulate: $(DEV) ## Live through a year of 2,000 jobs in 12 zones, and count false alarms and overlooked silences
	$(BIN)/python -m tests.simulate

torture: $(DEV) ## Kill the server 200 times under load and count what it promised
	$(BIN)/pytest -m torture

lock: $(MAIN) ## Write the lock files in requirements/ anew
	$(PYTHON) -m venv .venv/lock
	.venv/lock/bin/pip install --quiet uv
	$(LOCK) pyproject.toml -o requirements/main.lock
	$(LOCK) --extra dev -c requirements/main.lock pyproject.toml -o requirements/dev.lock
	echo 'setuptools>=77' | $(LOCK) - -o requirements/build.lock

# The pages are tested in a real browser. Where it is missing and cannot be installed so, their tests say what to do.
chromium:
	@command -v $(or $(CHROMIUM),chromium) >/dev/null || if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; fi

$(MAIN): requirements/main.lock requirements/build.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tocsin needs Python 3.11 or newer.")'
	$(PYTHON) -m venv .venv
	$(INSTALL) --require-hashes -r requirements/main.lock -r requirements/build.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(MAIN) requirements/dev.lock
	$(INSTALL) --require-hashes -r requirements/dev.lock
	@touch $@
