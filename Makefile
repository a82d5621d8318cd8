# `make` lists the targets. Needed: Linux, make, and Python 3.11 or later with its venv module.

PYTHON ?= python3
VENV ?= .venv
BACKENDS ?= tensorflow jax
PROFILE ?= ci
PYTEST_ARGS ?=
WORK ?=
BACKEND ?= tensorflow
BACKEND_FREE := tests/distribution tests/registry tests/test_digits.py tests/test_new.py \
	tests/test_readme.py $(wildcard plugins/*/tests/test_documentation.py plugins/*/tests/test_plots.py)

# What pip installs for each backend; may carry pip options, such as an --index-url.
# TensorFlow's CPU build is smaller and enough for everything here.
TENSORFLOW ?= $(if $(filter Linux-x86_64,$(shell uname -sm | tr ' ' -)),tensorflow-cpu,tensorflow)
JAX ?= jax
TORCH ?= torch

PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
# One stamp per installed set of requirements: what has one is not installed again.
STAMPS := $(VENV)/.stamps

export TF_CPP_MIN_LOG_LEVEL ?= 2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test wheels lint format bench bench-compare bench-gpu docs clean FORCE

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F '|' '{ printf "make %-13s %s\n", $$1, $$2 }'
	@echo
	@echo "Variables: PYTHON=$(PYTHON) VENV=$(VENV) BACKENDS=\"$(BACKENDS)\" PROFILE=$(PROFILE) PYTEST_ARGS=\"$(PYTEST_ARGS)\""
	@echo "           TENSORFLOW=\"$(TENSORFLOW)\" JAX=\"$(JAX)\" TORCH=\"$(TORCH)\""

demo: $(STAMPS)/tensorflow $(STAMPS)/extra-demo ## train, evaluate, save and reload a small network on real digits
	KERAS_BACKEND=tensorflow $(BIN)/python examples/digits.py

# What does not depend on the backend runs along with TensorFlow's tests only. Each worker begins with
# one part of the files, in order, so that what a file compiles or builds is there for its next test.
# One worker per core and one thread per worker: PyTorch slows down twentyfold where its threads
# outnumber the cores. JAX's compiler optimizes less here: the tests compile more than they compute,
# and TensorFlow's tests run the same compiler in full.
test: $(BACKENDS:%=$(STAMPS)/%) $(STAMPS)/extra-test ## run all tests on each backend: make test BACKENDS=torch
	@$(foreach backend,$(BACKENDS),echo "== tests on $(backend) ==" && \
		KERAS_BACKEND=$(backend) OMP_NUM_THREADS=1 JAX_DISABLE_MOST_OPTIMIZATIONS=1 \
			$(BIN)/python -m pytest --numprocesses=auto --dist=worksteal --hypothesis-profile=$(PROFILE) \
			$(if $(filter tensorflow,$(backend)),,$(BACKEND_FREE:%=--ignore=%)) $(PYTEST_ARGS) &&) true

wheels: $(STAMPS)/venv ## build dist/*.whl for kerasx and every plugin, fit for publishing
	rm -rf dist
	KERASX_PLAIN_REQUIREMENTS=1 $(PIP) wheel --no-deps --wheel-dir dist . $(PLUGINS:%=./%)
	@ls dist

lint: $(STAMPS)/extra-dev ## check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMPS)/extra-dev ## put the code into the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMPS)/$(BACKEND) $(STAMPS)/torch $(STAMPS)/extra-bench ## compare speed and memory with the alternatives on a CPU: make bench WORK=crf BACKEND=jax
	KERAS_BACKEND=$(BACKEND) $(BIN)/python -m pytest $(or $(WORK:%=benchmarks/bench_%.py),benchmarks) \
		--quiet $(PYTEST_ARGS)

bench-compare: $(STAMPS)/extra-bench ## fail where kerasx is slower than in an earlier result: make bench-compare BASE=old.json
	$(BIN)/python benchmarks/report.py $(BASE)

bench-gpu: $(STAMPS)/jax $(STAMPS)/extra-bench ## the same on a GPU: make bench-gpu JAX='jax[cuda12]'
	$(BIN)/python benchmarks/gpu.py

docs: $(STAMPS)/jax $(STAMPS)/extra-dev ## build the documentation in build/site
	KERAS_BACKEND=jax $(BIN)/mkdocs build

clean: ## remove the environment and everything that was built
	rm -rf $(VENV) dist build .pytest_cache .ruff_cache .hypothesis .benchmarks kerasx-demo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "kerasx needs Python 3.11 or later, and $(PYTHON) is not. Name one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Creating $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

# The core and its plugins are installed together and editable, so no requirement may point at one.
$(STAMPS)/extra-%: pyproject.toml hatch_build.py $(PLUGINS:%=%/pyproject.toml) | $(STAMPS)/venv
	@echo "Installing kerasx[$*] and its plugins into $(VENV) ..."
	@KERASX_PLAIN_REQUIREMENTS=1 $(PIP) install --editable '.[$*]' $(PLUGINS:%=--editable ./%)
	@touch $@

tensorflow_requirement := $(TENSORFLOW)
jax_requirement := $(JAX)
torch_requirement := $(TORCH)

$(STAMPS)/tensorflow $(STAMPS)/jax $(STAMPS)/torch: $(STAMPS)/%: $(STAMPS)/%.requirement
	@echo "Installing $($*_requirement) into $(VENV) ..."
	@$(PIP) install $(foreach word,$($*_requirement),'$(word)')
	@touch $@

# Rewritten only when the requirement is another one than last time.
$(STAMPS)/%.requirement: FORCE | $(STAMPS)/venv
	@echo '$($*_requirement)' | cmp -s - $@ || echo '$($*_requirement)' > $@
