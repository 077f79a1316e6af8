"""Choice of trials of the front: by rules, within limits, or by their numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from paretoprune.config.name_patterns import closest
from paretoprune.errors import PickError
from paretoprune.metrics import DIRECTIONS, Direction
from paretoprune.objectives import size_and_quality
from paretoprune.pick.limits import Limit, no_match_message, read_limits, unmet
from paretoprune.results import Metrics, TrialResult
from paretoprune.results.trials import ModelKey
from paretoprune.retained import scale_of
from paretoprune.search.front.spread import spread, unit_points

_EXTREMES = {
    "most_accurate": "max_accuracy",
    "smallest": "min_params",
    "min_size": "min_size_bytes",
    "fastest": "min_latency_ms",
}  # beside `best` and `cheapest`: of the sweep's own quality and size
_DEFAULT_COUNT = 4  # of `spread`


@dataclass(frozen=True)
class PickRequest:
    """Request of the user for models of the front. Without anything: the knee of the front.

    A rule is `knee`, `best` (of the sweep's own quality), `most_accurate`, `smallest`, `fastest`,
    `cheapest` (of the sweep's own size), `max_` or `min_` before the name of a measured quantity,
    or `spread`, which takes `count` trials from all over the front. `limits` are by
    `max_QUANTITY`, `min_QUANTITY`, `min_quality` (the worst value of the front's quality),
    `max_drop` (the share of the quality that may be lost, of what the dense model gains over the
    trivial predictor) or `max_accuracy_drop` (percentage points below the dense model). `trials`
    override `rules`.
    """

    rules: tuple[str, ...] = ("knee",)
    trials: tuple[ModelKey, ...] = ()
    count: int | None = None
    limits: Mapping[str, float] = field(default_factory=dict)


def choose(
    results: Sequence[TrialResult],
    *,
    front: Collection[ModelKey],
    dense: Metrics,
    request: PickRequest,
    objectives: Mapping[str, Direction],
    trivial: Mapping[str, float] | None = None,
) -> list[TrialResult]:
    """The trials of the front that the request asks for, each once, in the order asked for.

    `dense` and `trivial` are the qualities of the dense model and of the trivial predictor.

    Raises:
        PickError: the front is empty, nothing satisfies the limits, a rule or a limit is
            unknown or was not measured, or a trial asked for is not on the front.
    """
    limits = read_limits(request.limits, dense, scale_of(objectives, dense, trivial or {}))
    if request.count is not None and "spread" not in request.rules:
        raise PickError("`n` needs `rule=spread`, which picks several from all over the front")
    members = [result for result in results if result.key in front]
    members.sort(key=lambda member: (member.number, member.quantization))
    if not members:
        raise PickError(_empty(results))
    if request.trials:
        asked = [_trial(key, results, front, objectives) for key in request.trials]
        chosen = [_within([trial], limits, objectives)[0] for trial in asked]
    else:
        allowed = _within(members, limits, objectives)
        chosen = [t for rule in request.rules for t in _by_rule(allowed, rule, request, objectives)]
    return list({trial.key: trial for trial in chosen}.values())


def _by_rule(
    allowed: Sequence[TrialResult],
    rule: str,
    request: PickRequest,
    objectives: Mapping[str, Direction],
) -> list[TrialResult]:
    if rule == "knee":
        return [knee(allowed, objectives)]
    if rule == "spread":
        count = _DEFAULT_COUNT if request.count is None else request.count
        return spread(allowed, count, objectives)
    return [_extreme(allowed, rule, objectives)]


def knee(members: Sequence[TrialResult], objectives: Mapping[str, Direction]) -> TrialResult:
    """The member farthest above the straight line between the extremes of the front.

    Every objective is scaled to 0 (worst) .. 1 (best) over the members, sizes by their
    logarithm. The extremes then lie on the plane where the scaled objectives sum to 1, and the
    distance to it grows with that sum. Ties go to the better quality. The dense model is one of
    the extremes, and is chosen only where there is nothing else. After Das, "On
    characterizing the knee of the Pareto curve based on Normal-Boundary Intersection",
    Structural Optimization 18 (1999); for a curve it is the rule of Kneedle (Satopaa et al.,
    ICDCS workshops 2011).
    """
    heights = [round(sum(point), 12) for point in unit_points(members, objectives)]
    better = _better_first(objectives)
    pairs = list(zip(members, heights, strict=True))
    pruned = [(member, height) for member, height in pairs if member.origin != "dense"]
    return min(pruned or pairs, key=lambda p: (-p[1], *better(p[0])))[0]


def _extreme(
    members: Sequence[TrialResult], rule: str, objectives: Mapping[str, Direction]
) -> TrialResult:
    size, quality = size_and_quality(objectives)
    own = {"cheapest": size, "best": quality}.get(rule)
    full = f"{objectives[own][:3]}_{own}" if own else _EXTREMES.get(rule, rule)
    way, _, name = full.partition("_")
    if way not in ("min", "max") or name not in DIRECTIONS:
        close = closest(rule, ["knee", "spread", "best", "cheapest", *_EXTREMES])
        hint = f"did you mean `rule={close}`? " if close else ""
        raise PickError(
            f"`rule={rule}` is not known; {hint}take `knee`, `spread`, `best`, `cheapest`, "
            f"{', '.join(f'`{name}`' for name in _EXTREMES)}, or `min_` or `max_` before one of: "
            f"{', '.join(members[0].metrics.measured())}"
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
    key: ModelKey,
    results: Sequence[TrialResult],
    front: Collection[ModelKey],
    objectives: Mapping[str, Direction],
) -> TrialResult:
    found = next((result for result in results if result.key == key), None)
    members = ", ".join(str(result.key) for result in results if result.key in front)
    if found is None:
        raise PickError(f"there is no trial {key} in this sweep; the front is: {members}")
    if key in front:
        return found
    if found.state == "duplicate":
        same = f"it is the same architecture as trial {found.duplicate_of}"
        raise PickError(f"trial {key} has no model of its own: {same}; the front is: {members}")
    if found.state != "complete":
        why = f" ({found.reason})" if found.reason else ""
        raise PickError(f"trial {key} is {found.state}{why}; the front is: {members}")
    names = " and ".join(objectives)
    raise PickError(
        f"trial {key} is not on the front, another trial is as good in {names} and better in "
        f"one of them; the front is: {members}"
    )


def _within(
    members: Sequence[TrialResult], limits: Sequence[Limit], objectives: Mapping[str, Direction]
) -> list[TrialResult]:
    allowed = [member for member in members if not unmet(member, limits)]
    if not allowed:
        raise PickError(no_match_message(members, limits, objectives))
    return allowed


def _empty(results: Sequence[TrialResult]) -> str:
    finished = sum(result.state == "complete" for result in results)
    return (
        f"the front is empty: of {len(results)} trials {finished} are complete; let the sweep run "
        "longer, or loosen its limits under `sparsity`"
    )
