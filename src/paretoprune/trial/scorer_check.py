"""A trial run of the scorer on the untrained network, so that it fails before the training."""

from __future__ import annotations

import copy

import torch

from paretoprune.config.instantiate import build
from paretoprune.problem.problem import Problem
from paretoprune.pruning.candidate import Candidate, MaskedCandidate, PrunedCandidate
from paretoprune.pruning.structured.plan import Plan
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.inputs import unkeyed

_NUM_SAMPLES = 16


def check_scorer(problem: Problem) -> None:
    """Score the units of the network once, on a few samples, and discard the scores.

    Raises PruningError if the scorer cannot be applied to a group, and whatever a user's own scorer
    raises.
    """
    scorer = build(problem.settings.scorer, seed=problem.settings.seed)
    with torch.random.fork_rng(devices=[]):
        batch = unkeyed(next(iter(problem.data.val_dataloader())))
        few = TaskBatch(problem.task, batch)[:_NUM_SAMPLES].to(problem.device).contiguous()
        _untrained(problem).score(scorer, [few])


def _untrained(problem: Problem) -> Candidate:
    """Return the candidate that trials prune, with the weights from before the training."""
    model = copy.deepcopy(problem.model).eval()
    if problem.space.layers is not None:
        return MaskedCandidate(model, problem.space.layers)
    groups = problem.groups
    return PrunedCandidate(model, Plan({}), groups.prunable, groups.factored)
