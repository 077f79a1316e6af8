"""What a command begins with: the baselines of a sweep, or the one candidate of a single run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paretoprune.config import SearchSettings, Settings
from paretoprune.errors import SettingsError
from paretoprune.outline import Outline
from paretoprune.results import GroupInfo, Metrics, Proposal
from paretoprune.search import (
    baselines,
    broken_limits,
    global_ratios_that_fit,
    uniform,
    uniform_ratios,
)

_MAX_RATIO = 0.99  # of a single run; the rounding keeps at least one channel
_DEFAULT_MACS = 0.5


def search_of(settings: Settings) -> SearchSettings:
    """The search of a sweep; for a single run one that ends after its only candidate."""
    if settings.search:
        return settings.search
    return SearchSettings(strategy="chain", n_trials=2, max_ratio=_MAX_RATIO, baseline_ratios=())


def reject_unmeetable(task: Outline) -> None:
    """Raises SettingsError where the smallest candidate breaks a limit or misses the target."""
    ratio = search_of(task.settings).max_ratio
    smallest = task.cost_of(uniform(group_infos(task), ratio))
    metrics = Metrics(params=smallest.params, macs=smallest.macs)
    mistakes = [
        f"no candidate can meet the limit: of the smallest one, {sentence}"
        for sentence in broken_limits(task.settings.sparsity, metrics)
    ]
    dense = task.cost_of({})
    for name in ("macs", "params"):
        share = getattr(task.settings.sparsity, name)
        least = getattr(smallest, name) / getattr(dense, name)
        if not task.settings.search and share is not None and share < least:
            mistakes.append(
                f"`sparsity.{name}={share}` cannot be reached: the smallest candidate keeps "
                f"{least:.4f} of the dense model's"
            )
    unknown = set(task.settings.sparsity.ratios or {}) - {g.name for g in group_infos(task)}
    if unknown:
        names = ", ".join(group.name for group in group_infos(task))
        mistakes.append(
            f"`sparsity.ratios` names {', '.join(sorted(unknown))}, which can't be pruned; "
            f"the groups are: {names}"
        )
    if mistakes:
        raise SettingsError(mistakes)


def first_proposals(task: Outline, scores: Mapping[str, Sequence[float]]) -> list[Proposal]:
    """The candidates that come before any that a sampler proposes."""
    groups = group_infos(task)
    if task.settings.search is None:
        return [Proposal(uniform(groups, 0.0), "dense"), _single(task, groups, scores)]
    search = task.settings.search
    return baselines(
        groups,
        scores,
        task.cost_of,
        ratios=search.baseline_ratios,
        max_ratio=search.max_ratio,
    )


def group_infos(task: Outline) -> list[GroupInfo]:
    """The dimensions of the search."""
    return [GroupInfo(group.name, group.width) for group in task.groups.prunable]


def _single(
    task: Outline, groups: Sequence[GroupInfo], scores: Mapping[str, Sequence[float]]
) -> Proposal:
    """The candidate that `sparsity` names."""
    sparsity = task.settings.sparsity
    if sparsity.ratio is not None:
        return Proposal(uniform(groups, sparsity.ratio), "single")
    if sparsity.ratios is not None:
        return Proposal({g.name: sparsity.ratios.get(g.name, 0.0) for g in groups}, "single")
    quantity = "params" if sparsity.params is not None else "macs"
    share = sparsity.params or sparsity.macs or _DEFAULT_MACS
    most = share * getattr(task.cost_of({}), quantity)

    def fits(ratios: Mapping[str, float]) -> bool:
        return bool(getattr(task.cost_of(ratios), quantity) <= most)

    if sparsity.allocation == "global":
        ratios = global_ratios_that_fit(scores, fits, max_ratio=_MAX_RATIO)
    else:
        ratios = uniform_ratios(groups, fits, max_ratio=_MAX_RATIO)
    return Proposal(ratios, "single")
