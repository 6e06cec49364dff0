# The doors of the house. Every one works from a fresh clone, without root, on Python 3.11 or newer.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help env env-dev run test check format lint types imports tidy svf system soak validate benchmark clean lock

VENV := .venv
PY := $(VENV)/bin/python
RUN_STAMP := $(VENV)/.run-set
DEV_STAMP := $(VENV)/.dev-set
PEERS := $(VENV)/peers
PEERS_STAMP := $(VENV)/.peers-set
PIP := $(PY) -m pip --disable-pip-version-check --no-input install --quiet
PYTEST := $(PY) -m pytest -q $(PYTEST_ARGS)
# Numeric libraries on one thread: results do not depend on the number of cores, and two workers do not fight.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1

MISSION := missions/first-light.toml
LEFT_OUT := $(VENV)/.left-out
UV := uv==0.13.9
SEED := 7

help:  ## show the doors
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

env: $(RUN_STAMP)  ## make the environment for running, in .venv, from requirements.lock

env-dev: $(DEV_STAMP)  ## make the environment for tests and checks too, from requirements-dev.lock

# A Python of 3.11 or newer that can make a virtual environment; PYTHON=... names one.
define MAKE_VENV
found=; old=; bare=; \
for p in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
  "$$p" -c '' >/dev/null 2>&1 || continue; \
  if ! "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then old="$$old $$p"; continue; fi; \
  if ! "$$p" -c 'import venv, ensurepip' >/dev/null 2>&1; then bare="$$p"; continue; fi; \
  found="$$p"; break; \
done; \
if [ -z "$$found" ] && [ -n "$$bare" ]; then \
  echo "make env: $$bare cannot make a virtual environment; install its venv part (Debian: apt-get install python3-venv), then try again." >&2; exit 2; fi; \
if [ -z "$$found" ] && [ -n "$$old" ]; then \
  echo "make env: Dawnline needs Python 3.11 or newer, and$$old is older; install one, or name one: make env PYTHON=python3.12" >&2; exit 2; fi; \
if [ -z "$$found" ]; then \
  echo "make env: no python3 was found; install Python 3.11 or newer (Debian: apt-get install python3 python3-venv), then try again." >&2; exit 2; fi; \
echo "make env: $$("$$found" --version) into $(VENV)"; \
"$$found" -m venv --clear $(VENV) || { \
  echo "make env: $$found could not make $(VENV); is the disk full, or the directory not writable?" >&2; exit 2; }
endef

define INSTALL_FAILED
echo "make env: the packages could not be installed; is the package index reachable? The lines above say what failed." >&2; exit 2
endef

$(PY):
	@$(MAKE_VENV)

$(RUN_STAMP): requirements.lock pyproject.toml | $(PY)
	@echo "make env: installing what running needs (about half a minute)"
	@$(PIP) --require-hashes -r requirements.lock || { $(INSTALL_FAILED); }
	@$(PIP) --no-deps --no-build-isolation -e . || { \
	  echo "make env: Dawnline itself could not be installed; the lines above say what is wrong with pyproject.toml." >&2; exit 2; }
	@touch $@

$(DEV_STAMP): requirements-dev.lock $(RUN_STAMP)
	@echo "make env: installing what tests and checks need"
	@$(PIP) --require-hashes -r requirements-dev.lock || { $(INSTALL_FAILED); }
	@touch $@

# The peers have an environment of their own: Basilisk wants other releases of numpy, sgp4 and matplotlib than ours.
PEERS_PIP := $(PEERS)/bin/python -m pip --disable-pip-version-check --no-input install --quiet

$(PEERS_STAMP): requirements-peers.lock pyproject.toml | $(PY)
	@echo "make env: installing the peers into $(PEERS) (some hundreds of megabytes, once)"
	@test -x $(PEERS)/bin/python || $(PY) -m venv $(PEERS) || { $(INSTALL_FAILED); }
	@$(PEERS_PIP) --require-hashes -r requirements-peers.lock || { $(INSTALL_FAILED); }
	@$(PEERS_PIP) --no-deps --no-build-isolation -e . || { $(INSTALL_FAILED); }
	@touch $@

run: $(RUN_STAMP)  ## fly the first mission: console, four nodes, all of it; ARGS="--for 10m" and the like
	@exec $(VENV)/bin/dawnline up $(MISSION) $(ARGS)

# Stage 1 shares the cores between two workers; stage 2 runs real processes and wants them for itself.
# pytest's exit 5 says that a stage holds no test, which is no failure.
STAGE_1 = $(wildcard tests/tidy tests/unit tests/property tests/contract tests/validation tests/svf)
STAGE_2 = $(sort $(dir $(wildcard tests/system/test_*.py tests/browser/test_*.py)))

test: $(DEV_STAMP)  ## run all tests; what needs a missing system package is left out and named at the end
	@rm -f $(LEFT_OUT); status=0; export DAWNLINE_LEFT_OUT=$(LEFT_OUT); \
	if [ -n "$(STAGE_1)" ]; then $(PYTEST) -n 2 $(STAGE_1) || [ $$? -eq 5 ] || status=1; fi; \
	if [ -n "$(STAGE_2)" ]; then $(PYTEST) $(STAGE_2) || [ $$? -eq 5 ] || status=1; fi; \
	if [ -s $(LEFT_OUT) ]; then echo "Left out:"; sort $(LEFT_OUT) | uniq -c | sed 's/^ *\([0-9]*\) /  \1 x /'; fi; \
	exit $$status

check: format lint types imports tidy  ## format, lint, types, import walls, tidy tests (make -k check shows all that fails)

format: $(DEV_STAMP)
	$(PY) -m ruff format --check .

lint: $(DEV_STAMP)
	$(PY) -m ruff check .

types: $(DEV_STAMP)
	$(PY) -m mypy

imports: $(DEV_STAMP)
	$(VENV)/bin/lint-imports

tidy: $(DEV_STAMP)
	$(PYTEST) tests/tidy

svf: $(DEV_STAMP)  ## fly the verification scenarios of one seed in virtual time: make svf SEED=7
	DAWNLINE_SEED=$(SEED) $(PYTEST) tests/svf

system: $(DEV_STAMP)  ## run the tests that start real processes
	$(PYTEST) tests/system

soak: $(DEV_STAMP)  ## run the long tests: 200 storms (DAWNLINE_SEEDS=2000 for more), a reset at every durable write
	DAWNLINE_CRASH_STEP=1 $(PYTEST) tests/soak tests/svf/test_crash_points.py

validate: $(PEERS_STAMP)  ## hold the world against skyfield, DE421, Basilisk, brute force, networkx; ARGS=--json
	@$(PEERS)/bin/python -m benchmarks.validation $(ARGS)

benchmark: $(PEERS_STAMP)  ## time the world beside its peers; ARGS=--json
	@$(PEERS)/bin/python -m benchmarks.world $(ARGS)

clean:  ## remove the environment and the caches; runs/ and flights/ stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The containers' lock files name what the first one pins, program by program.
COMPILE = $(VENV)/lock/bin/uv pip compile --no-config --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header $(LOCK_ARGS) pyproject.toml

lock: $(RUN_STAMP)  ## write the lock files anew from pyproject.toml; LOCK_ARGS=--upgrade takes newer releases
	@test -x $(VENV)/lock/bin/uv || { $(PY) -m venv $(VENV)/lock && \
	$(VENV)/lock/bin/python -m pip --disable-pip-version-check install --quiet $(UV); }
	$(COMPILE) --group build --extra flatsat -o requirements.lock
	$(COMPILE) --group build --extra all -c requirements.lock -o requirements-dev.lock
	$(COMPILE) --group build --extra peers -o requirements-peers.lock
	for program in node ground hwsim; do \
	  $(COMPILE) --extra $$program -c requirements.lock -o docker/requirements-$$program.lock || exit 1; done
