"""Trials written many at a time are, to Optuna, those that it writes one by one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from paretoprune.search.study.study_rows import put_trials, read_attributes

SPACE = {"ratio/a": FloatDistribution(0, 0.9), "ratio/b": FloatDistribution(0, 0.5)}


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[RDBStorage]:
    yield RDBStorage(f"sqlite:///{tmp_path / 'study.db'}", engine_kwargs={"poolclass": NullPool})


def finished(number: int, *, state: TrialState = TrialState.COMPLETE) -> FrozenTrial:
    complete = state == TrialState.COMPLETE
    return create_trial(
        state=state,
        values=[1 / 3 + number, math.inf] if complete else None,
        params={"ratio/a": 0.1 * number, "ratio/b": 0.2},
        distributions=dict(SPACE),
        user_attrs={"trial": number, "owner": "", "text": 'ä"\n'},
        system_attrs={"nsga2:generation": number, "none": None},
    )


def study_in(storage: RDBStorage, name: str) -> optuna.Study:
    directions = ["maximize", "minimize"]
    return optuna.create_study(storage=storage, study_name=name, directions=directions)


def facts(study: optuna.Study) -> list[dict[str, object]]:
    """All that there is to a trial but its id."""
    return [{k: v for k, v in vars(t).items() if k != "_trial_id"} for t in study.get_trials()]


def test_they_are_what_optuna_writes(storage: RDBStorage) -> None:
    trials = [finished(0), finished(1, state=TrialState.FAIL), finished(2), finished(3)]
    ours, theirs = study_in(storage, "ours"), study_in(storage, "theirs")
    theirs.add_trials(trials)
    put_trials(storage, ours._study_id, trials[:1], [None])
    put_trials(storage, ours._study_id, trials[1:], [None] * 3)
    assert facts(ours) == facts(theirs)
    assert [trial.number for trial in ours.get_trials()] == [0, 1, 2, 3]
    ours.add_trial(trials[0])  # and Optuna continues from there
    assert ours.get_trials()[-1].number == 4


def test_attributes_are_read_back(storage: RDBStorage) -> None:
    trials = [finished(number) for number in range(3)]
    study = study_in(storage, "ours")
    study_in(storage, "another").add_trial(finished(9))
    ids = put_trials(storage, study._study_id, trials, [None] * 3)
    found = read_attributes(storage, study._study_id)
    expected = [(trial.user_attrs, trial.system_attrs) for trial in trials]
    assert found == dict(zip(ids, expected, strict=True))


def test_a_trial_may_take_the_place_of_another(storage: RDBStorage) -> None:
    """A failed trial that was run again has one row, its number and nothing of the first try."""
    trials = [finished(0), finished(1, state=TrialState.FAIL), finished(2)]
    ours, theirs = study_in(storage, "ours"), study_in(storage, "theirs")
    ids = put_trials(storage, ours._study_id, trials, [None] * 3)
    again = [finished(1), finished(3)]
    assert put_trials(storage, ours._study_id, again, [ids[1], None])[0] == ids[1]
    theirs.add_trials([trials[0], again[0], trials[2], again[1]])
    assert facts(ours) == facts(theirs)


def test_all_or_none(storage: RDBStorage) -> None:
    study = study_in(storage, "ours")
    broken = finished(1)
    broken.distributions = {}
    with pytest.raises(KeyError):
        put_trials(storage, study._study_id, [finished(0), broken], [None, None])
    assert study.get_trials() == []


def test_a_study_that_is_no_database_is_an_error(tmp_path: Path, storage: RDBStorage) -> None:
    study = study_in(storage, "ours")
    (tmp_path / "study.db").write_bytes(b"no database" * 1000)
    with pytest.raises(DBAPIError):
        put_trials(storage, study._study_id, [finished(0)], [None])
