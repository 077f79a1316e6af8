"""Content of the pictures of a front, before any drawing: panels, series, and the part in view."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from paretoprune.metrics import LOGARITHMIC, Direction
from paretoprune.objectives import size_and_quality
from paretoprune.results import Metrics, TrialResult
from paretoprune.results.trials import ModelKey

BASELINES = ("uniform", "global")


@dataclass(frozen=True)
class Picture:
    """Data of a sweep for its pictures."""

    title: str
    objectives: Mapping[str, Direction]
    dense: Metrics
    trials: Sequence[TrialResult]  # those with a model of their own and every objective measured
    front: Sequence[TrialResult]

    def panels(self) -> list[tuple[str, str]]:
        """The pairs of quantities (horizontal, vertical), one panel for each."""
        pairs = combinations(self.objectives.items(), 2)
        return [size_and_quality(dict(pair)) for pair in pairs]

    def origins(self) -> list[str]:
        """Return the origins of trials in a fixed order, without the baselines."""
        return sorted({trial.origin for trial in self.trials} - {*BASELINES, "dense"})

    def of_origin(self, origin: str) -> list[TrialResult]:
        """The trials of one origin, in the order of their numbers."""
        return [trial for trial in self.trials if trial.origin == origin]


@dataclass(frozen=True)
class Points:
    """Content of one series in one panel."""

    x: list[float]
    y: list[float]


def make_picture(
    results: Sequence[TrialResult],
    *,
    front: Collection[ModelKey],
    dense: Metrics,
    objectives: Mapping[str, Direction],
    title: str,
) -> Picture:
    """The picture of a sweep. Trials without a result of their own are left out."""
    drawn = [
        result
        for result in sorted(results, key=lambda r: (r.number, r.quantization))
        if result.state in ("complete", "infeasible")
        and objectives.keys() <= result.metrics.measured().keys()
    ]
    members = [result for result in drawn if result.key in front]
    return Picture(title, objectives, dense, drawn, members)


def points(metrics: Sequence[Metrics], panel: tuple[str, str]) -> Points:
    """The two quantities of the panel for those that have both."""
    measured = [one.measured() for one in metrics]
    both = [one for one in measured if panel[0] in one and panel[1] in one]
    return Points([one[panel[0]] for one in both], [one[panel[1]] for one in both])


def line(metrics: Sequence[Metrics], panel: tuple[str, str]) -> Points:
    """The points ordered along the horizontal axis, for a line through them."""
    drawn = points(metrics, panel)
    ordered = sorted(zip(drawn.x, drawn.y, strict=True))
    return Points([x for x, _ in ordered], [y for _, y in ordered])


def front_line(picture: Picture, panel: tuple[str, str]) -> Points:
    """The front's points in order."""
    return line([member.metrics for member in picture.front], panel)


def baseline(picture: Picture, origin: str, panel: tuple[str, str]) -> Points:
    """A baseline's points in order, ending at the dense model, which is its ratio 0."""
    members = picture.of_origin(origin)
    if not members:
        return Points([], [])
    return line([picture.dense, *(member.metrics for member in members)], panel)


def in_view(picture: Picture, name: str) -> tuple[float, float] | None:
    """The range of the vertical axis when collapsed trials would flatten all others.

    The drop from the dense model to the middle of the front then fills a third of the height.
    None: everything fits well without, or on a logarithmic axis.
    """
    dense = picture.dense.measured().get(name)
    if name in LOGARITHMIC:  # such an axis keeps small differences visible by itself
        return None
    values = [trial.metrics.measured()[name] for trial in picture.trials]
    if dense is None or not picture.front:
        return None
    sign = 1.0 if picture.objectives[name] == "maximize" else -1.0
    middle = median(sign * member.metrics.measured()[name] for member in picture.front)
    best = max([sign * dense, *(sign * value for value in values)])
    worst = min([sign * dense, *(sign * value for value in values)])
    height = max(3 * (best - middle), 0.05 * abs(dense))
    if height == 0 or best - worst <= 3 * height:  # 0: the dense model has the quality 0
        return None
    low, high = sorted((sign * (best - height), sign * (best + 0.08 * height)))
    return low, high
