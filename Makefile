# Every target works from a bare clone: .venv is made when it is missing or older than pyproject.toml.
#
#   make demo    local server, example jobs, workers and live counts, for about 20 seconds
#   make test    everything: the checks, then the whole suite
#   make check   lint, types and import layers
#   make bench   the figures of the README, on this machine
#   make chaos   faults made on purpose, many times, and docs/reliability.md from what was counted (hours; goes on
#                where it was stopped; rm chaos.ndjson to begin anew)
#   make mutants   lines of the Lua scripts made wrong, 60 of them (SAMPLE=0: all), to try the tests themselves
#   make smoke   the unit tests on Python 3.13
#   make image-check   builds the image and runs it as a cluster would (root, Debian)
#   make docs    docs/cli.md, from the help of the commands, the tables of keys and metrics, and Grafana's dashboard
#   make clean   removes what the other targets made

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
VENV ?= .venv
BIN := $(VENV)/bin
# two more than two cores: many tests wait for processes
JOBS ?= 4
SAMPLE ?= 60
SEED ?= 1

# The first interpreter that really runs (a pyenv shim may not), is new enough, and can make a venv.
find_python = for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done
PYTHON ?= $(shell $(find_python))
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --root-user-action=ignore

.PHONY: chaos mutants image-check demo test check lint types layers compiled suite smoke bench format docs clean

demo: $(VENV)/run.stamp
	@$(BIN)/taskq demo

bench: $(VENV)/run.stamp
	@$(BIN)/taskq bench

# the checks need one core, and loading all tests once the other: the processes of the suite then find them compiled
test: $(VENV)/dev.stamp
	@$(MAKE) -j 2 check compiled
	@$(MAKE) suite

check: lint types layers

lint: $(VENV)/dev.stamp
	@$(BIN)/ruff check --quiet --output-format=concise
	@$(BIN)/ruff format --diff --quiet

types: $(VENV)/dev.stamp
	@$(BIN)/mypy --no-error-summary

layers: $(VENV)/dev.stamp
	@out=$$($(BIN)/lint-imports --no-cache) || { echo "$$out"; exit 1; }

# what is wrong with a file is said by the suite
compiled: $(VENV)/dev.stamp
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -q --collect-only -p no:cacheprovider > /dev/null 2>&1 || true

# worksteal: what a file's tests share is made once, and not in each process
suite: $(VENV)/dev.stamp
	@.ci/tools
	@$(BIN)/pytest -q -n $(JOBS) --dist worksteal -m 'not alone'
	@$(BIN)/pytest -q -m alone

chaos: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.chaos.stateful --minutes 10
	@$(BIN)/python -m tests.chaos --jobs 4 --results chaos.ndjson --write

mutants: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.mutants --sample $(SAMPLE) --seed $(SEED)

image-check: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.deploy.image

# the unit tests on Python 3.13, where there is one; apart from `make test`, for the time it takes
smoke:
	@.ci/tools
	@JOBS=$(JOBS) .ci/smoke 3.13

format: $(VENV)/dev.stamp
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format --quiet

docs: $(VENV)/run.stamp
	@$(BIN)/python -m taskq_cli.reference > docs/cli.md.new && mv docs/cli.md.new docs/cli.md
	@$(BIN)/python -m taskq_cli.top.keytable docs/top.md
	@$(BIN)/python -m taskq_cli.metric_table docs/metrics.md
	@$(BIN)/python -m deploy.grafana.dashboard > deploy/grafana/taskq.json.new && mv deploy/grafana/taskq.json.new deploy/grafana/taskq.json

clean:
	@rm -rf $(VENV) .venv-3.* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/python.stamp:
	@test -n "$(PYTHON)" || { echo "taskq needs Python 3.11 or later with venv: none found on PATH." >&2; \
	  echo "Debian: apt-get install python3-venv. Or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON) (once; takes a minute)" >&2
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run.stamp: pyproject.toml | $(VENV)/python.stamp
	@$(PIP) -e '.[local]'
	@touch $@

$(VENV)/dev.stamp: pyproject.toml | $(VENV)/python.stamp
	@$(PIP) -e '.[local,dev,deploy]'
	@touch $@ $(VENV)/run.stamp
