# `make` lists the targets. Each sets up what it needs in .venv; PYTHON=… chooses the Python it is made with.
SHELL := /bin/bash
.DEFAULT_GOAL := help
OLD_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
ifndef PYTHON
# Never that of .venv, which may be on the PATH: it is made anew by these commands, and `make clean` removes it.
PYTHON := $(shell type -ap python3 python3.13 python3.12 python3.11 python3.14 | while IFS= read -r p; do \
	[[ $$p != "$$PWD"/.venv/* ]] && "$$p" -c '$(OLD_ENOUGH)' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
endif
SETUP_TOOL := "$(PYTHON)" deploy/tools/setup.py
CHECK := .venv/bin/python -m deploy.tools.check
PARTS := lint types layers unit properties analysis contracts integration acceptance browser benchmarks chaos
ARGS ?=

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "  make PART         one part of the tests: $(PARTS)"

demo: setup-run ## a payment's whole life on an embedded chain, then the stack stays up (ARGS=--exit ends it)
	@.venv/bin/earnest demo $(ARGS)

test: setup-test ## every part of the tests; the last lines say what did not run and why
	@$(CHECK) $(ARGS)

$(PARTS): setup-test
	@$(CHECK) $(if $(filter lint,$@),format) $@ $(ARGS)

mutants: setup-test ## change the contract in every small way and see whether a test notices (ARGS="--only Treasury")
	@.venv/bin/python -m deploy.tools.mutants $(ARGS)

broken: setup-test ## break each of the contract's properties and see whether it, and no other, fails (ARGS=Solvency)
	@.venv/bin/python -m tests.mutation.broken $(ARGS)

gas: setup-test ## what every verb costs, beside its bounds and a floor (ARGS=--renew writes the snapshot)
	@.venv/bin/python -m tests.benchmarks.gas $(ARGS)

prove: setup-test ## prove what the symbolic tests say, by halmos (ARGS="--function check_next")
	@.venv/bin/python -m deploy.tools.prove $(ARGS)

speed: setup-test ## how fast the mirror is, by all its tables: minutes, on a machine that is idle
	@.venv/bin/python -m tests.benchmarks.backfill --memory $(ARGS)
	@.venv/bin/python -m tests.benchmarks.live
	@.venv/bin/python -m tests.benchmarks.growth

stories: setup-test ## 2,000 random stories under reorgs, faults and kills: hours; what is done already counts
	@.venv/bin/python -m tests.chaos.stories --runs 1800 --workers 2 --resume $(ARGS)
	@.venv/bin/python -m tests.chaos.stories --processes --runs 200 --resume $(ARGS)

faults: setup-test ## the table of what endpoints do: is anything missing or wrong, and how long it takes
	@.venv/bin/python -m tests.chaos.faults $(ARGS)

format: setup-test ## write every Python file as `make lint` wants it
	@.venv/bin/ruff format --quiet . && .venv/bin/ruff check --quiet --fix .

lock: setup-test ## resolve the requirement files anew (ARGS=--upgrade: to the newest versions)
	@.venv/bin/python -m deploy.tools.lock $(ARGS)

clean: ## remove what these commands made here; your data stays
	rm -rf .venv .venv-proofs .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	rm -rf contracts/node_modules contracts/out contracts/cache
	find service tests deploy -name __pycache__ -type d -prune -exec rm -rf {} +

setup-run: python ## make .venv with what `earnest` needs
	@$(SETUP_TOOL) run

setup-test: python ## the same, and what the tests and benchmarks need
	@$(SETUP_TOOL) test

python:
	@[ -n "$(PYTHON)" ] || { echo "Earnest needs Python 3.11 or newer, and none is on the PATH. Install one," \
		"or name it: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@"$(PYTHON)" -c '' 2>/dev/null || { echo "$(PYTHON) is not there, or is no Python that runs" >&2; exit 1; }
	@"$(PYTHON)" -c '$(OLD_ENOUGH)' || { echo "$(PYTHON) is older than Python 3.11" >&2; exit 1; }

.PHONY: help demo test mutants broken gas prove speed stories faults format lock clean setup-run setup-test python $(PARTS)
