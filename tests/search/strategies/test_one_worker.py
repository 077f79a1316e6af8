"""One worker's proposals are those of a stored reference, to the last bit.

Parallel workers must not change what a single one does. Where a change of the search is meant to
change the front, write the reference anew and say so in the changelog:

    python -m tests.search.strategies.test_one_worker
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from paretoprune.results import Budget, TrialResult
from tests.kits.strategies import sweep

REFERENCE = Path(__file__).with_name("one_worker.json")
NAMES = ("auto", "chain", "shared", "uniform", "uniform_chain")
BUDGETS = {
    "trials": Budget(24, "trials"),
    "epochs": Budget(60, "epochs"),
    "seconds": Budget(150, "seconds"),
}


def rows(results: list[TrialResult]) -> list[list[Any]]:
    """Return the proposals with their states, as JSON."""
    return [
        [r.number, r.origin, r.state, r.duplicate_of, r.parent, r.epochs, *r.ratios.values()]
        for r in results
    ]


@pytest.mark.parametrize("unit", BUDGETS)
@pytest.mark.parametrize("name", NAMES)
def test_one_worker_finds_what_it_always_found(name: str, unit: str, tmp_path: Path) -> None:
    reference = json.loads(REFERENCE.read_text(encoding="utf-8"))
    assert rows(sweep(name, tmp_path, budget=BUDGETS[unit], n_trials=1)) == reference[name][unit]


def main() -> None:
    """Write the reference."""
    found: dict[str, dict[str, list[list[Any]]]] = {}
    for name in NAMES:
        found[name] = {}
        for unit, budget in BUDGETS.items():
            with tempfile.TemporaryDirectory() as folder:
                results = sweep(name, Path(folder) / "sweep", budget=budget, n_trials=1)
            found[name][unit] = rows(results)
    lines = [
        f'"{name}": {{\n'
        + ",\n".join(
            f'"{unit}": [\n' + ",\n".join(map(json.dumps, each)) + "\n]"
            for unit, each in of.items()
        )
        + "\n}"
        for name, of in found.items()
    ]
    REFERENCE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
