"""First candidates: the baselines of a sweep, or the only candidate of a single run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from paretoprune.config.groups.search import SearchSettings
from paretoprune.config.name_patterns import matches, unmatched
from paretoprune.config.settings import Settings
from paretoprune.config.target import Target
from paretoprune.config.targets.signatures import has_trait
from paretoprune.errors import SettingsError
from paretoprune.low_rank.ranks import rank_group
from paretoprune.metrics import Direction
from paretoprune.objectives import objectives_of_task
from paretoprune.problem.problem import Problem
from paretoprune.pruning.groups import Group
from paretoprune.results import GroupInfo, Proposal
from paretoprune.search.allocation.baselines import baselines, uniform
from paretoprune.search.allocation.greedy import drop_dominated, greedy_allocation, loss_of_scores
from paretoprune.search.allocation.paths import (
    Path,
    different_places,
    erdos_renyi_path,
    first_fitting,
    ranking_path,
    sensitivity_path,
    uniform_path,
)
from paretoprune.search.allocation.sensitivity import Sensitivity, distinct_ratios
from paretoprune.search.budget.limits import broken_limits
from paretoprune.storage.qualities import read_qualities
from paretoprune.storage.sweep_folder import SweepFolder

_CHAIN = "paretoprune.search.strategies.chain.chain"
_MAX_RATIO = 0.99  # of a single run; the rounding keeps at least one channel
_LEAST_SHARE_OF_BYTES = 0.98  # the header of a file is known to some bytes only
_LEAST_STORED = 0.5  # bytes of a parameter in a compact file, whose size depends on the weights
_DEFAULT_TARGET = ("macs", 0.5)
_AFTER_CHANNELS = 0.95  # the uniform ratio from which blocks go, too
_MOST_PLACES = 127  # that a bisection for a drop of quality tells apart, in seven trials


def search_settings(settings: Settings) -> SearchSettings:
    """Return the search of a sweep; for a single run one that ends after its only candidate."""
    if settings.search:
        return settings.search
    n_trials = 9 if settings.sparsity.bisects_quality else 2
    return SearchSettings(
        strategy=Target(path=_CHAIN), n_trials=n_trials, max_ratio=_MAX_RATIO, baseline_ratios=()
    )


def search_of(problem: Problem) -> SearchSettings:
    """The search of a problem, with the objectives that its task measures."""
    search = search_settings(problem.settings)
    objectives = objectives_of_task(search.objectives, problem.task.qualities)
    return search if objectives == search.objectives else replace(search, objectives=objectives)


def objectives_in(folder: SweepFolder, settings: Settings) -> dict[str, Direction]:
    """The objectives of a sweep, read from its folder."""
    return objectives_of_task(search_settings(settings).objectives, read_qualities(folder.dense))


def reject_unmeetable(problem: Problem) -> None:
    """Raises SettingsError if the smallest candidate breaks a limit or misses the target."""
    sparsity, groups = problem.settings.sparsity, group_infos(problem)
    most = search_settings(problem.settings).max_ratio
    least = {group.name: group.most(most) for group in groups}
    cost = problem.costs.cost_of(least)
    size = _LEAST_SHARE_OF_BYTES * problem.costs.quantity_of(least, "bytes")
    stored = _LEAST_STORED * cost.params
    if problem.settings.quantization is not None:  # it decides the bytes, known after training
        size = stored = 0
    smallest = replace(cost.at_least(), size_bytes=int(size), stored_bytes=int(stored))
    mistakes = [
        f"no candidate can meet the limit: of the smallest one, {sentence}"
        for sentence in broken_limits(sparsity, smallest)
    ]
    if not problem.settings.search and sparsity.size_target is not None:
        name, share = sparsity.size_target
        reached = problem.costs.quantity_of(least, name) / problem.costs.quantity_of({}, name)
        if share < reached:
            mistakes.append(
                f"`sparsity.{name}={share}` cannot be reached: the smallest candidate keeps "
                f"{reached:.4f} of the dense model's"
            )
    names = [group.name for group in groups]
    for setting, patterns in (("ratios", sparsity.ratios or {}), ("caps", sparsity.caps)):
        if unknown := unmatched(patterns, names):
            mistakes.append(
                f"`sparsity.{setting}` names {', '.join(sorted(unknown))}, which can't be pruned; "
                f"the groups are: {', '.join(names)}"
            )
    if mistakes:
        raise SettingsError(mistakes)


def first_proposals(
    problem: Problem,
    scores: Mapping[str, Sequence[float]],
    sensitivity: Callable[[], Sensitivity],
) -> list[Proposal]:
    """Return the candidates that are run before those of the strategy.

    `scores` must be comparable across groups; `sensitivity` is measured if the allocation asks.
    """
    groups = group_infos(problem)
    search, sparsity = problem.settings.search, problem.settings.sparsity
    if search is None:
        dense = Proposal(uniform(groups, 0.0), "dense", epochs=0.0)
        if sparsity.bisects_quality:
            return [dense]
        return [dense, Proposal(_single(problem, scores, sensitivity), "single")]
    return baselines(
        groups,
        scores,
        problem.costs.cost_of,
        ratios=search.baseline_ratios,
        max_ratio=search.max_ratio,
    )


def group_infos(problem: Problem) -> list[GroupInfo]:
    """Return the dimensions of the search."""
    groups, cap_of = problem.groups.prunable, problem.costs.cap_of
    turns, break_even = _turns(groups), _break_even(problem)
    return [
        GroupInfo(g.name, g.width, cap_of(g.name), turns.get(g.name), break_even.get(g.name))
        for g in groups
    ]


def _break_even(problem: Problem) -> dict[str, float]:
    """Return the ratios from which factored layers are smaller, by the group of their rank.

    Uniform candidates of a search leave ranks whole: they are the control with channels alone. None
    where uniform pruning has ranks alone to prune, or is the allocation of a single run.
    """
    ranks = problem.space.ranks
    if not ranks or problem.settings.search is None:
        return {}
    if len(ranks.layers) == len(problem.groups.prunable):
        return {}
    return {layer.group: 1 - layer.dense_most / layer.full_rank for layer in ranks.layers}


def _turns(groups: Sequence[Group]) -> dict[str, float]:
    """Return when uniform pruning removes the blocks: after the channels, or else spread over the
    network, so that at any ratio that share of them is gone."""
    blocks = [group.name for group in groups if group.block]
    if len(blocks) < len(groups):
        return dict.fromkeys(blocks, _AFTER_CHANNELS)
    # By the digits of their numbers in base 2 from behind: the sequence of van der Corput.
    digits = len(f"{len(blocks):b}")
    order = sorted(range(len(blocks)), key=lambda number: f"{number:0{digits}b}"[::-1])
    return {blocks[one]: (place + 1) / (len(blocks) + 1) for place, one in enumerate(order)}


def places_of(
    problem: Problem,
    scores: Mapping[str, Sequence[float]],
    sensitivity: Callable[[], Sensitivity],
) -> list[dict[str, float]]:
    """Return the candidates of a run with a drop of quality: falling sizes of the allocation."""
    path = _path(problem, scores, sensitivity)
    return different_places(path, problem.costs.widths_of, most=_MOST_PLACES)


def choices_of(problem: Problem, *, max_ratio: float) -> dict[str, tuple[float, ...]]:
    """Return the ratios that a group can have: one per width, at most 64 for layers of weights."""
    most = {"most": 64} if problem.space.layers else {}
    infos, widths_of = group_infos(problem), problem.costs.widths_of
    return distinct_ratios(infos, widths_of, max_ratio=max_ratio, **most)


def _single(
    problem: Problem,
    scores: Mapping[str, Sequence[float]],
    sensitivity: Callable[[], Sensitivity],
) -> Mapping[str, float]:
    """Return the candidate that `sparsity` names."""
    sparsity, groups = problem.settings.sparsity, group_infos(problem)
    if sparsity.ratio is not None:
        return uniform(groups, sparsity.ratio)
    if sparsity.ratios is not None:
        asked = {group.name: matches(sparsity.ratios, group.name) for group in groups}
        return {name: ratios[-1] if ratios else 0.0 for name, ratios in asked.items()}
    if has_trait(problem.settings.schedule, "stops_at_target"):
        return uniform(groups, _MAX_RATIO)
    quantity, share = sparsity.size_target or _DEFAULT_TARGET
    most = share * problem.costs.quantity_of({}, quantity)
    if sparsity.allocation in ("score", "sensitivity"):
        loss, choices, size_of = _greedy(problem, scores, sensitivity)
        return greedy_allocation(loss, drop_dominated(choices, size_of), size_of, target=most)
    return first_fitting(
        _path(problem, scores, sensitivity),
        lambda ratios: problem.costs.quantity_of(ratios, quantity) <= most,
        problem.costs.widths_of,
    )


def _path(
    problem: Problem,
    scores: Mapping[str, Sequence[float]],
    sensitivity: Callable[[], Sensitivity],
) -> Path:
    """Return the path of `sparsity.allocation` from the dense to the smallest model."""
    groups, sparsity = group_infos(problem), problem.settings.sparsity
    allocation = sparsity.allocation
    if allocation in ("global", "lamp"):
        return ranking_path(groups, scores, max_ratio=_MAX_RATIO)
    if allocation == "erk":
        return erdos_renyi_path(groups, _kernel_factors(problem), max_ratio=_MAX_RATIO)
    if allocation in ("score", "sensitivity"):
        return sensitivity_path(*_greedy(problem, scores, sensitivity))
    return uniform_path(groups, max_ratio=_MAX_RATIO)


def _greedy(
    problem: Problem,
    scores: Mapping[str, Sequence[float]],
    sensitivity: Callable[[], Sensitivity],
) -> tuple[Sensitivity, Mapping[str, Sequence[float]], Callable[[Mapping[str, float]], float]]:
    """Return loss, choices and size of the allocations `score` and `sensitivity`."""
    sparsity = problem.settings.sparsity
    loss = loss_of_scores(scores) if sparsity.allocation == "score" else sensitivity()
    name = (sparsity.size_target or _DEFAULT_TARGET)[0]
    choices = choices_of(problem, max_ratio=_MAX_RATIO)
    return loss, choices, lambda ratios: problem.costs.quantity_of(ratios, name)


def _kernel_factors(problem: Problem) -> dict[str, float]:
    """Return, by group, the sum of the dimensions of its weights over that of their products."""
    shapes = {name: p.shape for name, p in problem.model.named_parameters() if p.dim() > 1}
    paths = {rank_group(path): path for path in problem.groups.factored}
    factors = {}
    for group in problem.groups.prunable:
        names = {slot.tensor for slot in group.slots} or {
            f"{paths.get(group.name, group.name)}.weight"
        }
        if group.block:
            names = {name for name in shapes if group.block.holds(name)}
        own = [shapes[name] for name in sorted(names) if name in shapes]
        factors[group.name] = sum(map(sum, own)) / sum(shape.numel() for shape in own)
    return factors
