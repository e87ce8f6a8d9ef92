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

export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := $(VENV)
# A virtual environment that happens to be active must not receive the packages.
unexport VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format bench prove clean

help: ## List what one can do
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## Make .venv with everything a developer needs; then .venv/bin/tradewrit works
	@echo "Ready: $(BIN)/tradewrit --help"

demo: $(STAMP) ## Run the desk on real sample prices and tell the story of one trade
	$(BIN)/tradewrit demo

test: $(STAMP) ## Run all tests, in parallel and in random order
	$(BIN)/python -m pytest -n auto --hypothesis-profile=$(HYPOTHESIS_PROFILE)

check: $(STAMP) ## Lint, formatting, types and the direction of imports: what CI checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## Format the code and mend what the linter can mend safely
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## Measure speed, as ratios to a plain Python loop in CPU seconds
	@set -e; for file in benchmarks/[a-z]*.py; do \
		echo; echo "$$file"; $(BIN)/python -m benchmarks.$$(basename $$file .py); done

prove: $(STAMP) ## Thousands of drawn examples of every property, thousands of hostile worlds, every death (minutes)
	$(BIN)/python -m pytest -n auto -m "(hypothesis or prove) and not network" --hypothesis-profile=prove
	$(BIN)/tradewrit simulate enumerate
	$(BIN)/tradewrit simulate --first 10000 --seeds 2000

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
