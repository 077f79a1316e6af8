"""`python -m src.compare`: fronts over one another, grouped by seed, in a table and a page."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from paretoprune.report.comparison.sweeps import compare
from paretoprune.search.front.metrics import Yardstick, retained_area
from paretoprune.storage.sweep_folder import SweepFolder
from tests.cli.test_report import make_sweep
from tests.kits.commands import run_compare


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Sweeps `a0`, `a1` and `a2` of three seeds, and `b` that was made otherwise."""
    for seed in range(3):
        make_sweep(tmp_path, f"a{seed}", seed=seed, shift=-float(seed))
    make_sweep(tmp_path, "b", seed=0, shift=-10.0)
    change(tmp_path, "b", "scorer", {"_target_": "other"})
    return tmp_path


def change(project: Path, name: str, key: str, value: object) -> None:
    """Alter a sweep's settings on record."""
    file = project / "sweeps" / name / "config.yaml"
    config = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**config, key: value}))


def folders(project: Path, *names: str) -> list[SweepFolder]:
    return [SweepFolder(project / "sweeps" / name) for name in names]


def test_seeds_are_taken_together_and_measured_with_one_yardstick(project: Path) -> None:
    comparison = compare(folders(project, "a0", "a1", "b", "a2"))
    assert [[s.name for s in g.sweeps] for g in comparison.groups] == [["a0", "a1", "a2"], ["b"]]
    areas = [sweep.retained_area for sweep in comparison.groups[0].sweeps]
    assert areas == sorted(areas, reverse=True)
    front = comparison.groups[0].sweeps[0].front
    points = [(r.metrics.measured()["macs"], r.metrics.measured()["accuracy"]) for r in front]
    yardstick = Yardstick({"accuracy": 100.0, "macs": 64.0}, 10.0, "macs", "accuracy")
    assert areas[0] == retained_area(points, yardstick)
    middle = dict(comparison.groups[0].surfaces[0.5])
    assert middle == {size: quality - (size < 64) for size, quality in points}


def test_the_command_prints_a_table_and_writes_a_page(project: Path) -> None:
    done = run_compare(project, "a0", "a1", "a2", "b")
    assert (done.code, done.err) == (0, "")
    assert "a0, a1, a2" in done.out
    assert "retained area" in done.out
    assert (project / "sweeps" / "compare.html").stat().st_size > 1000
    assert run_compare(project, "a0", "b", "out=mine.html").code == 0
    assert (project / "mine.html").is_file()


def test_other_objectives_are_refused(project: Path) -> None:
    change(project, "b", "search", {"objectives": {"accuracy": "maximize", "params": "minimize"}})
    done = run_compare(project, "a0", "b")
    assert done.code == 2
    assert "`b` searched for accuracy and params, `a0` for accuracy and macs" in done.err


def test_objectives_that_are_no_rate_and_size_are_refused(project: Path) -> None:
    change(project, "b", "search", {"objectives": {"macs": "minimize", "params": "minimize"}})
    done = run_compare(project, "b")
    assert done.code == 2
    assert "fronts can be compared if one objective is a quality" in done.err


def test_an_unknown_sweep_is_refused(project: Path) -> None:
    done = run_compare(project, "a0", "c")
    assert done.code == 2
    assert "there is no sweep `c`" in done.err
