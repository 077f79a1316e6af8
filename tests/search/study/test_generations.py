"""Evolution that sees its last generations, against evolution that sees all."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from functools import partial

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import BaseGASampler, NSGAIIISampler, NSGAIISampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from paretoprune.search.study.generations import Generations, choose_parents
from paretoprune.search.study.history import WindowStorage

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

Make = Callable[..., BaseGASampler]
SPACE = {name: FloatDistribution(0, 1) for name in ("x", "y")}
SAMPLERS: dict[str, Make] = {
    "nsga2": partial(NSGAIISampler, population_size=4),
    "nsga3": partial(NSGAIIISampler, population_size=4),
}


def study_in(storage: InMemoryStorage) -> optuna.Study:
    return optuna.create_study(storage=storage, directions=["maximize", "minimize"])


def values(params: dict[str, float]) -> tuple[float, float]:
    return params["x"] * (1 - params["y"]), params["x"] ** 2


def evolve(
    study: optuna.Study, make: Make, *, n_trials: int, workers: int = 1
) -> list[FrozenTrial]:
    """As many trials under way as there are workers; one of them ends, another is asked for."""
    dice, under_way = random.Random(0), []
    for seed in range(n_trials):
        study.sampler = make(seed=seed)
        under_way.append(study.ask(SPACE))
        if len(under_way) == workers:
            trial = under_way.pop(dice.randrange(workers))
            if dice.random() < 0.1:
                study.tell(trial, state=TrialState.FAIL)
            else:
                study.tell(trial, values(trial.params))
    storage = study._storage
    return [storage.get_trial(id_) for id_ in range(n_trials)]


@pytest.mark.parametrize("workers", [1, 7])
@pytest.mark.parametrize("name", SAMPLERS)
def test_it_proposes_the_same(name: str, workers: int) -> None:
    make = SAMPLERS[name]
    window = study_in(WindowStorage(Generations(make())))
    proposed = [
        [trial.params for trial in evolve(study, make, n_trials=150, workers=workers)]
        for study in (window, study_in(InMemoryStorage()))
    ]
    assert proposed[0] == proposed[1]
    assert len(window.get_trials(deepcopy=False)) < 4 * 4 + 2 * workers


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_restored_study_continues_as_the_first(name: str) -> None:
    make = SAMPLERS[name]
    whole = evolve(study_in(WindowStorage(Generations(make()))), make, n_trials=60)
    restored = study_in(WindowStorage(Generations(make())))
    for seed, trial in enumerate(whole[:50]):
        choose_parents(restored, make(seed=seed), trial.system_attrs)
        restored.add_trial(trial)
    for seed, trial in enumerate(whole[50:], start=50):
        restored.sampler = make(seed=seed)
        asked = restored.ask(SPACE)
        assert asked.params == trial.params
        if trial.state == TrialState.COMPLETE:
            restored.tell(asked, trial.values)
        else:
            restored.tell(asked, state=trial.state)


def test_a_long_study_is_restored_within_the_limit_of_recursion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make = partial(NSGAIISampler, population_size=2)
    whole = evolve(study_in(InMemoryStorage()), make, n_trials=200)
    restored = study_in(WindowStorage(Generations(make())))
    for trial in whole:
        choose_parents(restored, make(), trial.system_attrs)
        restored.add_trial(trial)
    frame, depth = sys._getframe(), 0
    while frame := frame.f_back:  # type: ignore[assignment]
        depth += 1
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 100)  # two calls for each of its 90 generations are more
    try:
        restored.sampler = make(seed=0)
        assert 0 <= restored.ask(SPACE).params["x"] <= 1
    finally:
        sys.setrecursionlimit(before)
