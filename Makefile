# What CI runs is `make check test journeys`. Everything here works without a prompt.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PACKAGES := $(wildcard luochui web trading certificates office bidding signing)
SOURCES := $(PACKAGES) $(wildcard tests loadtests alembic setup.py .ci/*.py)
CATALOGUES := $(wildcard web/locales/*/LC_MESSAGES/*.po signing/assistant/templates/*.po)
# One more than two cores: some tests wait for real servers to start and to fall, and that is nobody's work.
WORKERS ?= 3
VUKEY := signing/vukey/luochui-vukey.so
ARGS ?=
# Looks once more, alone, at the few tests that failed: a machine that stood still is not a fault, what fails twice is.
PYTEST := $(BIN)/python .ci/second_look.py

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export UV_NO_PROGRESS := 1
# Where bytecode may not be kept, every start of a process compiles all it imports again: seconds each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-long journeys check bench load docs format lock clean native

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.runtime $(VUKEY) ## Start the demonstration (LUOCHUI_PORT and LUOCHUI_DATA move it)
	@$(BIN)/python -m luochui demo

test: $(VENV)/.dev ## All tests but the long ones and the browser's (ten to fourteen minutes on two cores)
	$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not long" --ignore=tests/browser $(ARGS)

test-long: $(VENV)/.dev ## The tests that take minutes each
	$(BIN)/pytest -m long --timeout 3600 --ignore=tests/browser $(ARGS)

journeys: $(VENV)/.dev ## The journeys through a real browser (Chromium)
	@if ls tests/browser/test_*.py >/dev/null 2>&1; then \
		.ci/system-packages browser && $(PYTEST) tests/browser -m "not long" --timeout 300 $(ARGS); \
	else echo "There are no browser tests yet."; fi

check: $(VENV)/.dev ## Everything that is judged without running it: style, types, arrows, locks, documents
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy --strict $(PACKAGES)
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	@! grep -nE '://|^(-i|-f|--)|@ |file:' lock/*.txt || { echo "The lock names a place: run 'make lock'." >&2; exit 1; }
	@$(BIN)/python -c "import sys; from babel.messages.pofile import read_po; [read_po(open(p, 'rb'), abort_invalid=True) for p in sys.argv[1:]]" $(CATALOGUES)
	@if $(BIN)/python -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('luochui.docs') is None)"; \
		then $(BIN)/python -m luochui.docs --check; fi

bench: $(VENV)/.dev ## Measure, beside the floors of the same run; writes build/bench.json
	@mkdir -p build
	$(BIN)/python -m loadtests.bench $(ARGS)

load: $(VENV)/.dev ## Locust with its page (http://127.0.0.1:8089) against a running demonstration
	$(BIN)/locust -f loadtests/locustfile.py --host "http://127.0.0.1:$${LUOCHUI_PORT:-8000}" $(ARGS)

docs: $(VENV)/.dev ## Write the generated documents again
	@if $(BIN)/python -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('luochui.docs') is None)"; \
		then $(BIN)/python -m luochui.docs; else echo "There is no generator of documents yet."; fi

format: $(VENV)/.dev ## Format the sources and sort their imports
	$(BIN)/ruff check --fix-only --quiet $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

# The versions are those of the public index, whatever this machine is set up to add to it.
LOCK = env -u PIP_FIND_LINKS -u PIP_EXTRA_INDEX_URL -u PIP_INDEX_URL PIP_CONFIG_FILE=/dev/null $(BIN)/uv pip compile \
	pyproject.toml --no-config --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --no-annotate $(LOCK_ARGS)

lock: ## Resolve the versions again (LOCK_ARGS=--upgrade for newer ones)
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/pip install --quiet uv; }
	$(LOCK) --output-file lock/runtime.txt
	$(LOCK) --extra dev --constraint lock/runtime.txt --output-file lock/dev.txt

clean: ## Remove what was built (not the data of the demonstration)
	rm -rf $(VENV) $(VUKEY) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The environment: made once, brought up to date when a lock changes. uv comes out of the same lock, and
# installs the rest several times faster than pip.
$(BIN)/uv: lock/dev.txt
	@.ci/system-packages run
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' lock/dev.txt > $(VENV)/uv.txt
	@$(BIN)/pip install --quiet --require-hashes --no-deps -r $(VENV)/uv.txt
	@touch $@

# The virtual UKey (docs/vukey.md): `make run` and the tests run from the tree, so it is built into the tree.
# Without a compiler the rest still works; what needs a UKey then says what is missing.
native: $(VUKEY) ## Compile the virtual UKey (again, when its sources changed)

$(VUKEY): $(wildcard signing/vukey/*.c signing/vukey/*.h) signing/vukey/compile | $(BIN)/uv
	@sh signing/vukey/compile $@ || echo "The virtual UKey could not be compiled; all else works without it." >&2

INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes

$(VENV)/.runtime: lock/runtime.txt $(BIN)/uv
	@echo "Installing what luochui needs …"
	@$(INSTALL) -r lock/runtime.txt
	@touch $@

$(VENV)/.dev: lock/dev.txt pyproject.toml $(VENV)/.runtime | $(VUKEY)
	@echo "Installing what the tests need …"
	@$(INSTALL) -r lock/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
