# One word each, for people and CI alike.
#   make demo    the main job on the shipped examples, and where the pictures are
#   make check   formatting, lint, types
#   make test    check, then the whole suite
#   make bench   the benchmarks that need no data set (results are written to benchmarks/results/)
# Settings: PYTHON=python3.12 VENV=/elsewhere WORKERS=4

PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do command -v $$name && break; done)
VENV ?= .venv
WORKERS ?= auto
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)
# The CPU build, never a CUDA one (2 GB more): an index or folder that is set up already, else PyTorch's own index. For a GPU see the README.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

.PHONY: demo check test bench clean
.DELETE_ON_ERROR:

demo: $(VENV)/core.done
	@bash examples/demo.sh $(BIN)/posetransfer out/demo

check: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Nothing may follow pytest: its summary is the last line. One thread per worker: the workers share the cores.
test: check
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadfile

# These are run by hand, with a prepared folder: each says how in its first lines.
WITH_DATA := frames.py int8.py lift.py rounding.py
bench: $(VENV)/dev.done
	@for script in $(filter-out $(addprefix benchmarks/,$(WITH_DATA)),$(wildcard benchmarks/*.py)); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

$(VENV)/core.done: pyproject.toml constraints.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'posetransfer needs Python 3.11 or newer: make PYTHON=python3.11 ...')"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c "from importlib.metadata import version as v; import sys; sys.exit(v('torch').split('+')[0] != '$(TORCH)')" 2>/dev/null \
	|| if [ "$$(uname -s)" != Linux ]; then $(PIP) --no-deps torch==$(TORCH); \
	else $(PIP) --no-deps torch==$(TORCH)+cpu 2>/dev/null || $(PIP) --no-deps --index-url $(TORCH_INDEX) torch==$(TORCH); fi
	$(PIP) -e .
	@touch $@

$(VENV)/dev.done: $(VENV)/core.done
	$(PIP) -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) out build dist .mypy_cache .ruff_cache .pytest_cache
