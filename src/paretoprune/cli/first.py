"""What a command begins with: the baselines of a sweep, or the one candidate of a single run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from paretoprune.config import SearchSettings, Settings
from paretoprune.errors import SettingsError
from paretoprune.outline import Outline
from paretoprune.results import GroupInfo, Proposal
from paretoprune.search import (
    baselines,
    broken_limits,
    distinct_ratios,
    global_ratios_that_fit,
    least_loss,
    loss_of_scores,
    uniform,
    uniform_ratios,
    worthwhile,
)
from paretoprune.search.sensitivity import Sensitivity

_MAX_RATIO = 0.99  # of a single run; the rounding keeps at least one channel
_DEFAULT_MACS = 0.5
_TARGETS = {"macs": "macs", "params": "params", "latency": "latency_ms"}  # setting: quantity


def search_of(settings: Settings) -> SearchSettings:
    """The search of a sweep; for a single run one that ends after its only candidate."""
    if settings.search:
        return settings.search
    return SearchSettings(strategy="chain", n_trials=2, max_ratio=_MAX_RATIO, baseline_ratios=())


def reject_unmeetable(task: Outline) -> None:
    """Raises SettingsError where the smallest candidate breaks a limit or misses the target."""
    ratio = search_of(task.settings).max_ratio
    smallest = task.cost_of(uniform(group_infos(task), ratio))
    mistakes = [
        f"no candidate can meet the limit: of the smallest one, {sentence}"
        for sentence in broken_limits(task.settings.sparsity, smallest.at_least())
    ]
    dense = task.cost_of({})
    for name, quantity in _TARGETS.items():
        share = getattr(task.settings.sparsity, name)
        if task.settings.search or share is None:
            continue
        least = getattr(smallest, quantity) / getattr(dense, quantity)
        if share < least:
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


def first_proposals(
    task: Outline,
    scores: Mapping[str, Sequence[float]],
    sensitivity: Callable[[], Sensitivity],
) -> list[Proposal]:
    """The candidates that come before any that a sampler proposes.

    `sensitivity` measures the groups; it is called where the settings ask for it.
    """
    groups = group_infos(task)
    if task.settings.search is None:
        single = _single(task, groups, scores, sensitivity)
        return [Proposal(uniform(groups, 0.0), "dense"), Proposal(single, "single")]
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
    task: Outline,
    groups: Sequence[GroupInfo],
    scores: Mapping[str, Sequence[float]],
    sensitivity: Callable[[], Sensitivity],
) -> Mapping[str, float]:
    """The ratios of the candidate that `sparsity` names."""
    sparsity = task.settings.sparsity
    if sparsity.ratio is not None:
        return uniform(groups, sparsity.ratio)
    if sparsity.ratios is not None:
        return {g.name: sparsity.ratios.get(g.name, 0.0) for g in groups}
    given = [name for name in _TARGETS if getattr(sparsity, name) is not None]
    target = given[0] if given else "macs"
    share = getattr(sparsity, target) or _DEFAULT_MACS

    def size_of(ratios: Mapping[str, float]) -> float:
        return float(getattr(task.cost_of(ratios), _TARGETS[target]))

    most = share * size_of({})
    if sparsity.allocation == "uniform":
        return uniform_ratios(groups, lambda r: size_of(r) <= most, max_ratio=_MAX_RATIO)
    if sparsity.allocation == "global":
        return global_ratios_that_fit(scores, lambda r: size_of(r) <= most, max_ratio=_MAX_RATIO)
    loss = loss_of_scores(scores) if sparsity.allocation == "score" else sensitivity()
    choices = distinct_ratios(groups, task.widths_of, max_ratio=_MAX_RATIO)
    return least_loss(loss, worthwhile(choices, size_of), size_of, target=most)
