# Everything one does with a checkout. `make` alone says what there is.

PYTHON := .venv/bin/python
ARGS ?=
FUZZ_SECONDS ?= 60
# What has no database, or always its own in SQLite, need not be tested on another one.
ELSEWHERE := --ignore=tests/worker/management --ignore=tests/dashboard/lineage

.DEFAULT_GOAL := help
.PHONY: help setup setup-test run demo test check bench fuzz lock clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## get ready: virtual environment, system tools, stylesheets (what is done already is skipped)
	@python=$$(scripts/find-python) && "$$python" -m scripts.setup run

setup-test:
	@python=$$(scripts/find-python) && "$$python" -m scripts.setup test

run: setup ## serve the portal at http://127.0.0.1:8000 (STRATA_PORT); Ctrl-C stops everything
	@exec $(PYTHON) -m supervisor

demo: setup ## the same, with a sample registry whose images are pulled; needs no internet
	@exec $(PYTHON) -m supervisor --demo

test: setup-test ## run every test; on PostgreSQL too where it is installed (ARGS="-k word" chooses)
	$(PYTHON) -m pytest $(ARGS)
	@$(PYTHON) -m scripts.postgres --if-installed $(PYTHON) -m pytest tests/worker tests/dashboard $(ELSEWHERE) $(ARGS)

check: setup-test ## lint, format, types, import contracts, migrations, files
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	.venv/bin/lint-imports
	STRATA_SECRET_KEY=check $(PYTHON) manage.py makemigrations --check --dry-run
	$(PYTHON) -m scripts.check_files

bench: setup-test ## measure pulls beside other tools; ARGS=memory measures memory (benchmarks/README.md)
	@$(PYTHON) -m benchmarks $(ARGS)

fuzz: setup-test ## let a fuzzer write archives for FUZZ_SECONDS=60, as root; what breaks something stays in build/fuzz
	@$(PYTHON) -m pip install --quiet --require-hashes --upgrade --target build/fuzz/lib -r requirements-fuzz.txt
	@PYTHONPATH=build/fuzz/lib $(PYTHON) -m fuzz $(FUZZ_SECONDS) $(ARGS)

lock: ## resolve pyproject.toml anew into requirements.txt, requirements-dev.txt and requirements-fuzz.txt
	@python=$$(scripts/find-python) && "$$python" -m scripts.lock

clean: ## remove what set-up and tests made; data directories stay
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
