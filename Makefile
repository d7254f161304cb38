# Everything one does with a checkout. `make` alone says what there is.

PYTHON := .venv/bin/python
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup setup-test run demo test check bench lock clean

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
	@$(PYTHON) -m scripts.postgres --if-installed $(PYTHON) -m pytest tests/worker tests/dashboard $(ARGS)

check: setup-test ## lint, format, types, import contracts, migrations, files
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	.venv/bin/lint-imports
	STRATA_SECRET_KEY=check $(PYTHON) manage.py makemigrations --check --dry-run
	$(PYTHON) -m scripts.check_files

bench: setup-test ## measure pulls beside other tools; ARGS=memory measures memory (benchmarks/README.md)
	@$(PYTHON) -m benchmarks $(ARGS)

lock: ## resolve pyproject.toml anew into requirements.txt and requirements-dev.txt
	@python=$$(scripts/find-python) && "$$python" -m scripts.lock

clean: ## remove what set-up and tests made; data directories stay
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
