"""`task=ranking`: the items that a user takes next, before those that the user does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from paretoprune.errors import DataError
from paretoprune.metrics import QUANTITIES, Quantity
from paretoprune.results import DataInfo
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import Batch, Loaders, Meter, Outputs
from paretoprune.tasks.output_task import OutputTask, described, has_pairs
from paretoprune.tasks.recommenders.interactions import (
    Catalogue,
    all_batches,
    are_users_and_items,
    catalogue_of,
    users_and_items,
)
from paretoprune.tasks.recommenders.rankings import Rankings

_NAMES = ("ndcg@10", "hit@10", "mrr", "loss")


@dataclass(frozen=True, kw_only=True)
class Ranking(OutputTask):
    """Batches ((users, items), taken): ids int64 (N,), and 1 or 0 (N,), floating-point.

    Outputs are scores (N,), logits that the user takes the item; the loss is pointwise, as of
    neural collaborative filtering (He et al. 2017). The qualities rank the items of each user in a
    part of the data, usually one item that was left out of the training among others that were not
    taken. The trivial predictor ranks by the number of training users that took an item.
    """

    catalogue: Catalogue | None = None  # from the data

    offers = ("num_users", "num_items")
    form = "ranking ((users, items) int64 (N,), taken floating-point 0 or 1 (N,))"
    optimizer = "adamw"

    @property
    def qualities(self) -> tuple[Quantity, ...]:
        """NDCG, hit rate and mean reciprocal rank, and the loss."""
        return tuple(QUANTITIES[name] for name in _NAMES)

    def losses(self, outputs: Outputs, targets: Any) -> Tensor:
        """Return the binary cross-entropy of each sample in nats."""
        scores = outputs.reshape(targets.shape)
        return binary_cross_entropy_with_logits(scores, targets.to(scores), reduction="none")

    def distance(
        self, student: Outputs, teacher: Outputs, batch: Batch, *, temperature: float = 1.0
    ) -> Tensor:
        """Return the mean squared difference of the scores."""
        found: Tensor = (student - teacher).square().mean()
        return found

    def metrics(self, outputs: Outputs) -> Mapping[str, Any]:
        """Return nothing: the meter of rankings knows the users."""
        return {}

    def meter(self, device: torch.device) -> Meter:
        """Return a meter that collects the scores by user."""
        return _RankingMeter(self, super().meter(device))

    def recognises(self, batch: Batch) -> str | None:
        """Recognise two tensors of ids, and floating-point targets (N,) that are 0 or 1."""
        taken = self.targets(batch) if has_pairs(batch) else None
        if not isinstance(taken, Tensor) or not taken.is_floating_point() or taken.ndim != 1:
            return None
        if are_users_and_items(self.inputs(batch)) and _is_binary(taken):
            return "users and items with 0 or 1"
        return None

    def fitted(self, loaders: Loaders) -> Self:
        """Return the task with the numbers of users and items.

        Raises:
            DataError: a batch has another form, or a user of the validation data has no item taken.
        """
        empty = [part for part, it in loaders.items() if it is not None and not _has_any(it)]
        if empty:
            raise DataError(f"the {empty[0]} loader yields no batches")
        catalogue = catalogue_of(map(self._checked, all_batches(loaders)))
        taken = sum(float(self.targets(unkeyed(b)).sum()) for b in loaders["validation"] or ())
        if not taken:
            raise DataError("no validation sample is 1, an item that was taken: nothing is ranked")
        return replace(self, catalogue=catalogue)

    def _checked(self, batch: Batch) -> Any:
        if not has_pairs(batch):
            raise DataError(f"batches must be ((users, items), taken), got {described(batch)}")
        taken, inputs = self.targets(batch), self.inputs(batch)
        users, _ = users_and_items(inputs)
        if not isinstance(taken, Tensor) or taken.shape != users.shape:
            kind = tuple(taken.shape) if isinstance(taken, Tensor) else described(taken)
            raise DataError(f"targets must be of shape {tuple(users.shape)}, got {kind}")
        if not _is_binary(taken):
            raise DataError(
                f"targets must be 1 for items that were taken and 0 for others, got "
                f"{float(taken.min()):g} to {float(taken.max()):g}; for ratings set `task=rating`"
            )
        return inputs

    def fits(self, info: DataInfo) -> Mapping[str, object]:
        """Offer the numbers of users and items."""
        return asdict(self.catalogue) if self.catalogue else {}

    def check_outputs(self, outputs: Outputs, count: int, info: DataInfo) -> str | None:
        """Require scores (N,)."""
        outputs = self.answer(outputs)
        fits = isinstance(outputs, Tensor) and tuple(outputs.shape) in ((count,), (count, 1))
        return None if fits else f"have the shape ({count},), a score for each user and item"

    def trivial(
        self, train: Iterable[Batch], validation: Iterable[Batch]
    ) -> Mapping[str, float] | None:
        """Return the qualities of the items' popularity in the training data.

        The loss is that of the share of the training samples that were taken.
        """
        found = self._by_popularity(train, validation)
        if found is None:
            return None
        meter, share, wanted = found
        base = binary_cross_entropy_with_logits
        return {**meter.compute(), "loss": base(share.logit().expand_as(wanted), wanted).item()}

    def trivial_scores(self, train: Iterable[Batch], test: Iterable[Batch]) -> Tensor | None:
        """Return the first quality of the items' popularity for each user of `test`."""
        found = self._by_popularity(map(unkeyed, train), map(unkeyed, test))
        return found[0].per_sample() if found else None

    def _by_popularity(
        self, train: Iterable[Batch], part: Iterable[Batch]
    ) -> tuple[Meter, Tensor, Tensor] | None:
        """Return the meter of the items' popularity on a part, the share of the training samples
        that were taken, and the targets of the part; None if there are no samples."""
        known = [(users_and_items(self.inputs(b))[1], self.targets(b).double()) for b in train]
        asked = [(users_and_items(self.inputs(batch))[1], batch) for batch in part]
        if not known or not asked:
            return None
        items, taken = (torch.cat(parts) for parts in zip(*known, strict=True))
        size = 1 + max(int(one.max()) for one in (items, *(ids for ids, _ in asked)))
        popularity = torch.zeros(size).double().index_add(0, items, taken)
        meter = self.meter(torch.device("cpu"))
        for ids, batch in asked:
            meter.update(popularity[ids], batch)
        wanted = torch.cat([self.targets(batch).double() for _, batch in asked])
        return meter, taken.mean().clamp(1e-6, 1 - 1e-6), wanted


class _RankingMeter:
    """Rankings of each user's items, and the loss."""

    def __init__(self, task: Ranking, losses: Meter) -> None:
        self._task, self._losses = task, losses
        self._rankings = Rankings()

    def update(self, outputs: Outputs, batch: Batch) -> None:
        """Take in the scores for a batch."""
        self._losses.update(outputs, batch)
        users, _ = users_and_items(self._task.inputs(batch))
        self._rankings.update(users, outputs.reshape(len(users)), self._task.targets(batch))

    def compute(self) -> dict[str, float]:
        """Return the qualities by name, rates in percent."""
        shares = self._rankings.compute()
        return {**{n: 100.0 * share for n, share in shares.items()}, **self._losses.compute()}

    def per_sample(self) -> Tensor | None:
        """Return the first quality of each user, (users,), in the order of their ids."""
        first = self._task.qualities[0].name
        return 100.0 * self._rankings.by_user()[first]


def _is_binary(taken: Tensor) -> bool:
    return bool(((taken == 0) | (taken == 1)).all())


def _has_any(batches: Iterable[Batch]) -> bool:
    return next(iter(batches), None) is not None
