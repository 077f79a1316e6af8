"""A sampler wrapper that supplies the search space instead of inferring it from all trials."""

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
    """Wraps any Optuna sampler without changing its proposals, with a search space inferred once.

    In our studies every trial has all parameters, with the same distributions. A new sampler infers
    that by comparing the parameters of all trials, which takes most of its time; here it infers the
    space from the study `example` with a single trial.
    """

    def __init__(self, sampler: BaseSampler, example: Study) -> None:
        self._sampler, self._example = sampler, example

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Infer the search space from the study of one trial."""
        return self._sampler.infer_relative_search_space(self._example, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Delegate to the wrapped sampler."""
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Delegate to the wrapped sampler."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Delegate to the wrapped sampler."""
        self._sampler.before_trial(study, trial)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Delegate to the wrapped sampler."""
        self._sampler.after_trial(study, trial, state, values)


def example_of(space: Space, directions: Sequence[Direction]) -> Study:
    """Return a study with one complete trial of this space."""
    study = optuna.create_study(storage=InMemoryStorage(), directions=list(directions))
    params = {name: each.to_external_repr(0.0) for name, each in space.items()}
    study.add_trial(
        create_trial(params=params, distributions=dict(space), values=[0.0] * len(directions))
    )
    return study
