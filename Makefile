.PHONY: help check docs format test wheel

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

check:  ## format, lint and types, as CI runs them
	ruff format --check src tests benchmarks docs/site_hooks.py
	ruff check src tests benchmarks docs/site_hooks.py
	mypy

format:  ## rewrite what can be rewritten
	ruff format src tests benchmarks docs/site_hooks.py
	ruff check --fix src tests benchmarks docs/site_hooks.py

docs:  ## the documentation site, with every link checked
	mkdocs build --strict -q

test:  ## all tests
	pytest

wheel:  ## build the wheel
	python -m pip wheel --no-deps -w dist .
