"""The trial context: what all trials of a sweep share, prepared once before the first trial."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

import torch
from torch import Tensor, nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.instantiate import build
from paretoprune.errors import PruningError
from paretoprune.finetune.distillation import Teacher
from paretoprune.finetune.numerics.precision import uses_bfloat16
from paretoprune.low_rank.components import energies_of, refactored
from paretoprune.low_rank.pair import pairs_as_one_layer
from paretoprune.measure.bytes import count_bytes
from paretoprune.measure.combine import combine
from paretoprune.measure.latency.latency import measure_latency
from paretoprune.measure.macs import count_macs
from paretoprune.measure.params import count_params
from paretoprune.measure.quality import measure_quality
from paretoprune.problem.problem import Problem
from paretoprune.pruning.candidate import Candidate, PrunedCandidate
from paretoprune.pruning.compensation.updatable import skipped_layers
from paretoprune.pruning.scorers.activation.reconstruction import Reconstruction
from paretoprune.pruning.scorers.gradient.gates import GateScores
from paretoprune.pruning.unstructured.compressed import count_compressed_bytes
from paretoprune.pruning.unstructured.size import MaskedSize
from paretoprune.quantization.compact import stored_bytes
from paretoprune.results import TRAIN_DENSE, Cost, EpochTime, Metrics
from paretoprune.stopwatch import Stopwatch
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.inputs import unkeyed
from paretoprune.trial.dense_cautions import cautions, trivial_qualities
from paretoprune.trial.dense_model import dense_model, start_from
from paretoprune.trial.scorer_check import check_scorer

_log = logging.getLogger(__name__)

_NUM_SCORED = 6  # batches for the gradients that score the dense model's channels
NUM_CALIBRATION = 256  # training samples for ranges of activations and the shift of BatchNorm
_MOST_NAMED = 8  # maximum number of layers named in one line of the log
# weight of gate scores of rank components relative to channels: the best of 1, .3, .1, .03
_UNREPAIRED = 0.03


@dataclass(frozen=True)
class TrialContext:
    """The state shared by all trials of a sweep: dense model, scores, teacher, hyperparameters.

    Made once per sweep by `make_context`, which trains the dense model or loads it from the cache,
    and written by `save_context`, from which resumed sweeps and workers load it. The dense model is
    in eval mode, on the problem's device, and is never modified; trials work on copies. `scores`
    and `gates` hold one importance per channel, by group name.
    """

    problem: Problem
    dense: nn.Module
    dense_metrics: Metrics
    # the model that trials prune: the dense model, sparsely trained, or with low-rank pairs
    start: Candidate
    # importance of the channels of `start`, as its `prune` expects them
    scores: Mapping[str, Tensor]
    teacher: Teacher | None  # for knowledge distillation, outputs cached; None: no distillation
    finetune: FinetuneSettings  # of the trials
    # `GateScores` of the dense model, if the search ranks channels by gates
    gates: Mapping[str, Tensor] | None = None
    epoch_time: EpochTime | None = None  # of a pruned model, if it was measured
    # Training samples for every quantization; None: there is none.
    calibration: TaskBatch | None = None
    # Qualities of the trivial predictor, which ignores the input, by name; empty if unknown.
    trivial: Mapping[str, float] = field(default_factory=dict)
    watch: Stopwatch = field(default_factory=Stopwatch)  # seconds of this process by use


def make_context(problem: Problem, watch: Stopwatch | None = None) -> TrialContext:
    """Train the dense model or load it from the cache; measure it and score its channels.

    The seconds go to "train_dense", "dense" (measuring) and "score" on `watch`.

    Raises PruningError if the scorer cannot be applied, TrainingError if the training diverges,
    EquivalenceError if a factored network differs from the dense one.
    """
    check_scorer(problem)
    problem.disk_cache.commit()  # everything that can be validated before training is valid
    if problem.guess:
        _log.info("task: %s", problem.guess)
    for caution in (*filter(None, [problem.info.caution]), *problem.contents.cautions):
        _log.warning("data: %s", caution)
    watch = watch or Stopwatch()
    with watch.on(TRAIN_DENSE):
        dense = dense_model(problem)
    with watch.on("dense"):
        dense_metrics = measure(problem, dense, dense=None)
        trivial = trivial_qualities(problem)
    for caution in cautions(problem, dense_metrics, trivial):
        _log.warning(caution)
    with watch.on(TRAIN_DENSE):
        start = start_from(problem, dense)
    _log_skipped(problem, dense)
    scorer = build(problem.settings.scorer, seed=problem.settings.seed)
    with watch.on("score"):
        scores = start.score(scorer, training_batches(problem))
    teacher = teacher_of(problem, dense)
    return TrialContext(
        problem,
        dense,
        dense_metrics,
        start,
        scores,
        teacher,
        problem.settings.finetune,
        trivial=trivial,
        watch=watch,
        calibration=_calibration(problem),
    )


def _calibration(problem: Problem) -> TaskBatch | None:
    if problem.settings.quantization is None:
        return None
    return first_samples(problem, NUM_CALIBRATION)


def with_gate_scores(context: TrialContext) -> TrialContext:
    """Return the context with the dense model's `GateScores`, which later trainings can update."""
    with context.watch.on("score"):
        return _with_gate_scores(context)


def _with_gate_scores(context: TrialContext) -> TrialContext:
    problem = context.problem
    whole = context.start.model if problem.groups.factored else context.dense
    dense = copy.deepcopy(whole).eval()
    for parameter in dense.parameters():  # including frozen layers
        parameter.requires_grad_(parameter.is_floating_point())
    gates = GateScores(dense, problem.groups.prunable)
    with pairs_as_one_layer(dense):
        for batch in training_batches(problem, _NUM_SCORED):
            dense.zero_grad()
            torch.autograd.backward(batch.loss(dense))
            gates()
    found = with_energies(problem, dense, gates.scores())
    return replace(context, scores=scores_by_gates(problem, context.start, found), gates=found)


def scores_by_gates(
    problem: Problem, candidate: Candidate, gates: Mapping[str, Tensor]
) -> Mapping[str, Tensor]:
    """Return the importance of each channel in each group, based on gate scores.

    With least-squares compensation, gate scores are multiplied by the share of a channel that the
    remaining channels cannot reconstruct. Otherwise, and in groups with a layer whose inputs cannot
    be recorded, gate scores are used alone; only the order within a group matters. Components of a
    factored layer are ranked by their singular values.
    """
    return {**_by_gates(problem, candidate, gates), **_by_energy(problem, candidate)}


def with_energies(
    problem: Problem, model: nn.Module, gates: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Replace the gate scores of low-rank components by their share of the squared singular values.

    These predict the loss after least-squares compensation better: for ResNet-20 at half the MACs
    by ranks alone, the divergence is .08 instead of .12 nats. All factored layers have the same
    total, a small share of their gate scores, since least squares recovers much more of a removed
    component than of a removed channel. Components are ordered as in `refactored(model)`.
    """
    ranks = problem.space.ranks
    energies = energies_of(refactored(model)) if ranks and gates else {}
    known = {
        layer.group: energies[layer.path]
        for layer in (ranks.layers if ranks else ())
        if layer.path in energies and layer.group in gates
    }
    if not known:
        return dict(gates)
    scale = _UNREPAIRED * sum(float(gates[name].sum()) for name in known) / len(known)
    return {**gates, **{name: values * scale for name, values in known.items()}}


def _by_energy(problem: Problem, candidate: Candidate) -> dict[str, Tensor]:
    ranks = problem.space.ranks
    energies = energies_of(candidate.model) if ranks else {}
    layers = ranks.layers if ranks else ()
    return {layer.group: energies[layer.path] for layer in layers if layer.path in energies}


def _by_gates(
    problem: Problem, candidate: Candidate, gates: Mapping[str, Tensor]
) -> Mapping[str, Tensor]:
    if problem.settings.compensation_method != "least_squares" or not isinstance(
        candidate, PrunedCandidate
    ):
        return gates
    scorer = Reconstruction()
    groups = [group for group in candidate.groups if group.slots]
    batches = training_batches(problem, scorer.batches)
    try:
        missed = scorer.where_read(candidate.model, groups, batches)
    except PruningError as reason:
        _log.info("channels are ranked by gate scores alone: %s", reason)
        return gates
    if unread := [group.name for group in groups if group.name not in missed]:
        _log.info("channels are ranked by gate scores alone in %s", ", ".join(unread))
    return {name: scores * missed.get(name, 1.0) for name, scores in gates.items()}


def first_samples(problem: Problem, count: int) -> TaskBatch:
    """Return the first `count` training samples on the device, or all if there are fewer."""
    found: list[TaskBatch] = []
    for batch in training_batches(problem):
        found.append(batch)
        if sum(map(len, found)) >= count:
            break
    return TaskBatch.joined(found)[:count]


def _log_skipped(problem: Problem, dense: nn.Module) -> None:
    """Log the layers that compensation does not update, with the reasons."""
    if problem.settings.compensation_method is None:
        return
    skipped = [f"`{path}` ({reason})" for path, reason in skipped_layers(dense).items()]
    if skipped:
        more = f" and {len(skipped) - _MOST_NAMED} more" if len(skipped) > _MOST_NAMED else ""
        named = ", ".join(skipped[:_MOST_NAMED])
        _log.info("compensation does not update these layers: %s%s", named, more)


def teacher_of(problem: Problem, dense: nn.Module) -> Teacher | None:
    """Return the teacher for knowledge distillation; None if distillation is off."""
    return make_teacher(problem, dense) if problem.settings.finetune.distillation > 0 else None


def make_teacher(problem: Problem, dense: nn.Module) -> Teacher:
    """Return a teacher whose outputs are computed when first needed."""
    # A user's own loader gives no keys of its samples.
    num_keys = getattr(problem.data.train_dataloader(), "num_keys", 0)
    return Teacher(
        dense,
        problem.task,
        device=problem.device,
        num_keys=num_keys if problem.task.caches_teacher else 0,
        bfloat16=uses_bfloat16(problem.settings.finetune.precision, problem.device),
    )


def measure(
    problem: Problem, model: nn.Module, *, dense: tuple[nn.Module, Metrics] | None
) -> Metrics:
    """Measure everything that the settings ask for, on validation data; `dense` is the
    reference."""
    loader = problem.data.val_dataloader()
    quality = measure_quality(problem.task, model, loader, device=problem.device)
    latency = None
    if problem.settings.measure.latency:
        latency = measure_latency(
            model,
            problem.example,
            problem.settings.measure,
            device=problem.device,
            dense=dense[0] if dense else None,
        )
    metrics = combine(
        quality,
        counted_cost(problem, model),
        size_bytes=count_bytes(model),
        stored_bytes=stored_bytes(model, problem.example),
        latency=latency,
        dense=dense[1] if dense else None,
    )
    if problem.space.layers is None:
        return metrics
    return replace(metrics, compressed_bytes=count_compressed_bytes(model.state_dict()))


def counted_cost(problem: Problem, model: nn.Module) -> Cost:
    """Count parameters and MACs; for unstructured pruning, without zeros."""
    if isinstance(problem.space.size, MaskedSize):
        return problem.space.size.cost_of(model)
    return Cost(params=count_params(model), macs=count_macs(model, problem.example))


def training_batches(problem: Problem, limit: int | None = None) -> Iterator[TaskBatch]:
    """Yield batches of the training data on the device; at most `limit`.

    Contiguous memory format: scorers take gradients of narrow layers, and some of oneDNN's are
    wrong in channels-last format (see `finetune/numerics/memory_format.py`).
    """
    for batch in islice(iter(problem.data.train_dataloader()), limit):
        yield TaskBatch(problem.task, unkeyed(batch)).to(problem.device).contiguous()
