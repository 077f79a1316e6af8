"""The table of a grid's runs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rich.console import Console

from paretoprune.cli.display.grid import print_grid
from paretoprune.results import Metrics, TrialResult
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.run import SweepResult


def run(path: Path, share: float, accuracy: float | None) -> tuple[dict[str, Any], SweepResult]:
    """A single run at a share of the MACs; without an accuracy, one that failed."""
    dense = TrialResult(0, "complete", "dense", {}, {}, Metrics({"accuracy": 99.0}, macs=100), 0)
    metrics = Metrics({"accuracy": accuracy} if accuracy else {}, macs=round(100 * share))
    state: Any = "complete" if accuracy else "failed"
    pruned = TrialResult(1, state, "single", {}, {}, metrics, 0)
    config = {"seed": 0, "sparsity": {"macs": share}, "name": None}
    result = SweepResult(
        SweepFolder(path / f"single-{share}"), {"accuracy": "maximize"}, [dense, pruned]
    )
    return config, result


def test_it_has_a_row_for_each_run_with_what_differs(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=120)
    print_grid(
        console, [run(tmp_path, 0.3, 90.0), run(tmp_path, 0.5, 95.5), run(tmp_path, 0.7, None)]
    )
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    heading = next(line for line in text.splitlines() if "folder" in line)
    assert [one.strip() for one in heading.strip("┃").split("┃")] == [
        "folder",
        "sparsity.macs",
        "accuracy",
        "macs",
    ]
    rows = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in text.splitlines()
        if line.startswith("│")
    ]
    assert rows == [
        ["single-0.3", "0.3", "90.00 %", "30"],
        ["single-0.5", "0.5", "95.50 %", "50"],
        ["single-0.7", "0.7", "", ""],
    ]
