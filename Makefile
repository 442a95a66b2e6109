# One verb, one place. `make` alone prints what there is.
BIN := .venv/bin
PY := $(BIN)/python
SERVED := $(PY) -m tests.servers
# Three on two cores: tests wait for servers, tools and browsers more than they work.
PYTEST := -n 3 --dist worksteal
TEXTS := migrations_portal whitecross_ops templates tools benchmarks docs requirements $(wildcard *.md *.toml *.yml)

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset check fix test chaos chain bench lock oracle screenshots venv-demo venv-dev venv-test

help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: venv-demo ## start everything on this machine and print where to look (DEMO="--port 8080 --data DIR")
	@$(PY) manage.py demo $(DEMO)

demo-reset: venv-demo ## the same, after throwing the demo's data away
	@$(PY) manage.py demo --reset $(DEMO)

check: venv-dev ## lint, format, types, floors, missing migrations, templates, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(SERVED) $(PY) -m mypy migrations_portal whitecross_ops tests/servers.py
	$(BIN)/lint-imports
	$(SERVED) $(PY) manage.py makemigrations --check --dry-run
	$(SERVED) $(PY) manage.py check
	$(BIN)/djhtml --check templates
	$(BIN)/codespell -L larg --skip '*/vendor/*,*/node_modules/*,*/data/*.txt,package-lock.json,*.png' $(TEXTS)

fix: venv-dev ## format, and mend what a tool can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/djhtml templates

test: venv-test ## all tests, on embedded servers (PYTEST="-n 2 tests/unit -k name")
	@$(PY) -m pytest $(PYTEST)

chaos: venv-test ## the long fault tests: every failpoint with every fault, 1,000 adversarial deliveries
	@$(PY) -m pytest -m chaos tests $(CHAOS)

chain: venv-test ## the long proof of the chain: 200 other random histories of 60 steps, mail links opened 20,000 times by machines
	@WCO_CHAIN_SEED=$${WCO_CHAIN_SEED:-1} WCO_CHAIN_STEPS=60 WCO_SCANNER_HITS=10000 \
	  WCO_SCANNER_BROWSER_HITS=10000 WCO_SCANNER_OPENINGS=300 $(PY) -m pytest -n 2 --timeout 3600 \
	  tests/integration/approvals/test_state_machine.py tests/acceptance/test_scanners.py

bench: venv-dev ## a measurement (BENCH=name of a module in benchmarks/)
	@if [ -n "$(BENCH)" ]; then $(PY) -m benchmarks.$(BENCH); else \
	  echo "Say which, such as make bench BENCH=demo_start. There are:"; \
	  ls benchmarks/*.py | sed -E '/__init__/d; s#benchmarks/(.*)\.py#  \1#'; fi

oracle: venv-dev ## hold the risk rules against real PostgreSQL servers (ORACLE="arguments")
	@$(PY) -m tests.oracle $(ORACLE)

screenshots: venv-test ## make docs/screenshots again, from the story in a real browser
	@WCO_SCREENSHOTS=docs/screenshots $(PY) -m pytest -m browser tests/acceptance tests/unit/web/test_risk_pages_in_browser.py

lock: ## renew requirements/*.txt from *.in, and the demo customer's package-lock.json
	@tools/lock.sh

venv-demo:
	@tools/bootstrap.sh demo

venv-dev:
	@tools/bootstrap.sh dev

venv-test:
	@tools/bootstrap.sh test
