# make demo           install, then find planted campaigns in simulated traffic
# make review         open the analyst's page on what the demo found
# make test           install, then run every test
# make lint           formatting, types and the rules between rooms
# make bench          speed, as ratios within one run
# make bench-quality  what is found, beside four usual methods; writes docs/quality.md
# make bench-accounts whom the accounts' evidence finds, and its limits; writes docs/limits.md
# make bench-identity which ids last a month of changing operators; writes docs/identity.md

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo review test lint bench bench-quality bench-accounts bench-identity clean
.DEFAULT_GOAL := help

.PHONY: help
help:
	@sed -n 's/^# //p' Makefile

demo: $(VENV)/.installed
	$(BIN)/shoal --home var/demo demo

review: $(VENV)/.installed
	$(BIN)/shoal --home var/demo review

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks

bench-quality: $(VENV)/.installed-baselines
	$(BIN)/python -m benchmarks.quality --docs

bench-accounts: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.accounts all --docs

bench-identity: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.identity --docs

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Shoal needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[fast]'
	touch $@

$(VENV)/.installed-dev: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[dev]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-baselines: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[fast,baselines]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) var .mypy_cache .pytest_cache .ruff_cache .hypothesis
