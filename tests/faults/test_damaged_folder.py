"""The files of a sweep's folder damaged in turn: commands work, or end with one sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import paretoprune
from paretoprune.errors import ParetopruneError
from tests.kits.commands import (
    OWN,
    SWEEP,
    TINY,
    Run,
    run_compare,
    run_inspect,
    run_latency,
    run_pick,
    run_report,
    run_train,
)

SHORT = (*SWEEP, "search.n_trials=3", "search.baseline_ratios=[0.5]")
SWEEP_FILES = (
    *("config.yaml", "dense/data.json", "dense/groups.json", "dense/metrics.json"),
    *("dense/model.safetensors", "study.db", "trials/0001/plan.json", "trials/0001/result.json"),
    *("trials/0001/job.json", "trials/0001/model.safetensors"),
)
PICKED_FILES = ("config.yaml", "data.json", "groups.json", "plan.json", "model.safetensors")
WIDTHS = {"widths": {"conv1": 10**10}, "ratios": {"conv1": -3.0}, "num_classes": 10**10}


def tear(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def dangle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "torn": tear,
    "binary": lambda path: path.write_bytes(b"\xff\xfe\x00" + path.read_bytes()[9:]),
    "types": lambda path: path.write_text('{"metrics": 3, "number": "x", "widths": [1]}'),
    "widths": lambda path: path.write_text(json.dumps(WIDTHS)),
    "deep": lambda path: path.write_text("[" * 100_000),
    "folder": make_folder,
    "dangling": dangle,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep, a copy of it under another name, and a model picked from it."""
    folder = tmp_path_factory.mktemp("made")
    assert run_train(folder, *SHORT).code == 0
    shutil.copytree(folder / "sweeps/tiny", folder / "sweeps/other")
    assert run_pick(folder, "tiny", "rule=smallest").code == 0
    return folder


@pytest.fixture
def work(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "work")
    return tmp_path / "work"


def assert_reported(run: Run) -> None:
    """An exception that is not ours would have ended the test before."""
    assert run.code == 0 or (run.code == 2 and "error: " in run.err), run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_read_from_python_is_whole_or_an_error(
    made: Path, tmp_path: Path, damage: str
) -> None:
    for name in SWEEP_FILES:
        folder = tmp_path / name.replace("/", "-")
        shutil.copytree(made / "sweeps/tiny", folder)
        DAMAGES[damage](folder / name)
        try:
            table = paretoprune.load_sweep(folder)
            assert set(table["number"]) <= {0, 1, 2, 3, 4}
            assert len(paretoprune.Sweep(folder).front) <= len(table)
        except ParetopruneError as error:
            assert str(error)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_picked_model_is_loaded_or_an_error(made: Path, tmp_path: Path, damage: str) -> None:
    [picked] = (made / "sweeps/tiny/picked").iterdir()
    for name in PICKED_FILES:
        folder = tmp_path / name
        shutil.copytree(picked, folder)
        DAMAGES[damage](folder / name)
        if (name, damage) == ("config.yaml", "torn"):
            continue  # half of it is YAML as well, and may hold all that is needed
        with pytest.raises(ParetopruneError):
            paretoprune.load_model(folder, trust=[OWN])


@pytest.mark.parametrize(("number", "damage"), [*enumerate(DAMAGES)])
def test_commands_work_or_say_what_is_damaged(work: Path, number: int, damage: str) -> None:
    name = SWEEP_FILES[number % len(SWEEP_FILES)]
    DAMAGES[damage](work / "sweeps/tiny" / name)
    assert_reported(run_report(work, "tiny"))
    assert_reported(run_compare(work, "tiny", "other"))
    assert_reported(run_pick(work, "tiny"))


@pytest.mark.parametrize("name", ["config.yaml", "trials/0001/model.safetensors"])
@pytest.mark.parametrize("damage", ["torn", "dangling"])
def test_models_are_timed_or_it_is_an_error(work: Path, name: str, damage: str) -> None:
    DAMAGES[damage](work / "sweeps/tiny" / name)
    assert_reported(run_latency(work, "tiny", "repeats=1"))


@pytest.mark.parametrize("name", ["dense/data.json", "dense/groups.json", "dense/metrics.json"])
def test_train_restores_descriptions(work: Path, made: Path, name: str) -> None:
    (work / "sweeps/tiny" / name).unlink()
    assert run_train(work, *SHORT).code == 0
    before = made / "sweeps/tiny" / name
    assert (work / "sweeps/tiny" / name).read_text() == before.read_text()


def test_parts_of_the_folder_that_are_gone_come_back(work: Path, made: Path) -> None:
    """A trial, the study, and what belongs to no trial."""
    sweep = work / "sweeps/tiny"
    shutil.rmtree(sweep / "trials/0002")
    (sweep / "study.db").unlink()
    (sweep / "trials/9999").mkdir()
    (sweep / "trials/none").write_text("no trial")
    assert run_train(work, *SHORT).code == 0
    expected = paretoprune.load_sweep(made / "sweeps/tiny")
    found = paretoprune.load_sweep(sweep)
    assert found["number"].tolist() == expected["number"].tolist()
    assert found["accuracy"].tolist() == expected["accuracy"].tolist()


@pytest.mark.parametrize("place", ["trials/0001", "trials", "dense", "picked"])
def test_a_file_in_the_place_of_a_folder_is_an_error_of_every_command(
    work: Path, place: str
) -> None:
    sweep = work / "sweeps/tiny"
    shutil.rmtree(sweep / place)
    (sweep / place).write_text("mine")
    runs = [
        run_train(work, *SHORT),
        run_report(work, "tiny"),
        run_compare(work, "tiny", "other"),
        run_pick(work, "tiny", "rule=smallest"),
        run_latency(work, "tiny", "repeats=1"),
    ]
    for run in runs:
        assert run.code == 2 and run.err.startswith("error: "), run.err
        if place != "trials" or run is not runs[-1]:  # it may be an exported model for `latency`
            assert f"sweeps/tiny/{place} must be a folder, and is a file" in run.err
    for read in (paretoprune.load_sweep, lambda folder: paretoprune.Sweep(folder).front):
        with pytest.raises(ParetopruneError, match="must be a folder"):
            read(sweep)
    assert (sweep / place).read_text() == "mine"


@pytest.mark.parametrize("place", ["driver.lock", "sweep.log", "study.db", "trials/0001/log.txt"])
def test_no_command_writes_through_a_link(work: Path, place: str) -> None:
    """A sweep from elsewhere may hold links to files of the user's."""
    (work / "mine.txt").write_text("mine")
    path = work / "sweeps/tiny" / place
    path.unlink(missing_ok=True)
    path.symlink_to(work / "mine.txt")
    for run in (
        run_train(work, *SHORT),
        run_report(work, "tiny"),
        run_report(work, "tiny", "send=true"),
        run_pick(work, "tiny", "rule=smallest"),
    ):
        assert run.code == 2 and f"{place} is a link out of" in run.err, run.err
    assert (work / "mine.txt").read_text() == "mine"


def test_a_file_in_the_cache_is_reported_before_any_work(work: Path) -> None:
    shutil.rmtree(work / ".cache/groups")
    (work / ".cache/groups").write_text("mine")
    for run in (
        run_train(work, *SHORT),
        run_pick(work, "tiny", "rule=smallest"),
        run_inspect(work, *TINY),
    ):
        assert run.code == 2 and "groups is no folder, but one of the cache" in run.err, run.err


def test_a_file_that_cannot_be_replaced_is_reported(work: Path) -> None:
    make_folder(work / "sweeps/tiny/report.html")
    run = run_report(work, "tiny")
    assert run.code == 2 and run.err.startswith("error: sweeps/tiny/report.html: Is a directory")
