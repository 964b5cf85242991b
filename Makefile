# make book · make test · make lint · make bench · make install
#
# On a fresh machine with Python 3.11, pip, make and a compiler, `make book` sets up all and does the main job.

EDITION ?= smoke
DATA ?= simulated
# Real data to show beside, if there is any: a table of statistics (CSV), a patch (.npy).
STATISTICS ?=
PATCH ?=
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BENCHMARKS ?= ssim augmentation training heads predict
VENV := .venv
BIN := $(VENV)/bin
export NUMBA_CACHE_DIR := $(CURDIR)/build/numba

.PHONY: book test lint bench install reference clean

book: install
	$(BIN)/snakemake --cores all --quiet rules --config edition=$(EDITION) data='$(DATA)' statistics='$(STATISTICS)' patch='$(PATCH)'
	@echo "The book: $(CURDIR)/build/$(EDITION)/_build/html/index.html"

test: install
	$(BIN)/pytest

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy landslide_nb tests
	$(BIN)/nbstripout --verify notebooks/*.ipynb

# Timings as ratios to named peers, each measured in one run; leave the machine alone meanwhile.
bench: install
	for name in $(BENCHMARKS); do $(BIN)/python benchmarks/$$name.py --output results/$$name.csv || exit 1; done

# The committed edition: execute it, then refresh book/chapters from it.
reference: EDITION = smoke
reference: book
	rm -rf book/chapters && mkdir -p book/chapters
	cp build/$(EDITION)/chapters/*.ipynb build/$(EDITION)/chapters/*.md build/$(EDITION)/chapters/cover.png book/chapters/

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

clean:
	rm -rf build _build
