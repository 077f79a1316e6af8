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
    # of a rank beside channels: the ratio from which its layer is smaller as a pair
    break_even: float | None = None

    def uniform(self, ratio: float) -> float:
        """Return the ratio removed by uniform pruning: limited by the cap; all or none
        of a block; nothing of a rank beside channels."""
        if self.break_even is not None:
            return 0.0
        if self.turn is not None:
            return self.max_ratio if ratio >= self.turn else 0.0
        return min(ratio, self.max_ratio)

    def most(self, max_ratio: float) -> float:
        """Return the most that a search removes, which takes at most `max_ratio` of a group.

        Of a rank that is this share of the break-even rank, not of the full one.
        """
        if self.break_even is not None:
            max_ratio = self.break_even + max_ratio * (1 - self.break_even)
        return min(max_ratio, self.max_ratio)


@dataclass(frozen=True)
class KeptGroup:
    """A group that is never pruned, and the reason."""

    name: str
    width: int
    reason: str
