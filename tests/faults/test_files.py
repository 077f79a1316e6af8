"""Torn, changed and missing files are found by their checksums and made again; a full disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paretoprune.errors import DiskFullError
from paretoprune.executors.processes import Processes
from paretoprune.results import Job
from paretoprune.search.front.front import front_of
from paretoprune.storage.atomic import read_json, read_sealed, write_bytes, write_json, write_sealed
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.testing import formula
from tests.faults.driver import Trials, numbers_in, sweep, weights_of
from tests.kits.mounts import mounted

N_TRIALS = 12


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


FAULTS = [truncate, flip_a_bit, Path.unlink]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished chain, in which a trial starts from the weights of the one before."""
    path = tmp_path_factory.mktemp("whole") / "sweep"
    sweep(path, n_trials=N_TRIALS, chain=True)
    return path


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["result.json", "job.json", "model.safetensors", "plan.json"])
def test_what_is_damaged_is_made_again(
    tmp_path: Path, whole: Path, name: str, fault: Callable[[Path], None]
) -> None:
    expected = SweepFolder(whole).read_results()
    front = front_of(expected, formula.search_settings().objectives)
    path = tmp_path / "sweep"
    shutil.copytree(whole, path)
    fault(path / "trials" / f"{front[1]:04d}" / name)
    assert sweep(path, n_trials=N_TRIALS, chain=True) == expected
    for number in front:
        assert SweepFolder(path).is_whole(number)
        assert (SweepFolder(path).trial(number) / "model.safetensors").exists()


def test_a_parent_whose_weights_are_gone_is_made_again_with_all_before_it(
    tmp_path: Path, whole: Path
) -> None:
    expected = SweepFolder(whole).read_results()
    path = tmp_path / "sweep"
    shutil.copytree(whole, path)
    links = [result for result in expected if result.origin == "chain" and result.curve]
    for link in links[:-1]:
        SweepFolder(path).drop_weights(link.number)
    (SweepFolder(path).trial(links[-1].number) / "result.json").unlink()
    assert sweep(path, n_trials=N_TRIALS, chain=True) == expected


def test_a_result_of_another_trial_is_no_result(tmp_path: Path, whole: Path) -> None:
    """A number inside a file leads nowhere but to the folder that the file lies in."""
    path = tmp_path / "sweep"
    shutil.copytree(whole, path)
    shutil.copy(path / "trials/0001/result.json", path / "trials/0003/result.json")
    assert sweep(path, n_trials=N_TRIALS, chain=True) == SweepFolder(whole).read_results()


def test_leftovers_of_a_killed_write_are_removed(tmp_path: Path) -> None:
    sweep(tmp_path, n_trials=6)
    leftover = tmp_path / "trials" / "0001" / ".result.json.123.tmp"
    leftover.write_text("{")
    sweep(tmp_path, n_trials=6)
    assert not leftover.exists()


@pytest.mark.parametrize("fault", FAULTS[:2])
def test_a_seal_breaks_with_every_change(tmp_path: Path, fault: Callable[[Path], None]) -> None:
    path = tmp_path / "sealed.json"
    write_sealed(path, {"b": [1, 2.5, "x"], "a": {"c": None}})
    assert read_sealed(path) == {"b": [1, 2.5, "x"], "a": {"c": None}}
    fault(path)
    with pytest.raises(ValueError):
        read_sealed(path)


def test_a_seal_breaks_with_every_bit(tmp_path: Path) -> None:
    """Most changes of a number or a letter leave JSON."""
    path = tmp_path / "sealed.json"
    write_sealed(path, {"b": [1, 2.5, "x"], "a": {"c": None}})
    whole = path.read_bytes()
    for place in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(ValueError):
            read_sealed(path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    with mounted(tmp_path / "disk", "size=8m") as path:
        yield path


def test_a_full_disk_leaves_the_old_file_and_nothing_else(small_disk: Path) -> None:
    path = small_disk / "data.json"
    write_json(path, "old")
    with pytest.raises(DiskFullError, match="no space is left on the disk of"):
        write_bytes(path, bytes(10**7))
    assert read_json(path) == "old"
    assert list(small_disk.iterdir()) == [path]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_full_disk_stops_the_sweep_which_resumes_when_there_is_space(
    tmp_path: Path, small_disk: Path, workers: int
) -> None:
    path = small_disk / "sweep"
    executor = Processes(Trials(path), workers=workers) if workers else None
    sweep(path, n_trials=3, chain=True)
    ballast = fill(small_disk)
    try:
        with pytest.raises(DiskFullError, match="free some space and run the same command"):
            sweep(path, n_trials=N_TRIALS, chain=True, executor=executor)
    finally:
        if executor:
            executor.close()
    folder = SweepFolder(path)
    assert all(result.state != "failed" for result in folder.read_results())
    assert list(path.rglob(".*.tmp")) == []
    ballast.unlink()
    executor = Processes(Trials(path), workers=workers) if workers else None
    found = sweep(path, n_trials=N_TRIALS, chain=True, executor=executor)
    if executor:
        executor.close()
    assert folder.read_results() == found
    assert [result.number for result in found] == list(range(len(found)))
    assert {result.state for result in found} <= {"complete", "duplicate"}
    if not workers:  # with several the proposals depend on which trial ends first
        expected = sweep(tmp_path / "whole", n_trials=N_TRIALS, chain=True)
        assert [r.widths for r in found] == [r.widths for r in expected]


def fill(disk: Path) -> Path:
    """A file that leaves space for a trial or two."""
    ballast = disk / "ballast"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    ballast.write_bytes(bytes(free - 50_000))
    return ballast


def test_weights_are_those_of_the_trial(tmp_path: Path) -> None:
    job = Job(3, "test", {}, formula.widths_of({}), 0)
    Trials(tmp_path).evaluate(job)
    assert (tmp_path / "trials/0003/model.safetensors").read_bytes() == weights_of(3)


def test_a_damaged_study_is_made_again_from_the_results(tmp_path: Path, whole: Path) -> None:
    path = tmp_path / "sweep"
    shutil.copytree(whole, path)
    (path / "study.db").write_bytes(b"no database " * 1000)
    assert sweep(path, n_trials=N_TRIALS, chain=True) == SweepFolder(whole).read_results()
    assert numbers_in(path / "study.db") == numbers_in(whole / "study.db")
