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

# The pip that Python 3.11 brings takes twice the CPU's time for the same. Where there is no such pip, that one does it.
# --no-compile: a third of the modules is ever loaded, and whoever loads one first compiles it.
NEWER_PIP := pip==26.3

# A line now and then of what pip does; for minutes it would else say nothing.
PROGRESS := /^(Collecting|Processing) / { if (++count % 10 == 0) { print "  " count " packages found …"; fflush() } } \
	/^Downloading|^  Downloading/ && /MB/ { print "  " $$1 " " $$2 " " $$3 " " $$4; fflush() } \
	/^Installing collected/ { print "  unpacking " NF - 3 " packages, the longest part …"; fflush() } \
	/^(ERROR|error)/ { print; fflush() }

# Where it is set, each of some thousand processes that the tests start would compile what it imports again.
unexport PYTHONDONTWRITEBYTECODE

# One more than CI has cores: tests that start Airflow (kept together by their xdist groups) wait most of the time.
TEST_WORKERS ?= 3
PYTEST_ARGS  ?=

.DEFAULT_GOAL := help
.PHONY: help install check demo demo-check demo-shopify demo-shopify-check screenshots docs reference test lint types contracts bench bench-latency chaos chaos-events constraints clean search simulate simulate-mutants simulate-postgres

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-17s %s\n' "$$name" "$$text"; done

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
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check '$(NEWER_PIP)' 2>/dev/null || true
	@rm -f $(VENV)/.pip-done; { PYTHONUNBUFFERED=1 $(BIN)/python -m pip install --no-compile --disable-pip-version-check --progress-bar off \
		--constraint constraints.txt --editable '.[dev]' 2>&1 && touch $(VENV)/.pip-done; } | tee $(VENV)/install.log | awk '$(PROGRESS)'
	@[ -e $(VENV)/.pip-done ] || { tail -n 20 $(VENV)/install.log; echo "The installation failed; all of its output: $(VENV)/install.log"; exit 1; }
	@mv $(VENV)/.pip-done $(STAMP)

check: lint types contracts docs demo-check test ## what CI runs

# PORT=8080 for Airflow's UI; else one that is free.
AT_PORT = $(if $(PORT),--port $(PORT))
demo: $(STAMP) ## start a demo shop, a demo ERP and Airflow, and watch orders flow (Ctrl-C ends it)
	@exec $(BIN)/python -m airflow_integrations.demo $(AT_PORT)

demo-check: $(STAMP) ## run the demo without a screen and check every order in the ERP
	@exec $(BIN)/python -m airflow_integrations.demo check

demo-shopify: $(STAMP) ## start a Shopify, an SAP S/4HANA and Airflow, and watch payments become sales orders (Ctrl-C ends it)
	@exec $(BIN)/python -m airflow_integrations.demo shopify $(AT_PORT)

# AIRFLOW=1: in a real Airflow, which takes some minutes.
demo-shopify-check: $(STAMP) ## payments become sales orders while SAP is away, Shopify throttles and processes are killed (AIRFLOW=1)
	@exec $(BIN)/python -m airflow_integrations.demo shopify check $(if $(AIRFLOW),--airflow)

screenshots: $(STAMP) ## pictures of the console for README and docs, in light and dark (needs Chromium)
	@$(BIN)/python tests/airflow/web/pages/screenshots.py

test: $(STAMP) ## all tests, with real servers and a real scheduler
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadgroup --no-loadscope-reorder $(PYTEST_ARGS)

docs: $(STAMP) ## the documentation as a site in site/; fails on a broken link
	@NO_MKDOCS_2_WARNING=1 DISABLE_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --quiet

reference: $(STAMP) ## write docs/reference and the JSON Schema of route files from the option models
	@$(BIN)/python -m airflow_integrations.schema
	@$(BIN)/python -m airflow_integrations.schema.reference docs/reference

# For a nightly job. What it finds is kept in .hypothesis and comes first the next time.
SEARCH_EXAMPLES ?= 2000
search: $(STAMP) ## a long random search, with fresh seeds, for faults of push and ledger (nightly; SEARCH_EXAMPLES=2000)
	@SEARCH_EXAMPLES=$(SEARCH_EXAMPLES) $(BIN)/python -m pytest -q \
		tests/engine/push/test_push_model.py tests/ledger/test_ledger_model.py $(PYTEST_ARGS)

# Fresh seeds each time; SEED=4711 lives through that world alone and tells its story, SEEDS=200000 through so many.
SEEDS ?= 10000
WITHOUT ?=
SIMULATOR := PYTHONPATH=.:tests $(BIN)/python -m simulator
simulate: $(STAMP) ## simulated worlds around the real engine, each from a seed (SEEDS=10000, BASE=…, SEED=…)
	@$(SIMULATOR) $(if $(SEED),--seed $(SEED) --without "$(WITHOUT)",--seeds $(SEEDS) $(if $(BASE),--base $(BASE)))

simulate-mutants: $(STAMP) ## the simulator's own test: every planted fault within 5,000 seeds
	@$(SIMULATOR).mutants --seeds 5000

simulate-postgres: $(STAMP) ## some hundred of the same worlds with PostgreSQL and real threads (nightly)
	@$(SIMULATOR).borders.postgres --seeds 300

lint: $(STAMP) ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP) ## mypy --strict, of the package, the tests, bench and chaos
	@$(BIN)/mypy
	@{ cat pyproject.toml && printf '\n[[tool.mypy.overrides]]\nmodule = "tests.*"\ndisable_error_code = "import-not-found"\n'; } \
		> .mypy_cache/conftests.toml  # modules of one name; what they import was checked above, and is not once more
	@$(BIN)/mypy --config-file .mypy_cache/conftests.toml --explicit-package-bases $$(find tests -name conftest.py)

contracts: $(STAMP) ## which room may import which
	@$(BIN)/lint-imports

bench: $(STAMP) ## speed and memory, one line of JSON a figure
	@$(BIN)/python -m bench

bench-latency: $(STAMP) ## from a webhook to the target's receipt, in a real Airflow on SQLite and PostgreSQL (10 minutes)
	@$(BIN)/python -m bench latency

chaos: $(STAMP) ## 100,000 entities through faults, kills, restarts and a full disk; one line of JSON, exit 0 or 1
	@$(BIN)/python -m chaos
	@$(BIN)/python -m chaos.steps

chaos-events: $(STAMP) ## 20,000 webhook events while Airflow's processes are killed; a line of JSON a route, exit 0 or 1
	@$(BIN)/python -m chaos.events

constraints: ## pin the newest versions again (maintainers; needs uv)
	@uv pip compile --quiet --universal --upgrade --python-version 3.11 --all-extras pyproject.toml \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file constraints.txt

clean: ## remove everything that was made here
	rm -rf $(VENV) .demo dist build site .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
