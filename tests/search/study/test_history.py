"""The history that a sampler sees: bounded, and never without the front."""

from __future__ import annotations

import random
from collections.abc import Mapping

import optuna
import pytest
from optuna.trial import TrialState

from paretoprune.metrics import Direction
from paretoprune.search.front.front import front_numbers
from paretoprune.search.study.history import LatestAndFront, WindowStorage

OBJECTIVES: Mapping[str, Direction] = {"accuracy": "maximize", "macs": "minimize"}
DIRECTIONS = list(OBJECTIVES.values())
MOST = 5


@pytest.fixture
def study() -> optuna.Study:
    storage = WindowStorage(LatestAndFront(OBJECTIVES, most=MOST))
    return optuna.create_study(storage=storage, directions=DIRECTIONS)


def shown(study: optuna.Study) -> set[int]:
    return {trial.number for trial in study.get_trials(deepcopy=False)}


def test_the_front_and_the_latest_are_shown_whatever_was_finished(study: optuna.Study) -> None:
    dice = random.Random(0)
    values: dict[int, tuple[float, float]] = {}
    finished: list[int] = []
    for _ in range(300):
        trial = study.ask()
        fault = dice.random()
        if fault < 0.1:
            study.tell(trial, state=TrialState.FAIL)
            continue
        point = (float(dice.randrange(30)), float(dice.randrange(30)))
        if fault < 0.3:
            trial.set_constraint("limits", 1.0)
        else:
            values[trial.number] = point
        study.tell(trial, point)
        finished.append(trial.number)
        front = front_numbers(values, DIRECTIONS)
        beside = shown(study) - set(finished[-MOST:])
        assert beside <= set(front)
        assert len(front) > MOST or beside == set(front) - set(finished[-MOST:])
        assert len(shown(study)) <= 2 * MOST


def test_of_a_long_front_both_ends_and_those_evenly_between_are_shown(study: optuna.Study) -> None:
    order = random.Random(1).sample(range(41), 41)
    for place in order:
        study.tell(
            study.ask(), (float(place), float(place))
        )  # accuracy and MACs: no trial is dominated
    spread = {order.index(place) for place in (0, 10, 20, 30, 40)}
    assert shown(study) == spread | set(range(41 - MOST, 41))


def test_trials_under_way_are_shown_and_any_can_be_looked_up(study: optuna.Study) -> None:
    running = [study.ask() for _ in range(2 * MOST)]
    assert shown(study) == {trial.number for trial in running}
    for index, trial in enumerate(running):
        study.tell(trial, (float(index), 0.0))  # each beats all before it
    assert shown(study) == {trial.number for trial in running[-MOST:]}
    assert study._storage.get_trial(running[0]._trial_id).values == [0.0, 0.0]


def test_states_are_distinguished_and_copies_are_copies(study: optuna.Study) -> None:
    study.tell(study.ask(), (1.0, 1.0))
    study.ask()
    [complete] = study.get_trials(states=(TrialState.COMPLETE,))
    [running] = study.get_trials(states=(TrialState.RUNNING,))
    assert (complete.number, running.number) == (0, 1)
    complete.user_attrs["mine"] = True
    assert study.trials[0].user_attrs == {}


def test_trials_that_wait_are_run_first(study: optuna.Study) -> None:
    space = {"x": optuna.distributions.FloatDistribution(0, 1)}
    study.enqueue_trial({"x": 0.25})
    assert study.ask(space).params == {"x": 0.25}


def test_what_is_shown_may_be_changed_without_a_change_of_what_is_kept(
    study: optuna.Study,
) -> None:
    study.tell(study.ask(), (1.0, 2.0))
    storage = study._storage
    [copied] = storage.get_all_trials(study._study_id)
    copied.user_attrs["mine"] = 1
    [kept] = storage.get_all_trials(study._study_id, deepcopy=False)
    assert kept.user_attrs == {}
