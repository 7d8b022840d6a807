# Everything a person or CI does with this repository. `make help` lists it.
# Needs a POSIX shell, git and Python 3.11 or newer with its venv module; everything else is installed into .venv.

VENV    ?= .venv
BIN     := $(VENV)/bin
STAMP   := $(VENV)/.installed

# Airflow 3.3 and 3.4 run on these; 3.14 comes last, for this project has not been tested on it. A name on PATH may be a
# shim that does not run, so each candidate is started.
PYTHON  ?= $(shell for python in python3.13 python3.12 python3.11 python3 python3.14; do \
	"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' >/dev/null 2>&1 && command -v "$$python" && break; \
	done)

# Two workers: one for the tests that start Airflow (kept together by their xdist group), one for the rest.
TEST_WORKERS ?= 2
PYTEST_ARGS  ?=

.DEFAULT_GOAL := help
.PHONY: help install demo demo-check screenshots test lint types contracts bench bench-latency chaos chaos-events constraints clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-13s %s\n' "$$name" "$$text"; done

install: $(STAMP) ## create .venv with the pinned versions

$(STAMP): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then \
		echo "No Python from 3.11 to 3.14 runs here. Install one (Debian, Ubuntu: apt install python3 python3-venv;"; \
		echo "macOS: brew install python@3.13), or name it: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; fi
	@"$(PYTHON)" -c "import sys; sys.exit(sys.version_info < (3, 11))" || { echo "$(PYTHON) is too old: 3.11 or newer is needed."; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) lacks its venv module. Debian, Ubuntu: apt install python3-venv (or python3.11-venv, … for that version)."; \
		exit 1; }
	@[ -x $(BIN)/python ] && $(BIN)/python -c '' 2>/dev/null || { echo "Creating $(VENV) with $(PYTHON) …"; rm -rf $(VENV) && "$(PYTHON)" -m venv $(VENV); }
	@echo "Installing the pinned versions into $(VENV) (a few minutes the first time) …"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

demo: $(STAMP) ## start a demo shop, a demo ERP and Airflow, and watch orders flow (Ctrl-C ends it)
	@exec $(BIN)/python -m airflow_integrations.demo

demo-check: $(STAMP) ## run the demo without a screen and check every order in the ERP
	@exec $(BIN)/python -m airflow_integrations.demo check

screenshots: $(STAMP) ## pictures of the console for README and docs, in light and dark (needs Chromium)
	@$(BIN)/python tests/airflow/pages/screenshots.py

test: $(STAMP) ## all tests, with real servers and a real scheduler
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadgroup $(PYTEST_ARGS)

lint: $(STAMP) ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP) ## mypy --strict
	@$(BIN)/mypy

contracts: $(STAMP) ## which room may import which
	@$(BIN)/lint-imports

bench: $(STAMP) ## speed and memory, one line of JSON a figure
	@$(BIN)/python -m bench

bench-latency: $(STAMP) ## from a webhook to the target's receipt, in a real Airflow on SQLite and PostgreSQL (10 minutes)
	@$(BIN)/python -m bench latency

chaos: $(STAMP) ## 100,000 entities through faults, kills, restarts and a full disk; one line of JSON, exit 0 or 1
	@$(BIN)/python -m chaos

chaos-events: $(STAMP) ## 20,000 webhook events while Airflow's processes are killed; a line of JSON a route, exit 0 or 1
	@$(BIN)/python -m chaos.events

constraints: ## pin the newest versions again (maintainers; needs uv)
	@uv pip compile --quiet --universal --upgrade --python-version 3.11 --all-extras pyproject.toml \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file constraints.txt

clean: ## remove everything that was made here
	rm -rf $(VENV) .demo dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
