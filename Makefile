# make demo | test | test-slow | test-vllm | proof | lint | bench | clean. Everything installs into $(VENV); nothing else is touched.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= demo
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-slow test-vllm proof lint bench clean
.DELETE_ON_ERROR:

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# A stamp a kind of installation: the core for the demo, everything that runs on a CPU for the tests.
$(VENV)/.core: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing the core (about a minute, 0.9 GB) ..."
	$(PIP) -e .
	@touch $@

$(VENV)/.all: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing all CPU extras (a few minutes, 2.3 GB) ..."
	$(PIP) -e '.[all,dev]'
	@touch $@ $(VENV)/.core

demo: $(VENV)/.core
	$(BIN)/facial-r1 demo --out $(OUT)

test: $(VENV)/.all
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m 'not slow and not gpu'

test-slow: $(VENV)/.all
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m 'slow and not gpu'

# The CPU build of vLLM, in an environment of its own: a real server and the offline engine.
test-vllm:
	PYTHON=$(PYTHON) tests/inference_local/real_vllm/run.sh .venv-vllm

# The learning proof, on a CPU: stopped at any time, it goes on where it was.
proof: $(VENV)/.all
	$(BIN)/python -m benchmarks.proof --seeds 0 1 2 --out runs/proof

lint: $(VENV)/.all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.all
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) .venv-vllm $(OUT) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
