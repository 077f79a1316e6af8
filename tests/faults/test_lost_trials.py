"""Trials whose folders are gone come back as they were; nothing else takes their numbers."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import optuna
import pytest

from paretoprune.errors import SweepError
from paretoprune.executors.inline import Inline
from paretoprune.results import Job, TrialResult
from paretoprune.storage.atomic import read_sealed, write_sealed
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.testing import formula
from tests.faults.driver import Trials, sweep

N_TRIALS = 12


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished chain, in which a trial starts from the weights of the one before."""
    path = tmp_path_factory.mktemp("whole") / "sweep"
    sweep(path, n_trials=N_TRIALS, chain=True)
    return path


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "sweep"))


def links_of(results: list[TrialResult]) -> list[int]:
    """The links of the chain, of which each but the last has a child."""
    return [r.number for r in results if r.origin == "chain" and r.curve]


def rows_in(study: Path) -> Counter[int]:
    """Count the copies of each trial in the study."""
    [name] = optuna.get_all_study_names(f"sqlite:///{study}")
    trials = optuna.load_study(study_name=name, storage=f"sqlite:///{study}").trials
    return Counter(trial.user_attrs["trial"] for trial in trials)


def forget_job(study: Path, number: int) -> None:
    """Make the study one of an earlier version: it knows a trial, and not its job."""
    with closing(sqlite3.connect(study)) as connection, connection:
        connection.execute(
            "DELETE FROM trial_user_attributes WHERE key = 'job' AND trial_id IN (SELECT trial_id "
            "FROM trial_user_attributes WHERE key = 'trial' AND value_json = ?)",
            (str(number),),
        )


def forget_parents(path: Path) -> None:
    """Make the notes those of an earlier version: they know nothing of a trial's parent."""
    for file in path.glob("trials/*/job.json"):
        note = read_sealed(file)
        del note["parent_job"]
        write_sealed(file, note)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_trial_comes_back_from_the_study(copy: Path, whole: Path, place: int) -> None:
    expected = SweepFolder(whole).read_results()
    number = links_of(expected)[place]
    shutil.rmtree(SweepFolder(copy).trial(number))
    forget_parents(copy)
    assert sweep(copy, n_trials=N_TRIALS, chain=True) == expected
    assert set(rows_in(copy / "study.db").values()) == {1}


def test_a_trial_comes_back_from_its_children(copy: Path, whole: Path) -> None:
    expected = SweepFolder(whole).read_results()
    shutil.rmtree(SweepFolder(copy).trial(links_of(expected)[0]))
    (copy / "study.db").unlink()
    assert sweep(copy, n_trials=N_TRIALS, chain=True) == expected


def test_all_trials_come_back(copy: Path, whole: Path) -> None:
    shutil.rmtree(copy / "trials")
    assert sweep(copy, n_trials=N_TRIALS, chain=True) == SweepFolder(whole).read_results()
    assert set(rows_in(copy / "study.db").values()) == {1}


def test_an_untrained_trial_comes_back_untrained(tmp_path: Path) -> None:
    """The dense model gets no training, the others what they had."""
    asked: dict[int, float | None] = {}

    def evaluate(job: Job) -> TrialResult:
        asked[job.number] = job.epochs
        return Trials(tmp_path).evaluate(job)

    sweep(tmp_path, n_trials=6, executor=Inline(evaluate))
    before = dict(asked)
    shutil.rmtree(tmp_path / "trials")
    sweep(tmp_path, n_trials=6, executor=Inline(evaluate))
    assert before[0] == 0.0 < (before[3] or 0.0)
    assert asked == before


def test_a_number_is_not_used_again_where_nothing_says_what_it_was(copy: Path, whole: Path) -> None:
    expected = SweepFolder(whole).read_results()
    number = links_of(expected)[-1]
    shutil.rmtree(SweepFolder(copy).trial(number))
    forget_job(copy / "study.db", number)
    found = sweep(copy, n_trials=N_TRIALS, chain=True)
    assert number not in {result.number for result in found}
    assert found[-1].number == len(expected)
    assert rows_in(copy / "study.db")[number] == 1


def test_a_result_that_cannot_be_read_keeps_its_number(copy: Path, whole: Path) -> None:
    """Without a note and without a study, too: MLflow may hold it."""
    number = links_of(SweepFolder(whole).read_results())[-1]
    folder = SweepFolder(copy).trial(number)
    (folder / "result.json").write_text("{")
    (folder / "job.json").unlink()
    (copy / "study.db").unlink()
    found = sweep(copy, n_trials=N_TRIALS, chain=True)
    assert number not in {result.number for result in found}


def test_an_orphan_is_dropped_with_a_warning(
    copy: Path, whole: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its own weights are damaged, and its origin is no longer known."""
    parent, child = links_of(SweepFolder(whole).read_results())[-2:]
    shutil.rmtree(SweepFolder(copy).trial(parent))
    forget_job(copy / "study.db", parent)
    forget_parents(copy)
    (SweepFolder(copy).trial(child) / "result.json").unlink()
    found = {result.number for result in sweep(copy, n_trials=N_TRIALS, chain=True)}
    assert f"trial {child} is dropped: trial {parent}, which it starts from, is gone" in caplog.text
    assert found.isdisjoint({parent, child})


def test_a_failed_trial_that_is_run_again_has_one_row(tmp_path: Path) -> None:
    def fails(job: Job) -> TrialResult:
        if job.number >= 3:
            raise ValueError("no luck")
        return formula.evaluate(job)

    with pytest.raises(SweepError, match="the last 10 trials all failed"):
        sweep(tmp_path, n_trials=20, executor=Inline(fails))
    results = sweep(tmp_path, n_trials=20)
    assert rows_in(tmp_path / "study.db") == Counter(result.number for result in results)
    [name] = optuna.get_all_study_names(f"sqlite:///{tmp_path}/study.db")
    study = optuna.load_study(study_name=name, storage=f"sqlite:///{tmp_path}/study.db")
    states = {t.user_attrs["trial"]: t.user_attrs["state"] for t in study.trials}
    assert states == {result.number: result.state for result in results}
    assert json.dumps(study.trials[0].user_attrs["job"])  # plain data
