"""One trial as a function: prune, fine-tune, measure."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from paretoprune.files import read_json, write_json
from paretoprune.low_rank import merged, refactored
from paretoprune.prepare import Prepared, measure, scores_by_gates, with_energies
from paretoprune.pruning import (
    Candidate,
    Narrowed,
    Plan,
    Zeroed,
    check_equivalence,
    rebuild,
    save_state,
)
from paretoprune.results import Job, TrialResult
from paretoprune.schedules import SCHEDULES, Start, Trained
from paretoprune.schedules.nested import dense_scores

_SCORES = "scores.json"  # in a trial's folder: what its training said of its channels


def run_trial(prepared: Prepared, job: Job, *, folder: Path) -> TrialResult:
    """Carry out one job; `folder` receives the plan and the weights.

    Raises EquivalenceError if the pruned model is not the masked dense model, TrainingError if the
    training diverges.
    """
    started = time.perf_counter()
    groups = prepared.outline.groups.prunable
    if all(job.widths[group.name] == group.width for group in groups):
        trained, metrics = Trained(_dense(prepared), ()), prepared.dense_metrics
    else:
        trained = train(prepared, job, start_from(prepared, job.parent, trials=folder.parent))
        metrics = None
    finetuned = time.perf_counter()
    training = sum(record.seconds for record in trained.curve)
    compensating = trained.compensation.get("seconds", 0.0)
    if metrics is None:
        dense = (prepared.dense, prepared.dense_metrics)
        metrics = measure(prepared.outline, _delivered(prepared, trained.candidate), dense=dense)
    write_json(folder / "plan.json", trained.candidate.plan.to_json())
    left = with_energies(prepared.outline, trained.candidate.model, trained.scores)
    scores = {name: tuple(values.tolist()) for name, values in left.items()}
    if scores:
        write_json(folder / _SCORES, scores)
    save_state(folder / "model.safetensors", trained.candidate.model)
    return TrialResult(
        number=job.number,
        state="complete",
        origin=job.origin,
        ratios=dict(job.ratios),
        widths=trained.candidate.widths(),
        metrics=metrics,
        seed=job.seed,
        curve=trained.curve,
        parent=job.parent,
        compensation=trained.compensation,
        epochs=trained.epochs,
        asked_epochs=job.epochs,
        rung=job.rung,
        nested=job.nested,
        scores=scores,
        seconds={
            "prune": finetuned - started - training - compensating,
            "compensate": compensating,
            "finetune": training,
            "measure": time.perf_counter() - finetuned,
        },
    )


def _delivered(prepared: Prepared, candidate: Candidate) -> nn.Module:
    """The candidate's model with pairs merged that save nothing, proved to compute the same."""
    model = merged(candidate.model)
    if model is not candidate.model:
        check_equivalence(candidate.model, model, prepared.outline.example)
    return model


def _dense(prepared: Prepared) -> Candidate:
    """The dense model with nothing gone; where ranks are searched, with pairs of full rank."""
    if prepared.outline.groups.factored:
        return prepared.start
    if isinstance(prepared.start, Zeroed):
        return replace(prepared.start, model=prepared.dense)
    return Narrowed(prepared.dense, Plan({}), prepared.outline.groups.prunable)


def start_from(prepared: Prepared, parent: int | None, *, trials: Path) -> Start:
    """A trial's model, from the folder of all trials; the dense one if it is None."""
    if parent is None:
        return Start(prepared.start, prepared.scores)
    folder = trials / f"{parent:04d}"
    groups = prepared.outline.groups.prunable
    plan = Plan.from_json(read_json(folder / "plan.json"))
    whole = copy.deepcopy(prepared.start.model)
    model = rebuild(whole, groups, plan, folder / "model.safetensors").eval()
    if isinstance(prepared.start, Zeroed):
        return Start(replace(prepared.start, model=model), prepared.scores)
    if (folder / _SCORES).is_file():  # else components have an order that must stay
        model = refactored(model)
    candidate = Narrowed(model, plan, groups)
    return Start(candidate, _scores_of(prepared, candidate, folder))


def _scores_of(prepared: Prepared, candidate: Narrowed, folder: Path) -> Mapping[str, Tensor]:
    """By the gates of the parent's training, else the dense model's scores of the same channels."""
    if (folder / _SCORES).is_file():
        left = read_json(folder / _SCORES)
        gates = {name: torch.tensor(scores) for name, scores in left.items()}
        return scores_by_gates(prepared.outline, candidate, gates)
    return dense_scores(prepared, candidate)


def train(prepared: Prepared, job: Job, start: Start) -> Trained:
    """Prune to the job's widths and train, as the schedule says."""
    return SCHEDULES[prepared.outline.settings.schedule.name](prepared, job, start)
