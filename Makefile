# `make` lists the targets. Needed: Linux, make, and Python 3.11 or later with its venv module.

PYTHON ?= python3
VENV ?= .venv
BACKENDS ?=
PYTEST_ARGS ?=
WORK ?=
BACKEND ?= tensorflow

# What pip installs for each backend; may carry pip options, such as an --index-url.
# TensorFlow's CPU build is smaller and enough for everything here. On Linux, plain `torch` brings
# several gigabytes of GPU packages: TORCH="torch --index-url https://download.pytorch.org/whl/cpu"
# installs its CPU build, and TORCH=torch==2.13.0 a certain version.
TENSORFLOW ?= $(if $(filter Linux-x86_64,$(shell uname -sm | tr ' ' -)),tensorflow-cpu,tensorflow)
JAX ?= jax
TORCH ?= torch

ALL_BACKENDS := tensorflow jax torch

PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
# One stamp per installed set of requirements: what has one is not installed again.
STAMPS := $(VENV)/.stamps

export TF_CPP_MIN_LOG_LEVEL ?= 2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PRECIOUS: $(STAMPS)/extra-%
.NOTPARALLEL:
.PHONY: help demo test test-all test-thorough wheels lint format bench bench-compare bench-gpu docs clean FORCE

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F '|' '{ printf "make %-13s %s\n", $$1, $$2 }'
	@echo
	@echo "Variables: PYTHON=$(PYTHON) VENV=$(VENV) BACKENDS=\"$(BACKENDS)\" PYTEST_ARGS=\"$(PYTEST_ARGS)\""
	@echo "           TENSORFLOW=\"$(TENSORFLOW)\" JAX=\"$(JAX)\" TORCH=\"$(TORCH)\""

demo: $(STAMPS)/tensorflow $(STAMPS)/extra-demo ## train, evaluate, save and reload a small network on real digits
	KERAS_BACKEND=tensorflow $(BIN)/python examples/digits.py

test: $(addprefix fast-,$(or $(BACKENDS),tensorflow)) ## run the fast tests on TensorFlow: make test BACKENDS=torch
	@echo "The fast tests have passed on $(or $(BACKENDS),tensorflow). The rest: make test-all runs them on"
	@echo "TensorFlow, JAX and PyTorch, and make test-thorough runs every test there."

test-all: $(addprefix fast-,$(or $(BACKENDS),$(ALL_BACKENDS))) ## run the fast tests on TensorFlow, JAX and PyTorch

test-thorough: $(addprefix thorough-,$(or $(BACKENDS),$(ALL_BACKENDS))) ## run every test on each backend; after a break, continue

# One worker per core and one thread per worker: PyTorch slows down twentyfold where its threads
# outnumber the cores. Each worker begins with one part of the files, in order, so that what a file
# compiles or builds is there for its next test.
PYTEST = KERAS_BACKEND=$* OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=auto --dist=worksteal

# The fast tests compile more than they compute, so JAX optimizes what it compiles less there.
fast-%: $(STAMPS)/% $(STAMPS)/extra-test
	@echo "== fast tests on $* =="
	@JAX_DISABLE_MOST_OPTIMIZATIONS=1 $(PYTEST) --tier=fast $(PYTEST_ARGS)

thorough-%: $(STAMPS)/% $(STAMPS)/extra-test
	@echo "== all tests on $*; remove .thorough to start again =="
	@$(PYTEST) --tier=thorough --resume=.thorough/$* $(PYTEST_ARGS)
	@rm -f .thorough/$*

wheels: $(STAMPS)/venv ## build dist/*.whl for kerasx and every plugin, fit for publishing
	rm -rf dist
	KERASX_PLAIN_REQUIREMENTS=1 $(PIP) wheel --no-deps --wheel-dir dist . $(PLUGINS:%=./%)
	@ls dist

lint: $(STAMPS)/extra-dev ## check style and types, and report unused code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/vulture

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
	rm -rf $(VENV) dist build .pytest_cache .ruff_cache .hypothesis .benchmarks .mypy_cache .thorough kerasx-demo
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
