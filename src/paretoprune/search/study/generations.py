"""What an evolutionary sampler sees of a long study: the generations that it still works with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from optuna import Study
from optuna.samplers import BaseGASampler
from optuna.trial import FrozenTrial


class Generations:
    """The latest generation, and the parents that were chosen last; what it proposes is the same
    as if it saw all.

    Optuna's evolutionary samplers note with each trial its generation, and with the study the
    parents of each: the best of the generation before and of that one's parents. They look for
    them in all trials, each time, and at no others.
    """

    def __init__(self, sampler: BaseGASampler) -> None:
        self._generation = sampler._get_generation_key()
        self._parents = sampler._get_parent_cache_key_prefix()
        self._with_parents = 0  # the latest generation whose parents were chosen
        self._members: dict[int, list[int]] = defaultdict(list)  # ids, by generation

    def add(self, trial: FrozenTrial, trial_id: int) -> None:
        """A trial that no sampler proposed belongs to no generation."""
        if (generation := trial.system_attrs.get(self._generation)) is not None:
            self._members[generation].append(trial_id)

    def shown(self, notes: Mapping[str, Any]) -> Iterable[int]:
        """About three generations at most."""
        while f"{self._parents}{self._with_parents + 1}" in notes:
            self._with_parents += 1
        # A generation with parents may have no complete trial yet. Then that before is the latest.
        oldest = min(self._with_parents, max(self._members, default=0))
        for generation in [g for g in self._members if g < oldest]:
            del self._members[generation]
        parents = notes.get(f"{self._parents}{self._with_parents}", [])
        return (*parents, *(id_ for ids in self._members.values() for id_ in ids))


def choose_parents(study: Study, sampler: BaseGASampler, notes: Mapping[str, Any]) -> None:
    """Before a trial with these notes is restored: have the parents of its generation chosen.

    What is noted of the study itself is not on disk. Asked for a proposal, Optuna would choose the
    parents of all generations at once, one inside the other, and end at Python's recursion limit.
    """
    if (generation := notes.get(sampler._get_generation_key())) is not None:
        # A study keeps a list of its trials until it is asked; a new one has none.
        fresh = Study(study.study_name, study._storage)
        sampler.get_parent_population(fresh, generation)
