"""The view of a long study for evolutionary samplers: the generations still in use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from optuna import Study
from optuna.samplers import BaseGASampler
from optuna.trial import FrozenTrial


class Generations:
    """A `View` with the latest generation and the most recently selected parents.

    Proposals are the same as with all trials visible. Optuna's evolutionary samplers store the
    generation of each trial in its attributes, and the parents of each generation (the best of the
    previous generation and of its parents) in those of the study. They search all trials for these
    every time, and use no others.
    """

    def __init__(self, sampler: BaseGASampler) -> None:
        self._generation = sampler._get_generation_key()
        self._parents = sampler._get_parent_cache_key_prefix()
        self._with_parents = 0  # the latest generation whose parents were selected
        self._members: dict[int, list[int]] = defaultdict(list)  # trial ids, by generation

    def add(self, trial: FrozenTrial, trial_id: int) -> None:
        """Add a trial; trials that no sampler proposed have no generation and are ignored."""
        if (generation := trial.system_attrs.get(self._generation)) is not None:
            self._members[generation].append(trial_id)

    def shown(self, notes: Mapping[str, Any]) -> Iterable[int]:
        """Return the trial ids of at most about three generations."""
        while f"{self._parents}{self._with_parents + 1}" in notes:
            self._with_parents += 1
        # A generation with parents may have no complete trial yet; then the previous one is the
        # latest.
        oldest = min(self._with_parents, max(self._members, default=0))
        for generation in [g for g in self._members if g < oldest]:
            del self._members[generation]
        parents = notes.get(f"{self._parents}{self._with_parents}", [])
        return (*parents, *(id_ for ids in self._members.values() for id_ in ids))


def choose_parents(study: Study, sampler: BaseGASampler, notes: Mapping[str, Any]) -> None:
    """Select the parents of a trial's generation, before the trial with these notes is restored.

    Attributes of the study itself are not stored on disk. Without this, the first proposal would
    select the parents of all generations recursively and reach Python's recursion limit.
    """
    if (generation := notes.get(sampler._get_generation_key())) is not None:
        # A study caches its trials until the next `ask`; a new one has no cache.
        fresh = Study(study.study_name, study._storage)
        sampler.get_parent_population(fresh, generation)
