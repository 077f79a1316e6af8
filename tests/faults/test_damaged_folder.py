"""The files of a sweep's folder damaged in turn: commands work, or end with one sentence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kits.commands import (
    SWEEP,
    Run,
    run_compare,
    run_latency,
    run_pick,
    run_report,
    run_train,
)

SHORT = (*SWEEP, "search.n_trials=3", "search.baseline_ratios=[0.5]")
FILES = (
    *("config.yaml", "dense/data.json", "dense/groups.json", "dense/model.safetensors"),
    *("trials/0001/plan.json", "trials/0001/result.json"),
)


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path.unlink(),
    "binary": lambda path: path.write_bytes(b"\xff\xfe\x00" + path.read_bytes()[9:]),
    "types": lambda path: path.write_text('{"metrics": 3, "number": "x", "widths": [1]}'),
    "folder": make_folder,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    assert run_train(folder, *SHORT).code == 0
    shutil.copytree(folder / "sweeps/tiny", folder / "sweeps/other")
    return folder


def assert_told(run: Run) -> None:
    """An exception that is not ours would have ended the test before."""
    assert run.code == 0 or (run.code == 2 and "error: " in run.err), run.err


@pytest.mark.parametrize("damage", DAMAGES)
def test_reading_commands_work_or_say_what_is_damaged(
    made: Path, tmp_path: Path, damage: str
) -> None:
    for name in FILES:
        folder = tmp_path / name.replace("/", "-")
        shutil.copytree(made, folder)
        DAMAGES[damage](folder / "sweeps/tiny" / name)
        assert_told(run_report(folder, "tiny"))
        assert_told(run_compare(folder, "tiny", "other"))
        assert_told(run_latency(folder, "tiny", "repeats=1"))


@pytest.mark.parametrize("name", ["dense/data.json", "dense/groups.json", "dense/metrics.json"])
def test_pick_needs_no_description_and_train_restores_it(
    made: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "work"
    shutil.copytree(made, folder)
    before = (folder / "sweeps/tiny" / name).read_text()
    (folder / "sweeps/tiny" / name).unlink()
    assert run_pick(folder, "tiny", "rule=smallest").code == 0
    assert run_train(folder, *SHORT).code == 0
    assert (folder / "sweeps/tiny" / name).read_text() == before


def test_a_file_that_cannot_be_replaced_is_told(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    shutil.copytree(made, folder)
    make_folder(folder / "sweeps/tiny/report.html")
    run = run_report(folder, "tiny")
    assert run.code == 2 and run.err.startswith("error: sweeps/tiny/report.html: Is a directory")
