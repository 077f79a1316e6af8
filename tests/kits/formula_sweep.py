"""The parts of a sweep over the formula."""

from __future__ import annotations

from pathlib import Path

from paretoprune.config.groups.search import SearchSettings
from paretoprune.results import Proposal
from paretoprune.search.allocation.baselines import baselines
from paretoprune.search.allocation.sensitivity import distinct_ratios
from paretoprune.search.allocation.sizes import Sizes
from paretoprune.search.front.gaps import FrontAxis
from paretoprune.search.study.study import SweepStudy
from tests.kits import formula

SIZES = Sizes(
    choices=distinct_ratios(formula.GROUPS, formula.widths_of, max_ratio=0.9),
    size_of=lambda ratios: float(formula.cost_of(ratios).macs),
    macs_of=lambda ratios: float(formula.cost_of(ratios).macs),
)
QUALITY = FrontAxis(lambda result: result.metrics.accuracy, 0.0)


def open_ledger(
    study: Path, search: SearchSettings, *, seed: int = 0, storage: str | None = None
) -> SweepStudy:
    """Open the study of a search; a shared `storage` identifies it by the name of its folder."""
    return SweepStudy(
        study,
        name="formula",
        groups=formula.GROUPS,
        objectives=search.objectives,
        sampler=search.sampler,
        max_ratio=search.max_ratio,
        seed=seed,
        storage=storage,
        owner=study.parent.name if storage else "",
    )


def baselines_of(search: SearchSettings) -> list[Proposal]:
    """Return the dense model, uniform pruning and global ranking."""
    return baselines(
        formula.GROUPS,
        formula.SCORES,
        formula.cost_of,
        ratios=search.baseline_ratios,
        max_ratio=search.max_ratio,
    )
