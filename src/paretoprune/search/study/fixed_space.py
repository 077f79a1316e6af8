"""A sampler that is told the search space, instead of looking for it in all trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from paretoprune.metrics import Direction

Space = Mapping[str, BaseDistribution]


class FixedSpace(BaseSampler):
    """Any sampler; it proposes what it would propose by itself.

    In our studies every trial has all parameters, with the same distributions. A new sampler finds
    that out by comparing each parameter of each trial, which takes most of its time.
    """

    def __init__(self, sampler: BaseSampler, example: Study) -> None:
        self._sampler, self._example = sampler, example

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """What it finds in a study of one trial."""
        return self._sampler.infer_relative_search_space(self._example, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """As the sampler does."""
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """As the sampler does."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """As the sampler does."""
        self._sampler.before_trial(study, trial)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """As the sampler does."""
        self._sampler.after_trial(study, trial, state, values)


def example_of(space: Space, directions: Sequence[Direction]) -> Study:
    """A study with one complete trial of this space."""
    study = optuna.create_study(storage=InMemoryStorage(), directions=list(directions))
    params = {name: each.to_external_repr(0.0) for name, each in space.items()}
    study.add_trial(
        create_trial(params=params, distributions=dict(space), values=[0.0] * len(directions))
    )
    return study
