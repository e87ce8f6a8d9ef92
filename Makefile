# Everything one can do here. A fresh machine needs python3 (3.11 or newer, with venv) and make;
# the rest comes from the public package registry, at the versions uv.lock names.
# Another interpreter: make test PYTHON=python3.12

PYTHON ?= python3
VENV ?= .venv
BOOTSTRAP ?= .bootstrap

UV := $(BOOTSTRAP)/bin/uv
BIN := $(VENV)/bin
# The interpreter is part of the stamp's name: asking for another one makes the environment anew.
STAMP := $(VENV)/.synced-with-$(notdir $(PYTHON))
HYPOTHESIS_PROFILE ?= default
KILLS ?= 300

export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := $(VENV)
# A virtual environment that happens to be active must not receive the packages.
unexport VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help setup demo test check proof format bench prove clean

help: ## List what one can do
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## Make .venv with everything a developer needs; then .venv/bin/tradewrit works
	@echo "Ready: $(BIN)/tradewrit --help"

demo: $(STAMP) ## Run the desk on real sample prices and tell the story of one trade
	$(BIN)/tradewrit demo

test: $(STAMP) ## Run all tests but those of make proof, in parallel and in random order
	$(BIN)/python -m pytest -n auto -m "not network and not prove and not proof" \
		--hypothesis-profile=$(HYPOTHESIS_PROFILE)

check: $(STAMP) ## Lint, formatting, types, the direction of imports, and make proof: what CI checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory proof

proof: $(STAMP) ## Find every planted bug, survive 200 hostile worlds and 20 real kills (a minute)
	@set -e; begun=$$(date +%s); \
	echo "planted bugs, each to be found by the simulation:"; \
	$(BIN)/python -m pytest -q -n 2 -m proof tests/simulation/test_planted_bugs.py; \
	echo "random worlds:"; $(BIN)/tradewrit simulate --seeds 200 --jobs 2; \
	echo "kill -9 of a real desk:"; $(BIN)/python -m tests.proofs.kills --kills 20; \
	echo "make proof took $$(($$(date +%s) - begun)) s"

format: $(STAMP) ## Format the code and mend what the linter can mend safely
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## Measure speed, as ratios to a plain Python loop in CPU seconds
	@set -e; for file in benchmarks/[a-z]*.py; do \
		echo; echo "$$file"; $(BIN)/python -m benchmarks.$$(basename $$file .py); done

prove: $(STAMP) ## 400 examples of each property, bugs and worlds, every death, hundreds of real kills (45 minutes)
	$(BIN)/python -m pytest -n auto -m "(hypothesis or prove) and not network" --hypothesis-profile=prove
	$(BIN)/tradewrit simulate enumerate
	$(BIN)/tradewrit simulate --first 10000 --seeds 2000 --jobs 2
	@set -e; for profile in $$($(BIN)/python -c 'from tradewrit.simulation.profiles import PROFILES as all; print(*all)'); do \
		echo "profile $$profile:"; \
		$(BIN)/tradewrit simulate --profile $$profile --first 20000 --seeds 100 --jobs 2; done
	$(BIN)/python -m tests.proofs.kills --kills $(KILLS)

clean: ## Remove the environments, caches and build results
	rm -rf $(VENV) $(BOOTSTRAP) build dist
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests benchmarks examples -type d -name __pycache__ -prune -exec rm -rf {} +

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Tradewrit needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(BOOTSTRAP)
	$(BOOTSTRAP)/bin/python -m pip install --quiet 'uv>=0.7'

$(STAMP): pyproject.toml uv.lock | $(UV)
	$(UV) sync --frozen --all-extras --python $(PYTHON)
	@touch $@
