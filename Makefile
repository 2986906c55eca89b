# Everything a user needs: `make run`, `make ui`, `make viz`, `make docs`, `make clean`; and who changes the code:
# `make lint`, `make fast` (units, in about a minute), `make test` (both, and everything else).
# `make gpu` tests and times a GPU with the Python that is there (PyTorch, and what benchmarks/gpu.py says),
# installing nothing; `make gpu GPU_ARGS="--device cpu --quick"` rehearses it.
# PIP_ARGS is passed to pip: on a machine without a GPU
# name PyTorch's index of CPU builds there to fetch a small torch:
#   make run PIP_ARGS="--extra-index-url <the address that pytorch.org gives for CPU>"
# PYTEST_ARGS is passed to pytest; with `make test PYTEST_ARGS=--cov` the coverage of src is measured,
# as CI does: it fails under 90 %. Tracing takes what is traced half as long again.
PYTHON ?= python3
PIP_ARGS ?=
PYTEST_ARGS ?=
GPU_ARGS ?=
# Images of containers often set it; compiling every module anew takes each command a second longer.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin
INSTALLED := .venv/installed

# What `make fast` leaves out: Kedro runs, servers and browsers, whole trainings, simulated error rates,
# and properties, which try a hundred examples of what units try once.
NOT_FAST := --ignore-glob='*/test_training.py' --ignore-glob='*_rates.py' \
	$(addprefix --ignore=tests/,browser compute conf docs gpu notebooks pipelines project tracking training)

.PHONY: run lint fast test gpu ui viz docs figures-check clean

run: $(INSTALLED)
	$(BIN)/kedro run

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -n 2
	$(BIN)/lint-imports

fast: $(INSTALLED)
	$(BIN)/pytest -n logical --maxprocesses 4 -m "not slow and not hypothesis" $(NOT_FAST) $(PYTEST_ARGS)

test: lint
	$(BIN)/pytest -n logical --maxprocesses 4 $(PYTEST_ARGS)

gpu:
	PYTHONPATH=src $(PYTHON) benchmarks/gpu.py $(GPU_ARGS)

ui: $(INSTALLED)
	$(BIN)/python -m latentlab.tracking.ui

viz: $(INSTALLED)
	$(BIN)/kedro viz run --host 127.0.0.1

# What pages print against what the code gives: figures, pages that are written whole, drawings.
figures-check: $(INSTALLED)
	$(BIN)/python tools/figures_check.py
	$(BIN)/pytest -q -n 0 tests/tools/test_statistics_figures.py tests/runs/audit/printed/test_five_reports.py \
		tests/runs/audit/test_planted_flaws.py

docs: $(INSTALLED)
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-build-isolation $(PIP_ARGS) -e ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build
	@echo "Open site/index.html."

clean:
	# Your own files in data/01_raw stay.
	rm -rf .venv data/0[2-9]*/* data/smoke data/paper data/reduced mlflow.db .mlflow.db.lock .tracking mlartifacts .viz build site src/*.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "latentlab needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check $(PIP_ARGS) -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(INSTALLED)
