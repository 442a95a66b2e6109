# One verb, one place. `make` alone prints what there is.
PY := .venv/bin/python
BIN := .venv/bin

.PHONY: help venv check fix test lock
help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

venv:
	@tools/bootstrap.sh dev

check: venv ## lint, types, floors, missing migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(PY) -m tests.servers $(PY) -m mypy migrations_portal whitecross_ops
	$(BIN)/lint-imports
	$(PY) -m tests.servers $(PY) manage.py makemigrations --check --dry-run
	$(PY) -m tests.servers $(PY) manage.py check

fix: venv ## format and mend what can be mended by a tool
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

test: venv ## run the tests on a real PostgreSQL
	$(PY) -m pytest

lock: ## renew requirements/*.txt from requirements/*.in
	python3 -m venv .venv/lock && .venv/lock/bin/pip install --quiet uv
	for each in app demo dev; do UV_NO_CONFIG=1 .venv/lock/bin/uv pip compile --quiet --universal --python-version 3.11.2 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate requirements/$$each.in -o requirements/$$each.txt || exit 1; done
