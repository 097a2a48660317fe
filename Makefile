# `make help` says what there is. Everything runs in .venv, which the first target to need it
# builds; python, pip and make are all that has to be there.

PYTHON ?= python3
PROFILE ?= smoke
JOBS ?= 2
PYTHONS ?= python3.11 python3.12 python3.13

VENV := .venv
BUILT := $(VENV)/.built
RUN := $(VENV)/bin/python
SITE_VENV := .venv-site
SITE_PINS := $(addprefix docs/site/,requirements.txt constraints.txt)
CODE := lnl_core tests tools benchmarks docs/site $(wildcard notebooks/py)

# An environment once made keeps its Python, whatever python3 means by then. Another one asked for
# by name (make PYTHON=python3.13 …) makes it stale.
MAKER := $(PYTHON)
ifneq ($(origin PYTHON),file)
  ifneq ($(shell sh tools/venv.sh version $(PYTHON)),$(shell cat $(BUILT) 2>/dev/null))
    REBUILD := rebuild
  endif
else ifeq ($(words $(wildcard $(BUILT) $(RUN))),2)
  MAKER := $(RUN)
endif

.DEFAULT_GOAL := help
.PHONY: help setup notebooks test lint unit check nbval soak bench refresh site lab lock clean rebuild

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  PROFILE=smoke|laptop|paper (now $(PROFILE)) is how much 'notebooks' computes,"
	@echo "  JOBS=$(JOBS) how many notebooks or tests run at a time, PYTHON=$(PYTHON) what .venv is made with."

setup: $(BUILT)  ## make the pinned environment in .venv
	@echo "$(VENV) is ready: make notebooks, make lab, or . $(VENV)/bin/activate"

$(BUILT): requirements.txt constraints.txt pyproject.toml tools/venv.sh $(REBUILD)
	@sh tools/venv.sh build $(MAKER) $(VENV)

notebooks: $(BUILT)  ## execute every notebook into build/notebooks and build/index.html
	@$(RUN) tools/notebooks.py run --profile $(PROFILE) --jobs $(JOBS)

# One after the other, the quickest to fail first, whatever -j says.
test: $(BUILT)  ## lint, notebooks in step with their sources, unit tests, the notebooks, nbval
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory notebooks PROFILE=smoke
	@$(MAKE) --no-print-directory nbval

lint: $(BUILT)  ## ruff: errors and formatting
	@$(RUN) -m ruff check $(CODE)
	@$(RUN) -m ruff format --check $(CODE)

check: $(BUILT)  ## are the committed notebooks what their sources in notebooks/py say?
	@$(RUN) tools/notebooks.py check

unit: $(BUILT)  ## unit tests
	@OMP_NUM_THREADS=1 $(RUN) -m pytest tests -n $(JOBS) --dist worksteal

nbval: $(BUILT)  ## run the committed notebooks and compare the outputs they promise
	@$(RUN) tools/notebooks.py compare --jobs $(JOBS)

soak: $(BUILT)  ## kill -9 a grid's workers and parent, again and again; SOAK="--rounds 3 --seed 7"
	@$(RUN) tests/soak.py $(SOAK)

bench: $(BUILT)  ## speed: a DataLoader, fit, the bare step; BENCH="--nets mlp --precision bfloat16"
	@$(RUN) -m benchmarks $(BENCH)

refresh: $(BUILT)  ## rewrite notebooks/*.ipynb, with outputs, from notebooks/py
	@$(RUN) tools/notebooks.py refresh

site: $(BUILT) $(SITE_VENV)/.built  ## a site of the notebooks and results, build/site/index.html
	@$(SITE_VENV)/bin/python -m sphinx -q -W --keep-going -c docs/site -d build/doctrees . build/site
	@$(RUN) -m pytest tests/test_site.py

$(SITE_VENV)/.built: $(SITE_PINS) requirements.txt constraints.txt tools/venv.sh
	@sh tools/venv.sh build $(MAKER) $(SITE_VENV) -r $(firstword $(SITE_PINS)) \
		-c $(lastword $(SITE_PINS)) -c requirements.txt -c constraints.txt

lab: $(BUILT)  ## open JupyterLab on the notebooks
	@$(RUN) -m jupyterlab notebooks

lock:  ## write constraints.txt anew, from the newest releases that requirements.txt admits
	@$(PYTHON) tools/lock.py $(PYTHONS)

clean:  ## remove what was built: .venv, build, caches
	rm -rf $(VENV) $(SITE_VENV) build .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -type d -prune -exec rm -rf {} +
