# `make check` is what reviewers and automation run. The tools come with: .venv/bin/pip install -e ".[test,dev]"
PYTHON ?= $(if $(wildcard .venv/bin/python),.venv/bin/python,python3)

.PHONY: check lint types test oracle benchmarks

check: lint types test

lint:
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy

test:
	$(PYTHON) -m pytest -q -n auto

oracle:  # needs the extra [oracle]
	$(PYTHON) -m pytest -q -n auto -m oracle

benchmarks:  # on a quiet machine, half an hour: how deriving grows, a cold start, compiled functions beside the peers that are installed, the tape
	$(PYTHON) benchmarks/growth.py
	$(PYTHON) benchmarks/compiled.py --write
	$(PYTHON) benchmarks/tape.py
	$(PYTHON) benchmarks/minimizers.py
