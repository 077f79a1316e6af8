"""Pruning plans: the channels to remove from each group, as plain data without tensors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Group


@dataclass(frozen=True)
class Plan:
    """The channels to remove, by group name. Groups that keep all their channels are left out.

    Indices are sorted and groups are in alphabetical order, so that equal plans are equal data.
    """

    removed: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tidy = {name: tuple(sorted(gone)) for name, gone in sorted(self.removed.items()) if gone}
        object.__setattr__(self, "removed", tidy)

    def to_json(self) -> dict[str, list[int]]:
        """Return plain data for `json.dumps`."""
        return {name: list(gone) for name, gone in self.removed.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Sequence[int]]) -> Plan:
        """Inverse of `to_json`. Raises PruningError for values that are not whole numbers."""
        for name, gone in data.items():
            if wrong := [one for one in gone if type(one) is not int]:
                raise PruningError(
                    f"the plan removes channel {str(wrong[0])[:20]} of group `{name}`; channels "
                    "are whole numbers"
                )
        return cls({name: tuple(gone) for name, gone in data.items()})

    def digest(self) -> str:
        """Return 16 hexadecimal digits that identify the plan on every machine."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def widths(self, groups: Sequence[Group]) -> dict[str, int]:
        """Return the number of channels that each group keeps."""
        return {g.name: g.width - len(self.removed.get(g.name, ())) for g in groups}

    def check(self, groups: Sequence[Group]) -> None:
        """Check that the plan fits the groups.

        Raises:
            PruningError: an unknown group, a channel out of range or given twice, or too few
                channels left.
        """
        by_name = {group.name: group for group in groups}
        for name, gone in self.removed.items():
            if name not in by_name:
                known = ", ".join(list(by_name)[:5])
                raise PruningError(f"the plan names group `{name}`; the groups are: {known} ...")
            _check_channels(by_name[name], gone)


def make_plan(
    groups: Sequence[Group], scores: Mapping[str, Tensor], widths: Mapping[str, int]
) -> Plan:
    """Return the plan that keeps the best-scored `widths[name]` channels of each group.

    Of equal scores the lower index is kept, so that a narrower plan removes a superset of the
    channels that a wider one with the same scores removes. Groups without a width stay whole.

    Raises:
        PruningError: scores are missing, of the wrong length or not finite; a width is out of
            range; a name is not a group's.
    """
    _check_names(groups, widths)
    return Plan(
        {
            group.name: _lowest(group, scores, widths[group.name])
            for group in groups
            if widths.get(group.name, group.width) != group.width
        }
    )


def _lowest(group: Group, scores: Mapping[str, Tensor], width: int) -> tuple[int, ...]:
    if not group.least <= width <= group.width:
        raise PruningError(
            f"group `{group.name}` can keep {group.least} to {group.width} channels, not {width}"
        )
    score = scores.get(group.name)
    if score is None or score.shape != (group.width,) or not torch.isfinite(score).all():
        raise PruningError(f"group `{group.name}` needs {group.width} finite scores, one a channel")
    order = torch.argsort(score, descending=True, stable=True)
    return tuple(order[width:].tolist())


def _check_names(groups: Sequence[Group], widths: Mapping[str, int]) -> None:
    unknown = sorted(set(widths) - {group.name for group in groups})
    if unknown:
        raise PruningError(f"no group is called {', '.join(f'`{name}`' for name in unknown)}")


def _check_channels(group: Group, gone: Sequence[int]) -> None:
    name, width = group.name, group.width
    if len(set(gone)) != len(gone):
        raise PruningError(f"the plan removes a channel of group `{name}` twice")
    if not 0 <= min(gone) <= max(gone) < width:
        raise PruningError(
            f"the plan removes channel {max(gone)} of group `{name}`, "
            f"whose channels are 0 to {width - 1}"
            if max(gone) >= width
            else f"the plan removes channel {min(gone)} of group `{name}`; counting starts at 0"
        )
    if width - len(gone) < group.least:
        raise PruningError(
            f"the plan removes all {width} channels of group `{name}`; at least one must stay"
        )
