"""One training for the whole front: smaller models nested in the weights of a larger one.

The first trial, the trunk, is the largest size; each of its steps trains smaller models, too, whose
weights are parts of its own (finetune/nested.py). Then, for each size, allocations are looked at as
cuts of the trunk, and the one that hurts least is fine-tuned. So most of the training is paid once,
however many sizes there are. After Yu and Huang 2019 (Universally Slimmable Networks) and Cai et
al. 2020 (Once-for-All), whose sub-networks are chosen after the training, too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import fmean

import numpy as np

from paretoprune.results import Job, Proposal, TrialResult
from paretoprune.search.budget import Left
from paretoprune.search.looks import least_hurt, num_looks
from paretoprune.search.moves import Ratios, even, exchanged
from paretoprune.search.sensitivity import Damage, allocate
from paretoprune.search.sizes import Sizes

_TRUNK_SHARE = float(os.environ.get("X_SHARE", ".5"))  # of the budget
_PER_SIZE = int(os.environ.get("X_PER", "4"))  # nested models of each size
_EXCHANGES = 3


@dataclass(frozen=True)
class Shared:
    """`num_sizes` models, all cut out of a trunk in whose weights such models were trained."""

    sizes: Sizes
    fits: Callable[[Ratios], bool]  # the limits that are known without training
    damage: Callable[[TrialResult | None], Damage]  # to the dense model, for None
    uniform: Callable[[float], Ratios]  # the largest uniform candidate that has at most this size
    look: Callable[[int | None, Ratios], float]  # how much a cut of a trial's model hurts at first
    num_sizes: int  # where the budget does not say
    spare: float = 0.0
    seed: int = 0
    origin: str = "shared"

    def propose(
        self, number: int, results: Sequence[TrialResult], running: Sequence[Job], left: Left
    ) -> Proposal | None:
        """The trunk; once it is trained, the next smaller cut."""
        own = [result for result in results if result.origin == self.origin]
        if any(job.origin == self.origin for job in running):
            return None
        if not own:
            return self._trunk(left)
        trunk = own[0]
        targets = self._targets(left.num_trials(self.num_sizes - len(own) + 1) + len(own) - 1)
        targets = targets[len(own) - 1 :]
        if not targets:
            return None
        parent = trunk if trunk.curve else None
        if os.environ.get("X_PARENT") == "next":
            parent = next((r for r in reversed(own) if r.curve), None)
        dense = dict.fromkeys(self.sizes.choices, 0.0)
        start = parent.ratios if parent else dense
        def enough(r): return self.sizes.size_of(r) <= targets[0] and self.fits(r)
        ratios = least_hurt(
            allocate(self.damage(None), self.sizes.choices, self.sizes.size_of, start=start, enough=enough),
            self.sizes.choices,
            start=start,
            enough=enough,
            look=lambda r: self.look(parent.number if parent else None, r),
            num_looks=num_looks(own[-1], left, num_trials=len(targets)),
            random=np.random.default_rng((self.seed, number)),
        )
        share = 1 / (len(targets) + self.spare * (len(own) + len(targets)))
        epochs = left.epochs(share, macs=self.sizes.macs_of(ratios))
        return Proposal(ratios, self.origin, parent=parent.number if parent else None, epochs=epochs)

    def needed(self, results: Sequence[TrialResult]) -> set[int]:
        """The trunk."""
        return {r.number for r in results if r.origin == self.origin and r.curve}

    def _trunk(self, left: Left) -> Proposal | None:
        targets = self._targets(left.num_trials(self.num_sizes + 1) - 1)
        if not targets:
            return None
        random = np.random.default_rng(self.seed)
        dense = dict.fromkeys(self.sizes.choices, 0.0)
        ratios = self._allocated(targets[0], dense)
        nested = [self._smallest()]
        for target in targets[1:] if os.environ.get("X_FIRST") != "1" else targets:
            nested += self._nested(target, ratios, random)
        nested = [dict(r) for r in dict.fromkeys(tuple(r.items()) for r in nested)]
        macs = fmean(self.sizes.macs_of(one) for one in (ratios, *nested))
        epochs = left.epochs(_TRUNK_SHARE, macs=macs)
        if left.budget.unit == "trials":
            epochs *= len(targets)
        return Proposal(ratios, self.origin, epochs=epochs, nested=tuple(nested))

    def _smallest(self) -> Ratios:
        return {name: rising[-1] for name, rising in self.sizes.choices.items()}

    def _allocated(self, target, start):
        return allocate(
            self.damage(None), self.sizes.choices, self.sizes.size_of, start=start,
            enough=lambda r: self.sizes.size_of(r) <= target and self.fits(r),
        )

    def _nested(self, target: float, start: Ratios, random) -> list[Ratios]:
        choices = self.sizes.choices
        enough = lambda r: self.sizes.size_of(r) <= target
        found = [self._allocated(target, start), even(choices, start=start, enough=enough)]
        for i in range(_PER_SIZE - 2):
            r = found[i % 2]
            for _ in range(_EXCHANGES):
                r = exchanged(r, choices, start=start, enough=enough, random=random)
            found.append(r)
        return found

    def _targets(self, num_sizes: int) -> list[float]:
        shares = [number / num_sizes for number in range(1, num_sizes + 1)]
        found = {self.sizes.size_of(self.uniform(self.sizes.between(share))) for share in shares}
        return sorted((t for t in found if t < self.sizes.dense), reverse=True)
