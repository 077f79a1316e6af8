.PHONY: help check docs format mutants test tour wheel

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

check:  ## format, lint and types, as CI runs them
	ruff format --check src tests benchmarks examples docs/site_hooks.py
	ruff check src tests benchmarks examples docs/site_hooks.py
	mypy

format:  ## rewrite what can be rewritten
	ruff format src tests benchmarks examples docs/site_hooks.py
	ruff check --fix src tests benchmarks examples docs/site_hooks.py

docs:  ## the documentation site, with every link checked
	mkdocs build --strict -q

mutants:  ## how many small faults in the core the tests notice (hours): `make mutants count=3`
	python benchmarks/mutants.py $(if $(total),--total $(total),--count $(or $(count),10)) --seed $(or $(seed),0) $(files)

test:  ## all tests
	pytest

tour:  ## every command of README, tutorial and how-to pages with an installed wheel (an hour): `make tour pages=yaml.md`
	python tests/wheel_tour.py $(pages)

wheel:  ## build the wheel
	python -m pip wheel --no-deps -w dist .
