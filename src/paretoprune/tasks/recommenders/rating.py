"""`task=rating`: the rating that a user gives to an item."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from paretoprune.results import DataInfo
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import Batch, Loaders
from paretoprune.tasks.numbers.number_task import NumberTask
from paretoprune.tasks.output_task import has_pairs
from paretoprune.tasks.recommenders.interactions import (
    Catalogue,
    all_batches,
    are_users_and_items,
    catalogue_of,
    users_and_items,
)


@dataclass(frozen=True, kw_only=True)
class Rating(NumberTask):
    """Batches ((users, items), ratings): ids int64 (N,), ratings floating-point (N,).

    Outputs are ratings (N,). The trivial predictor answers with the mean training rating of the
    item, for every user; for an item without ratings, with the mean of all.
    """

    catalogue: Catalogue | None = None  # from the data

    offers = ("num_users", "num_items")
    form = "rating ((users, items) int64 (N,), ratings floating-point (N,))"
    names: ClassVar[tuple[str, ...]] = ("rmse", "mae", "loss")
    optimizer = "adamw"

    def recognises(self, batch: Batch) -> str | None:
        """Recognise two tensors of ids, and floating-point targets (N,)."""
        targets = self.targets(batch) if has_pairs(batch) else None
        if not isinstance(targets, Tensor) or not targets.is_floating_point():
            return None
        if targets.ndim == 1 and are_users_and_items(self.inputs(batch)):
            return "users and items with ratings"
        return None

    def fitted(self, loaders: Loaders) -> Self:
        """Return the task with the scale of the ratings and the numbers of users and items.

        Raises:
            DataError: a batch has another form.
        """
        found = super().fitted(loaders)
        catalogue = catalogue_of(map(self.inputs, all_batches(loaders)))
        return replace(found, catalogue=catalogue)

    def fits(self, info: DataInfo) -> Mapping[str, object]:
        """Offer the numbers of users and items."""
        return asdict(self.catalogue) if self.catalogue else {}

    def trivial(
        self, train: Iterable[Batch], validation: Iterable[Batch]
    ) -> Mapping[str, float] | None:
        """Return the qualities of the items' mean training ratings."""
        asked = [*map(unkeyed, validation)]
        meter, is_empty = self.meter(torch.device("cpu")), True
        for batch, answer in zip(asked, self.naive(train, asked), strict=False):
            meter.update(answer.to(self.targets(batch)), batch)
            is_empty = False
        return None if is_empty else meter.compute()

    def naive(self, train: Iterable[Batch], asked: Sequence[Batch]) -> Iterator[Tensor]:
        """Yield the items' mean training ratings."""
        known = [(self._items(batch), self.targets(batch).double()) for batch in train]
        if not known or not asked:
            return
        items, ratings = (torch.cat(parts) for parts in zip(*known, strict=True))
        size = 1 + max(int(one.max()) for one in (items, *map(self._items, asked)))
        counts = torch.zeros(size).double().index_add(0, items, torch.ones_like(ratings))
        sums = torch.zeros(size).double().index_add(0, items, ratings)
        means = torch.where(counts > 0, sums / counts.clamp_min(1), ratings.mean())
        yield from (means[self._items(batch)] for batch in asked)

    def _items(self, batch: Batch) -> Tensor:
        return users_and_items(self.inputs(batch))[1]
