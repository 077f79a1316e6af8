"""Importance of channels from gradients of gates, and of low-rank components from their energy."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from dataclasses import replace
from statistics import fmean

import torch
from torch import Tensor

from paretoprune.config.targets.signatures import has_trait
from paretoprune.errors import PruningError
from paretoprune.problem.problem import Problem
from paretoprune.pruning.candidate import Candidate, PrunedCandidate
from paretoprune.pruning.scorers.activation.reconstruction import Reconstruction
from paretoprune.pruning.scorers.gradient.gates import GateScores
from paretoprune.trial.context import TrialContext

_log = logging.getLogger(__name__)

_NUM_SCORED = 4  # batches for the gradients that score the dense model's channels
# weight of a layer's components relative to a channel group
_UNREPAIRED = 0.03


def with_gate_scores(context: TrialContext) -> TrialContext:
    """Return the context with the dense model's `GateScores`, which later trainings can update."""
    with context.watch.on("score"):
        return _with_gate_scores(context)


def _with_gate_scores(context: TrialContext) -> TrialContext:
    problem, candidate = context.problem, context.start.candidate
    dense = copy.deepcopy(context.dense.model).eval()
    for parameter in dense.parameters():  # including frozen layers
        parameter.requires_grad_(parameter.is_floating_point())
    gates = GateScores(dense, problem.groups.prunable)
    for batch in problem.data.training_batches(_NUM_SCORED):
        dense.zero_grad()
        torch.autograd.backward(batch.loss(dense))
        gates()
    found = with_energies(candidate, gates.scores())
    scores = scores_by_gates(problem, candidate, found)
    return replace(context, start=replace(context.start, scores=scores), gates=found)


def scores_by_gates(
    problem: Problem, candidate: Candidate, gates: Mapping[str, Tensor]
) -> Mapping[str, Tensor]:
    """Return the importance of each channel in each group, based on gate scores.

    With a compensation that fits outputs, as least squares does, gate scores are multiplied by the
    share of a channel that the remaining channels cannot reconstruct. Otherwise, and in groups with
    a layer whose inputs cannot be recorded, gate scores are used alone; only the order within a
    group matters. Components of a factored layer are ranked by their singular values.
    """
    if not isinstance(candidate, PrunedCandidate):
        return gates
    return {**_by_gates(problem, candidate, gates), **candidate.energies()}


def with_energies(candidate: Candidate, gates: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give components of layers their share of the squared weights as scores, beside the gates.

    They are those of the merged layers, from which a child of the candidate's is factored. All
    layers have the same total, a small share of a channel group's mean, since least squares
    recovers much more of a removed component than of a removed channel.
    """
    if not gates or not isinstance(candidate, PrunedCandidate) or not candidate.factored:
        return dict(gates)
    energies = candidate.whole().energies()
    channels = [float(values.sum()) for name, values in gates.items() if name not in energies]
    scale = _UNREPAIRED * fmean(channels or [1.0])
    return {**gates, **{name: values * scale for name, values in energies.items()}}


def _by_gates(
    problem: Problem, candidate: PrunedCandidate, gates: Mapping[str, Tensor]
) -> Mapping[str, Tensor]:
    method = problem.settings.compensation_method
    if method is None or not has_trait(method, "fits_outputs"):
        return gates
    scorer = Reconstruction()
    groups = [group for group in candidate.groups if group.slots]
    batches = problem.data.training_batches(scorer.batches)
    try:
        missed = scorer.where_read(candidate.model, groups, batches)
    except PruningError as reason:
        _log.info("channels are ranked by gate scores alone: %s", reason)
        return gates
    if unread := [group.name for group in groups if group.name not in missed]:
        _log.info("channels are ranked by gate scores alone in %s", ", ".join(unread))
    return {name: scores * missed.get(name, 1.0) for name, scores in gates.items()}
