# make book · make test · make test-slow · make lint · make bench · make reference · make check-reference
#
# On a fresh machine with a Python of pyproject.toml's, pip, make and a compiler, `make book` sets up all and does the main job.

EDITION ?= smoke
# Patches to train on, in place of those that each chapter names: simulated ones, or real landslides by published predictions.
DATA ?=
# Real data to show beside, if there is any: a table of statistics (CSV), a patch (.npy).
STATISTICS ?=
PATCH ?=
# The machine's own Python where it will do, else another that will; the last is named in the refusal.
PYTHON ?= $(shell for it in python3 python3.13 python3.12 python3.11; do $$it .ci/check-python - 2>/dev/null && echo $$it && exit; done; echo python3)
# The edition that is committed, and the chapters that `check-reference` executes again: 03 trains nothing, 07 six networks.
REFERENCE ?= lite
CHECKED ?= 03 07
# Some tests only: make test TESTS="tests/test_study.py tests/test_runs.py"
TESTS ?=
BENCHMARKS ?= ssim augmentation training throughput heads predict maps
VENV := .venv
BIN := $(VENV)/bin
export NUMBA_CACHE_DIR := $(CURDIR)/build/numba
# To the shell as they are, whatever quotes are in them.
export EDITION DATA STATISTICS PATCH
KNOWN := EDITION DATA STATISTICS PATCH PYTHON REFERENCE CHECKED TESTS BENCHMARKS VENV BIN
UNKNOWN := $(filter-out $(KNOWN),$(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name))))
$(if $(UNKNOWN),$(error unknown setting $(UNKNOWN); expected $(KNOWN); any other parameter is for `snakemake --config`, see the Snakefile))

.PHONY: book test test-slow lint bench install reference check-reference clean

book: install
	$(BIN)/snakemake --cores all --quiet rules --config edition="$$EDITION" data="$$DATA" statistics="$$STATISTICS" patch="$$PATCH"
	@echo "The book: $(CURDIR)/build/$(EDITION)/_build/html/index.html"

# On every core; a file's tests stay together, since they share what they have trained.
PYTEST = $(BIN)/pytest --numprocesses logical --maxprocesses 4 --dist loadfile $(TESTS)

test: install
	$(PYTEST) -m "not slow"

test-slow: install
	$(PYTEST) -m slow

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy landslide_nb tests benchmarks
	$(BIN)/nbstripout --verify notebooks/*.ipynb

# Timings as ratios to named peers, each measured in one run; leave the machine alone meanwhile.
bench: install
	for name in $(BENCHMARKS); do $(BIN)/python benchmarks/$$name.py --output results/$$name.csv || exit 1; done

# The committed edition: execute it (an hour or two for lite; what is there is not done again), then refresh book/chapters and the
# numbers in results/ and README.md from it. With STATISTICS and PATCH the real data's numbers are in it.
reference: EDITION = $(REFERENCE)
reference: book
	rm -rf book/chapters && mkdir -p book/chapters
	cd build/$(EDITION)/chapters && cp *.ipynb *.json *.md *.png *.txt "$(CURDIR)/book/chapters/"
	$(BIN)/landslide-nb numbers book/chapters results/book
	$(BIN)/landslide-nb readme README.md book/chapters

# Execute some chapters of the committed edition again and compare their numbers with those in results/.
check-reference: install
	rm -rf build/check
	for name in $(CHECKED); do $(BIN)/landslide-nb chapter $$name -o build/check/$$(basename notebooks/$$name*) -p edition $(REFERENCE) || exit 1; done
	$(BIN)/landslide-nb numbers build/check results/book --check

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@command -v $(firstword $(PYTHON)) >/dev/null || { \
		echo "error: there is no program $(firstword $(PYTHON)); name a Python that is there, as in \`make install PYTHON=python3.11\`" >&2; exit 1; }
	@$(PYTHON) .ci/check-python $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-compile --require-hashes -r requirements.lock # Python compiles what it imports, a small part
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

clean:
	rm -rf build _build
