"""One trial as a function: prune, fine-tune, measure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from paretoprune.config.instantiate import build
from paretoprune.problem.forms import load_delivered
from paretoprune.problem.problem import seed_all
from paretoprune.pruning.candidate import Candidate, MaskedCandidate, PrunedCandidate
from paretoprune.pruning.structured.checkpoint import save_state
from paretoprune.pruning.structured.plan import Plan
from paretoprune.results import Job, TrialResult
from paretoprune.results.jobs import UNTRAINED
from paretoprune.results.trials import QuantizedResult
from paretoprune.storage.atomic import read_json, write_json
from paretoprune.storage.numerics import write_numerics
from paretoprune.trial.context import TrialContext, measure
from paretoprune.trial.gate_scores import scores_by_gates, with_energies
from paretoprune.trial.quantized import quantized_models
from paretoprune.trial.schedules.interface import Schedule, Start, Trained
from paretoprune.trial.schedules.parts.nested import dense_scores
from paretoprune.trial.schedules.parts.steps import trained_epochs

_SCORES = "scores.json"  # in a trial's folder: channel scores gathered during its training


def run_trial(context: TrialContext, job: Job, *, folder: Path) -> TrialResult:
    """Run one job; `folder` receives the plan and the weights.

    Raises EquivalenceError if the pruned model differs from the masked dense model, TrainingError
    if the training diverges.
    """
    before = context.watch.seconds()
    with context.watch.on("prune"):
        result = _run_trial(context, job, folder)
    return replace(result, seconds=context.watch.seconds_since(before))


def _run_trial(context: TrialContext, job: Job, folder: Path) -> TrialResult:
    groups = context.groups.prunable
    if all(job.widths[group.name] == group.width for group in groups):
        trained, metrics = Trained(_dense(context), ()), context.dense.metrics
    else:
        seed_all(job.seed)  # a user's own loader draws its order from the global generators
        trained = train(context, job, start_from(context, job.parent, trials=folder.parent))
        dense = (context.dense.model, context.dense.metrics)
        with context.watch.on("measure"):
            metrics = measure(context.problem, trained.candidate.model, dense=dense)
    epochs = trained_epochs(context, job, trained)
    quantized: tuple[QuantizedResult, ...] = ()
    if job.origin != UNTRAINED:
        with context.watch.on("quantize"):
            quantized, errors = quantized_models(
                context, trained.candidate.model, metrics, rivals=job.rivals
            )
        write_numerics(folder, errors)
    candidate = trained.candidate
    write_json(folder / "plan.json", candidate.plan.to_json())
    left = with_energies(candidate, trained.scores)
    scores = {name: tuple(values.tolist()) for name, values in left.items()}
    if scores:
        write_json(folder / _SCORES, scores)
    save_state(folder / "model.safetensors", candidate.model)
    return TrialResult(
        number=job.number,
        state="complete",
        origin=job.origin,
        ratios=dict(job.ratios),
        widths=candidate.widths(),
        metrics=metrics,
        seed=job.seed,
        curve=trained.curve,
        parent=job.parent,
        compensation=trained.compensation,
        epochs=epochs,
        asked_epochs=job.epochs if job.seconds is None else epochs,
        rung=job.rung,
        nested=job.nested,
        scores=scores,
        quantized=quantized,
        rivals=job.rivals,
    )


def _dense(context: TrialContext) -> Candidate:
    """Return the unpruned dense model."""
    start, dense, groups = context.start.candidate, context.dense.model, context.groups
    if isinstance(start, MaskedCandidate):
        return replace(start, model=dense)
    return PrunedCandidate(dense, Plan({}), groups.prunable, groups.factored)


def start_from(context: TrialContext, parent: int | None, *, trials: Path) -> Start:
    """Load a parent trial's model from the folder of all trials; the dense model for None."""
    if parent is None:
        return context.start
    folder = trials / f"{parent:04d}"
    groups, start = context.groups, context.start
    plan = Plan.from_json(read_json(folder / "plan.json"))
    dense = copy.deepcopy(start.model)
    model = load_delivered(dense, groups, plan, folder / "model.safetensors").eval()
    if isinstance(start.candidate, MaskedCandidate):
        return Start(replace(start.candidate, model=model), start.scores)
    candidate = PrunedCandidate(model, plan, groups.prunable, groups.factored).whole()
    return Start(candidate, _scores_of(context, candidate, folder))


def _scores_of(
    context: TrialContext, candidate: PrunedCandidate, folder: Path
) -> Mapping[str, Tensor]:
    """Return scores by the gates of the parent's training, else the dense model's scores."""
    if (folder / _SCORES).is_file():
        left = read_json(folder / _SCORES)
        gates = {name: torch.tensor(scores) for name, scores in left.items()}
        with context.watch.on("score"):
            return scores_by_gates(context.problem, candidate, gates)
    return dense_scores(context, candidate)


def train(context: TrialContext, job: Job, start: Start) -> Trained:
    """Prune to the job's widths and train, according to the schedule."""
    schedule: Schedule = build(context.settings.schedule)
    return schedule(context, job, start)
