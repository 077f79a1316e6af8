"""Inspection of the network that settings name: groups, least widths, scores and sensitivity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from paretoprune.config.settings import Settings
from paretoprune.problem.problem import Problem, make_problem
from paretoprune.search.allocation.sensitivity import Sensitivity, measure_sensitivity
from paretoprune.trial.context import make_context
from paretoprune.trial.proxy import dense_divergence

_LEVELS = (0.25, 0.5, 0.75)  # ratios at which the sensitivity of a group is measured


@dataclass(frozen=True)
class Prunable:
    """The problem of some settings, with the least width of each group."""

    problem: Problem
    least: Mapping[str, int]


@dataclass(frozen=True)
class Answers:
    """Measurements of the trained dense model; None for those that were not asked for."""

    scores: Mapping[str, Tensor] | None  # of each group's channels: (width,)
    sensitivity: Sensitivity | None


def find_prunable(settings: Settings) -> Prunable:
    """Find the groups of the settings' network; nothing is trained.

    Raises:
        DataError, WeightsError, PruningError: the data, the weights or the network cannot be used.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    problem = make_problem(settings)
    least = problem.costs.widths_of({group.name: 1.0 for group in problem.groups.prunable})
    problem.disk.commit()
    return Prunable(problem, least)


def ask(found: Prunable, *, scores: bool, sensitivity: bool) -> Answers:
    """Train the dense model, or load it from the cache, and answer questions about it.

    Raises:
        TrainingError: the training diverges.
    """
    context = make_context(found.problem)
    groups, start = [group.info for group in context.groups.prunable], context.start
    return Answers(
        start.candidate.unit_scores(start.scores) if scores else None,
        measure_sensitivity(groups, dense_divergence(context), levels=_LEVELS)
        if sensitivity
        else None,
    )
