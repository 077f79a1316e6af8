"""First candidates: the baselines of a sweep, or the only candidate of a single run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from paretoprune.config.groups.search import SearchSettings
from paretoprune.config.name_patterns import unmatched
from paretoprune.config.settings import Settings
from paretoprune.config.target import Target
from paretoprune.errors import SettingsError
from paretoprune.metrics import Direction
from paretoprune.objectives import objectives_of_task
from paretoprune.problem.problem import Problem
from paretoprune.results import Proposal
from paretoprune.search.allocation.baselines import baselines, uniform
from paretoprune.search.allocation.sensitivity import Sensitivity
from paretoprune.search.budget.limits import broken_limits
from paretoprune.storage.qualities import read_qualities
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.candidates.dimensions import group_infos
from paretoprune.sweep.candidates.single_run import MAX_RATIO, candidate_of

_CHAIN = "paretoprune.search.strategies.chain.chain"
_LEAST_SHARE_OF_BYTES = 0.98  # the header of a file is known to some bytes only
_LEAST_STORED = 0.5  # bytes of a parameter in a compact file, whose size depends on the weights


def search_settings(settings: Settings) -> SearchSettings:
    """Return the search of a sweep; for a single run one that ends after its only candidate."""
    if settings.search:
        return settings.search
    n_trials = 9 if settings.sparsity.bisects_quality else 2
    return SearchSettings(
        strategy=Target(path=_CHAIN), n_trials=n_trials, max_ratio=MAX_RATIO, baseline_ratios=()
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
        return [dense, Proposal(candidate_of(problem, scores, sensitivity), "single")]
    return baselines(
        groups,
        scores,
        problem.costs.cost_of,
        ratios=search.baseline_ratios,
        max_ratio=search.max_ratio,
    )
