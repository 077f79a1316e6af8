"""A sampler that is given the search space proposes what it would propose by itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import optuna
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import (
    BaseSampler,
    GPSampler,
    NSGAIIISampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)

from paretoprune.metrics import Direction
from paretoprune.search.study.fixed_space import FixedSpace, example_of

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

SPACE: dict[str, BaseDistribution] = {
    "ratio/late": FloatDistribution(0, 0.9),  # not in the order of the alphabet
    "ratio/early": FloatDistribution(0, 0.5),
    "ratio/fixed": FloatDistribution(0, 0),  # nothing to choose
}
DIRECTIONS: list[Direction] = ["maximize", "minimize"]
SAMPLERS: dict[str, Callable[..., BaseSampler]] = {
    "random": RandomSampler,
    "qmc": partial(QMCSampler, warn_independent_sampling=False),
    "tpe": partial(TPESampler, n_startup_trials=5),
    "multivariate tpe": partial(TPESampler, n_startup_trials=5, multivariate=True),
    "grouped tpe": partial(TPESampler, n_startup_trials=5, multivariate=True, group=True),
    "nsga2": partial(NSGAIISampler, population_size=4),
    "nsga3": partial(NSGAIIISampler, population_size=4),
    "gp": partial(GPSampler, n_startup_trials=10),
}


def proposals(wrapped: Callable[[BaseSampler], BaseSampler], make: Callable[..., BaseSampler]):  # type: ignore[no-untyped-def]
    """Return the proposals of a new sampler for each trial."""
    study = optuna.create_study(directions=DIRECTIONS)
    study.add_trial(example_of(SPACE, DIRECTIONS).trials[0])  # the dense model comes first
    for seed in range(12):
        study.sampler = wrapped(make(seed=seed))
        trial = study.ask(SPACE)
        study.tell(trial, (1 - trial.params["ratio/late"] ** 2, -trial.params["ratio/early"]))
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("name", SAMPLERS)
def test_it_proposes_the_same(name: str) -> None:
    example = example_of(SPACE, DIRECTIONS)
    given = proposals(lambda sampler: FixedSpace(sampler, example), SAMPLERS[name])
    assert given == proposals(lambda sampler: sampler, SAMPLERS[name])
