"""The page that shows the fronts of several sweeps in one plot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paretoprune.metrics import LOGARITHMIC, label
from paretoprune.number_format import notation, shown, written_of
from paretoprune.report.pages import make_page
from paretoprune.results import TrialResult
from paretoprune.results.measurements import names_measured
from paretoprune.storage.atomic import write_text

_SCRIPTS = ("dom", "numbers", "marks", "chart", "compare")

Surface = Sequence[tuple[float, float]]  # (size, quality), by rising size


@dataclass(frozen=True)
class ComparedSweep:
    """One sweep of a comparison."""

    name: str
    seed: str
    pick: str  # the command that exports a model, without the trial
    num_trials: int
    front: Sequence[TrialResult]
    hypervolume: float
    retained_area: float


@dataclass(frozen=True)
class ComparedGroup:
    """Sweeps that differ in their seed alone."""

    sweeps: Sequence[ComparedSweep]
    surfaces: Mapping[float, Surface]  # by the share of the sweeps that attain them

    @property
    def name(self) -> str:
        """Return the name of the group: the first sweep, and the number of the others."""
        more = len(self.sweeps) - 1
        return self.sweeps[0].name + (f" and {more} more" if more else "")


@dataclass(frozen=True)
class SweepComparison:
    """Content of the page."""

    groups: Sequence[ComparedGroup]
    size: str
    quality: str
    notes: Sequence[str]  # the meaning of the figures, and cautions


def write_comparison(file: Path, comparison: SweepComparison) -> None:
    """Write the page, all or nothing."""
    write_text(file, make_page(_content(comparison), title="compare", scripts=_SCRIPTS))


def _content(comparison: SweepComparison) -> dict[str, Any]:
    size, quality = comparison.size, comparison.quality
    return {
        "size": size,
        "quality": quality,
        "quantities": [_quantity(name, comparison) for name in _shared_names(comparison)],
        "notes": list(comparison.notes),
        "groups": [_group(group, size, quality) for group in comparison.groups],
    }


def _shared_names(comparison: SweepComparison) -> list[str]:
    """Return the quantities that every model was measured in, the objectives first."""
    members = _members(comparison)
    measured = [member.metrics.measured() for member in members]
    names = names_measured(member.metrics for member in members)
    shared = [name for name in names if all(name in one for one in measured)]
    return [*dict.fromkeys([comparison.size, comparison.quality, *shared])]


def _quantity(name: str, comparison: SweepComparison) -> dict[str, Any]:
    positive = all(member.metrics.measured()[name] > 0 for member in _members(comparison))
    log = positive and name in LOGARITHMIC
    return {"name": name, "label": label(name), **notation(name), "log": log}


def _members(comparison: SweepComparison) -> list[TrialResult]:
    return [m for group in comparison.groups for sweep in group.sweeps for m in sweep.front]


def _group(group: ComparedGroup, size: str, quality: str) -> dict[str, Any]:
    return {
        "name": group.name,
        "surfaces": {f"{share:g}": list(surface) for share, surface in group.surfaces.items()},
        "sweeps": [
            {
                "name": sweep.name,
                "seed": sweep.seed,
                "trials": sweep.num_trials,
                "hypervolume": sweep.hypervolume,
                "retained_area": sweep.retained_area,
                "front": [_member(member, sweep, size, quality) for member in sweep.front],
            }
            for sweep in group.sweeps
        ],
    }


def _member(member: TrialResult, sweep: ComparedSweep, size: str, quality: str) -> dict[str, Any]:
    measured = member.metrics.measured()
    figures = [f"{label(name)}: {written_of(name, measured)}" for name in (quality, size)]
    return {
        "values": {n: value for n, value in shown(measured).items() if math.isfinite(value)},
        "key": f"{sweep.name}/{member.key}",
        "text": [f"{sweep.name}, trial {member.key}: {member.origin}", *figures],
        "pick": f"{sweep.pick} trial={member.number}",
    }
