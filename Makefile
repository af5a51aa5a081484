# What a developer does. `make demo` and `make test` set up everything they need on a fresh machine.

PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
ROOT    = $(if $(filter 0,$(shell id -u)),--allow-root,)

.PHONY: demo test test-slow test-all lint format env bench clean help

help:            ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 10) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.demo: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet ".[demo]"
	@touch $@

demo: $(VENV)/.demo      ## open JupyterLab on the first tutorial
	$(BIN)/jupyter lab $(ROOT) notebooks/01-track-a-notebook.ipynb

$(VENV)/.test: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	@touch $@

env: $(VENV)/.test       ## the development environment, editable

lint: env        ## formatting, linting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: env      ## let the tools format everything
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: env lint   ## everything but the slow tests
	PATH="$$(pwd)/$(BIN):$$PATH" $(BIN)/python -m pytest -m "not slow"

test-slow: env   ## the slow tests alone
	PATH="$$(pwd)/$(BIN):$$PATH" $(BIN)/python -m pytest -m slow; code=$$?; [ $$code -eq 0 ] || [ $$code -eq 5 ]

test-all: test test-slow ## both

bench:           ## compare with peers, side by side (installs them in an environment of their own)
	PYTHON=$(PYTHON) benchmarks/run.sh

clean:           ## remove what was built
	rm -rf $(VENV) dist build *.egg-info
