"""Descriptions of groups: a dimension of the search, and a group that is never pruned."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GroupInfo:
    """One dimension of the search: a group's name, and its width in the dense model."""

    name: str
    width: int
    max_ratio: float = 1.0  # maximum ratio to remove, from `sparsity.caps`
    # of a block, which is removed as a whole: the uniform ratio from which it is
    turn: float | None = None

    def uniform(self, ratio: float) -> float:
        """Return the ratio removed by uniform pruning: limited by the cap; all or none
        of a block."""
        if self.turn is not None:
            return self.max_ratio if ratio >= self.turn else 0.0
        return min(ratio, self.max_ratio)


@dataclass(frozen=True)
class KeptGroup:
    """A group that is never pruned, and the reason."""

    name: str
    width: int
    reason: str
