.PHONY: help check format test wheel

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

check:  ## format, lint and types, as CI runs them
	ruff format --check src tests benchmarks
	ruff check src tests benchmarks
	mypy

format:  ## rewrite what can be rewritten
	ruff format src tests benchmarks
	ruff check --fix src tests benchmarks

test:  ## all tests
	pytest

wheel:  ## build the wheel
	python -m pip wheel --no-deps -w dist .
