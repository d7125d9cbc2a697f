# Everything starts here. Given: git, make, Python 3.11 or newer. `make help` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

UV_VERSION := 0.13.9
PYTHONS := $(PYTHON) python3.11 python3 python3.12 python3.13
BIN := .venv/bin
FLASK := $(BIN)/flask --app wsgi
CATALOGS := $(patsubst %.po,%.mo,$(wildcard translations/*/LC_MESSAGES/*.po))
# One more than there are cores: some tests wait for servers that were killed.
PYTEST_ARGS ?= -n 3 --dist loadgroup

# Stamps: a second start finds them newer than the lock files and does nothing.
UV := .venv/.uv-$(UV_VERSION)
RUNTIME := .venv/.runtime
DEV := .venv/.dev

# A throw-away installation on SQLite, for what needs a database but must not touch anybody's.
THROWAWAY = dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && export APP_ENV=test DATA_DIR="$$dir" DATABASE_URL= AMQP_URL=

.PHONY: help install demo reset services test chaos chaos-events soak fuzz mutants bench check lint types architecture
.PHONY: a11y lighthouse screenshots migrations-in-step translations-complete
.PHONY: advisories migration translations states-drawn faults faults-listed lock

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-24s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: $(RUNTIME) $(CATALOGS) ## install what the portal runs on into .venv, and nothing for developers

demo: $(RUNTIME) $(CATALOGS) ## run everything on embedded defaults (PORT=8000, DATA_DIR=instance); Ctrl-C stops it
	@$(BIN)/python -m portal.demo.processes check
	@$(FLASK) db upgrade
	@$(FLASK) seed-demo
	@exec $(BIN)/python -m portal.demo.processes run

reset: $(RUNTIME) ## forget the demo's data (DATA_DIR)
	@$(BIN)/python -m portal.demo.processes forget

services: ## make sure PostgreSQL, RabbitMQ and Redis answer on their standard local ports
	@deploy/services

test: $(DEV) $(CATALOGS) ## run the suite against real servers, Chromium and Node.js (ENGINES=both: each story on both databases)
	@deploy/services --with-browser
	@where=$$($(BIN)/python deploy/test_environment.py) && eval "$$where" && $(BIN)/pytest $(PYTEST_ARGS)

chaos: $(DEV) $(CATALOGS) ## kill every process at every place, 20 rounds of each (ROUNDS=20)
	@deploy/services
	@where=$$($(BIN)/python deploy/test_environment.py) && eval "$$where" && ROUNDS=$(ROUNDS) $(BIN)/pytest -m "" -n 2 tests/faults

chaos-events: $(DEV) $(CATALOGS) ## kill broker, relay and consumer at random under a flood of events (N=100000)
	@deploy/services
	@where=$$($(BIN)/python deploy/test_environment.py) && eval "$$where" && $(BIN)/python -m tests.journeys.flood $(N)

soak: $(DEV) $(CATALOGS) ## live 2,000 simulated cinemas, resumable (SEEDS=2000)
	@deploy/services
	@where=$$($(BIN)/python deploy/test_environment.py) && eval "$$where" && PYTHONPATH=. $(BIN)/python deploy/soak.py $(SEEDS) && \
	  $(BIN)/pytest -m "" $(PYTEST_ARGS) tests/simulation/test_stripe_lives.py

fuzz: $(DEV) $(CATALOGS) ## send the API anything, a thousand of each call as each role and as nobody (EXAMPLES=1000)
	@deploy/services
	@where=$$($(BIN)/python deploy/test_environment.py) && eval "$$where" && EXAMPLES=$(or $(EXAMPLES),1000) $(BIN)/pytest -o faulthandler_timeout=0 $(PYTEST_ARGS) tests/web/api/test_whatever_is_sent.py

a11y: $(DEV) $(CATALOGS) ## look at every page in every state in both languages, light and dark, on phone and desktop
	@deploy/services --with-browser
	@where=$$($(BIN)/python deploy/test_environment.py) && eval "$$where" && $(BIN)/pytest -m chaos -n 2 tests/browser

lighthouse: $(DEV) $(CATALOGS) ## measure the most visited pages as a phone loads them (Chromium, Node.js)
	@PUPPETEER_SKIP_DOWNLOAD=1 npm ci --prefix bench/lighthouse --ignore-scripts --no-audit --no-fund --loglevel=error
	@$(BIN)/python -m bench.pages

screenshots: $(DEV) $(CATALOGS) ## take the pictures in docs/screenshots anew
	@deploy/services --with-browser
	@where=$$($(BIN)/python deploy/test_environment.py) && eval "$$where" && PYTHONPATH=. $(BIN)/python deploy/take_screenshots.py

mutants: $(DEV) ## plant mistakes into simulated cinemas: is each found?
	@$(BIN)/python -m tests.simulation.hunt

bench: $(DEV) $(CATALOGS) ## measure the back office and the audit on PostgreSQL (INVOICES=200000 AUDITED=1000000)
	@deploy/services
	@where=$$($(BIN)/python deploy/test_environment.py) && eval "$$where" && $(BIN)/python -m bench.back_office $(INVOICES) && \
	  $(BIN)/python -m bench.audit $(AUDITED)

check: lint types architecture migrations-in-step translations-complete states-drawn faults-listed advisories ## run every check that is not a test
	@echo "All checks passed."

lint: $(DEV) ## check style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "Run .venv/bin/ruff format"; exit 1; }

types: $(DEV) ## check types
	@$(BIN)/mypy

architecture: $(DEV) ## check who imports whom
	@$(BIN)/pytest -q --noconftest -p no:cacheprovider tests/test_architecture.py

migrations-in-step: $(DEV) ## check that the migrations make what the models say
	@$(THROWAWAY); $(FLASK) db upgrade && $(FLASK) db check

translations-complete: $(DEV) ## check that every message has its translation
	@$(BIN)/python deploy/check_translations.py

states-drawn: $(DEV) ## check that docs/states.md is drawn from the states as they are
	@$(BIN)/python deploy/draw_states.py --check

faults-listed: $(DEV) ## check that docs/faults.md says which tests hold which fault
	@$(BIN)/python deploy/report_faults.py --check

faults: $(DEV) ## count the faults that tests show, and write docs/faults.md's last sections
	@$(BIN)/python deploy/report_faults.py

advisories: $(DEV) ## check the locked packages for known vulnerabilities
	@$(BIN)/python deploy/check_advisories.py requirements.txt

migration: $(DEV) ## write the migration the models ask for: make migration m="what it does"
	@test -n "$(m)" || { echo 'Say what it does: make migration m="add refunds"'; exit 2; }
	@$(THROWAWAY); $(FLASK) db upgrade && $(FLASK) db migrate -m "$(m)"

translations: $(DEV) ## bring the .po files in step with the sources and compile them
	@$(BIN)/python deploy/check_translations.py --update
	@$(MAKE) $(CATALOGS)

lock: $(UV) ## lock requirements*.in into requirements*.txt
	@for name in requirements requirements-dev; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	    $$name.in --output-file $$name.txt; done

# The installation. `venv` may be run over an existing environment: it only adds what is missing.
$(UV):
	@for python in $(PYTHONS); do \
	  if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Installing into .venv ..."; \
	    $$python -m venv .venv; \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); \
	    rm -f .venv/.uv-*; touch $@; exit 0; \
	  fi; \
	done; \
	echo "Python 3.11 or newer with its venv module is needed (found: $$(python3 --version 2>&1 || true)); PYTHON=/path/to/python names another." >&2; \
	exit 1

# Without the development tools, unless they are here already: then they stay.
$(RUNTIME): requirements.txt | $(UV)
	@if test -e $(DEV); then $(MAKE) $(DEV); else $(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python $<; fi
	@touch $@

$(DEV): requirements-dev.txt | $(UV)
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python $<
	@touch $@ $(RUNTIME)

%.mo: %.po | $(RUNTIME)
	@$(BIN)/pybabel --quiet compile --input-file $< --output-file $@
