"""Metrics of rankings: NDCG, hit rate and mean reciprocal rank, the mean over users."""

from __future__ import annotations

import torch
from torch import Tensor

TOP = 10


class Rankings:
    """Scores of items, collected by user, of which some items are relevant.

    Ties count against the model: among equal scores the relevant items come last, so that a model
    that gives all items the same score does not profit from their order. Users without a relevant
    item are left out.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[Tensor, Tensor, Tensor]] = []

    def update(self, users: Tensor, scores: Tensor, relevant: Tensor) -> None:
        """Take in users (N,), the scores (N,) of their items, and 1 or 0 for relevant or not."""
        self._parts.append((users.detach(), scores.detach(), relevant.detach()))

    def compute(self) -> dict[str, float]:
        """Return the shares, 0 to 1, by the name of the quality."""
        return {name: one.mean().item() for name, one in self.by_user().items()}

    def by_user(self) -> dict[str, Tensor]:
        """Return the shares of each user with a relevant item, (users,), in the order of ids."""
        users, scores, relevant = (torch.cat(parts) for parts in zip(*self._parts, strict=True))
        order = _order(users, scores, relevant)
        users, relevant = users[order], relevant[order] > 0
        _, user, counts = torch.unique_consecutive(users, return_inverse=True, return_counts=True)
        starts = counts.cumsum(0) - counts
        rank = torch.arange(len(user), device=user.device) - starts[user]  # from 0
        found = torch.zeros(len(counts), device=user.device).long()
        wanted = found.index_add(0, user, relevant.long())
        gain = torch.where(relevant & (rank < TOP), 1 / (rank + 2.0).log2(), 0.0).double()
        gains = torch.zeros_like(counts, dtype=torch.float64).index_add(0, user, gain)
        last = len(user)
        first = torch.full_like(counts, last).scatter_reduce(
            0, user, torch.where(relevant, rank, last), "amin"
        )
        kept = wanted > 0
        first, gains, wanted = first[kept], gains[kept], wanted[kept]
        best = torch.cumsum(1 / torch.arange(2.0, TOP + 2, device=user.device).log2(), 0).double()
        return {
            f"ndcg@{TOP}": gains / best[wanted.clamp_max(TOP) - 1],
            f"hit@{TOP}": (first < TOP).double(),
            "mrr": 1 / (first + 1.0).double(),
        }


def _order(users: Tensor, scores: Tensor, relevant: Tensor) -> Tensor:
    """Sort by user, then by falling score, then irrelevant items first."""
    order = relevant.argsort(stable=True)
    order = order[scores[order].argsort(stable=True, descending=True)]
    return order[users[order].argsort(stable=True)]
