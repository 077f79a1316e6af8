"""Which trial of the front to take: by a rule, within limits, or by its number."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from paretoprune.delivery.pick_limits import Limit, nobody, read_limits, unmet
from paretoprune.delivery.quantities import scaled, size_and_quality
from paretoprune.errors import PickError
from paretoprune.results import DIRECTIONS, Direction, Metrics, TrialResult

_SHORT = {"fastest": "min_latency_ms"}


@dataclass(frozen=True)
class PickRequest:
    """What the user asked for. Without anything: the knee of the front.

    `rule` is `knee`, `min_size` (the sweep's own size objective), `fastest`, or `max_` or `min_`
    before the name of a measured quantity. `limits` are by `max_QUANTITY`, `min_QUANTITY` or
    `max_accuracy_drop` (percentage points below the dense model). `trial` overrides `rule`.
    """

    rule: str = "knee"
    trial: int | None = None
    limits: Mapping[str, float] = field(default_factory=dict)


def choose(
    results: Sequence[TrialResult],
    *,
    front: Collection[int],
    dense: Metrics,
    request: PickRequest,
    objectives: Mapping[str, Direction],
) -> TrialResult:
    """The trial of the front that the request asks for.

    Raises:
        PickError: the front is empty, nothing satisfies the limits, the rule or a limit is
            unknown or was not measured, or the trial asked for is not on the front.
    """
    limits = read_limits(request.limits, dense)
    members = sorted((r for r in results if r.number in front), key=lambda r: r.number)
    if not members:
        raise PickError(_empty(results))
    if request.trial is not None:
        members = [_trial(request.trial, results, front, objectives)]
    allowed = _within(members, limits, objectives)
    if request.trial is not None:
        return allowed[0]
    if request.rule == "knee":
        return knee(allowed, objectives)
    return _extreme(allowed, request.rule, objectives)


def knee(members: Sequence[TrialResult], objectives: Mapping[str, Direction]) -> TrialResult:
    """The member farthest above the straight line between the extremes of the front.

    Every objective is scaled to 0 (worst) .. 1 (best) over the members, sizes by their
    logarithm. The extremes then lie on the plane where the scaled objectives sum to 1, and the
    distance to it grows with that sum. Ties go to the better quality. After Das, "On
    characterizing the knee of the Pareto curve based on Normal-Boundary Intersection",
    Structural Optimization 18 (1999); for a curve it is the rule of Kneedle (Satopaa et al.,
    ICDCS workshops 2011).
    """
    columns = [_goodness(members, name, objectives[name]) for name in objectives]
    heights = [round(sum(values), 12) for values in zip(*columns, strict=True)]
    better = _better_first(objectives)
    return min(zip(members, heights, strict=True), key=lambda p: (-p[1], *better(p[0])))[0]


def _goodness(members: Sequence[TrialResult], name: str, direction: Direction) -> list[float]:
    sign = 1.0 if direction == "maximize" else -1.0
    values = [sign * scaled(name, member.metrics.measured()[name]) for member in members]
    low, span = min(values), max(values) - min(values)
    return [(value - low) / span if span else 1.0 for value in values]


def _extreme(
    members: Sequence[TrialResult], rule: str, objectives: Mapping[str, Direction]
) -> TrialResult:
    size, _ = size_and_quality(objectives)
    best = "min" if objectives[size] == "minimize" else "max"
    full = f"{best}_{size}" if rule == "min_size" else _SHORT.get(rule, rule)
    way, _, name = full.partition("_")
    if way not in ("min", "max") or name not in DIRECTIONS:
        raise PickError(
            f"`rule={rule}` is not known; take `knee`, `max_accuracy`, `min_size`, `fastest`, or "
            f"`min_` or `max_` before one of: {', '.join(DIRECTIONS)}"
        )
    measured = [member for member in members if name in member.metrics.measured()]
    if not measured:
        raise PickError(f"`rule={rule}` needs {name}, which this sweep did not measure")
    sign = 1 if way == "min" else -1
    better = _better_first(objectives)
    return min(measured, key=lambda m: (sign * m.metrics.measured()[name], *better(m)))


def _better_first(
    objectives: Mapping[str, Direction],
) -> Callable[[TrialResult], tuple[float, ...]]:
    """A sorting key for ties: the better quality, then the lower number."""
    _, quality = size_and_quality(objectives)
    sign = 1 if objectives[quality] == "minimize" else -1
    return lambda result: (sign * result.metrics.measured()[quality], result.number)


def _trial(
    number: int,
    results: Sequence[TrialResult],
    front: Collection[int],
    objectives: Mapping[str, Direction],
) -> TrialResult:
    found = next((result for result in results if result.number == number), None)
    members = ", ".join(str(n) for n in sorted(front))
    if found is None:
        raise PickError(f"there is no trial {number} in this sweep; the front is: {members}")
    if number in front:
        return found
    if found.state == "duplicate":
        same = f"it is the same architecture as trial {found.duplicate_of}"
        raise PickError(f"trial {number} has no model of its own: {same}; the front is: {members}")
    if found.state != "complete":
        why = f" ({found.reason})" if found.reason else ""
        raise PickError(f"trial {number} is {found.state}{why}; the front is: {members}")
    names = " and ".join(objectives)
    raise PickError(
        f"trial {number} is not on the front, another trial is as good in {names} and better in "
        f"one of them; the front is: {members}"
    )


def _within(
    members: Sequence[TrialResult], limits: Sequence[Limit], objectives: Mapping[str, Direction]
) -> list[TrialResult]:
    allowed = [member for member in members if not unmet(member, limits)]
    if not allowed:
        raise PickError(nobody(members, limits, objectives))
    return allowed


def _empty(results: Sequence[TrialResult]) -> str:
    finished = sum(result.state == "complete" for result in results)
    return (
        f"the front is empty: of {len(results)} trials {finished} are complete; let the sweep run "
        "longer, or loosen its limits under `sparsity`"
    )
