"""The trial context: what all trials of a sweep share, prepared once before the first trial."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from torch import Tensor, nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.instantiate import build
from paretoprune.config.settings import Settings
from paretoprune.finetune.distillation import Teacher
from paretoprune.finetune.numerics.precision import uses_bfloat16
from paretoprune.measure.bytes import count_bytes
from paretoprune.measure.combine import combine
from paretoprune.measure.latency.latency import measure_latency
from paretoprune.measure.macs import count_macs
from paretoprune.measure.params import count_params
from paretoprune.measure.quality import measure_quality
from paretoprune.problem.costs import Costs
from paretoprune.problem.problem import Problem
from paretoprune.problem.task_data import TaskData
from paretoprune.pruning.candidate import Candidate
from paretoprune.pruning.compensation.updatable import skipped_layers
from paretoprune.pruning.groups import Groups
from paretoprune.pruning.unstructured.compressed import count_compressed_bytes
from paretoprune.pruning.unstructured.size import MaskedSize
from paretoprune.quantization.compact import stored_bytes
from paretoprune.results import Cost, EpochTime, Metrics
from paretoprune.results.training import TRAIN_DENSE
from paretoprune.stopwatch import Stopwatch
from paretoprune.tasks.bound import TaskBatch
from paretoprune.trial.dense_cautions import cautions, trivial_qualities
from paretoprune.trial.dense_model import dense_model, start_from
from paretoprune.trial.scorer_check import check_scorer

_log = logging.getLogger(__name__)
NUM_CALIBRATION = 256  # training samples for ranges of activations and the shift of BatchNorm
_MOST_NAMED = 8  # maximum number of layers named in one line of the log


@dataclass(frozen=True)
class DenseModel:
    """The dense model, never modified, with the measurements that trials are compared with."""

    model: nn.Module  # in eval mode, on the problem's device
    metrics: Metrics
    # Qualities of the trivial predictor, which ignores the input, by name; empty if unknown.
    trivial: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """The model that a trial prunes: the dense model, or the model of its parent trial."""

    candidate: Candidate  # the dense model, sparsely trained or not, or a trial's
    scores: Mapping[str, Tensor]  # importance of each channel, by group: (width of the group,)

    @property
    def model(self) -> nn.Module:
        """The network of the candidate."""
        return self.candidate.model


@dataclass(frozen=True)
class TrialTraining:
    """The training of trials: hyperparameters, teacher, time of an epoch."""

    finetune: FinetuneSettings
    teacher: Teacher | None  # for knowledge distillation, outputs cached; None: no distillation
    epoch_time: EpochTime | None = None  # of a pruned model, if it was measured


@dataclass(frozen=True)
class TrialContext:
    """The state shared by all trials of a sweep: dense model, scores, training.

    Made once per sweep by `make_context`, which trains the dense model or loads it from the cache,
    and written by `save_context`, from which resumed sweeps and workers load it. Trials work on
    copies of its models.
    """

    problem: Problem
    dense: DenseModel
    start: Start  # of trials without a parent
    training: TrialTraining
    # `GateScores` of the dense model, if the search ranks channels by gates
    gates: Mapping[str, Tensor] | None = None
    # Training samples for every quantization; None: there is none.
    calibration: TaskBatch | None = None
    watch: Stopwatch = field(default_factory=Stopwatch)  # seconds of this process by use

    @property
    def settings(self) -> Settings:
        """The settings of the problem."""
        return self.problem.settings

    @property
    def data(self) -> TaskData:
        """The data of the problem."""
        return self.problem.data

    @property
    def groups(self) -> Groups:
        """The groups of the problem."""
        return self.problem.groups

    @property
    def costs(self) -> Costs:
        """The widths and costs of candidates."""
        return self.problem.costs

    @property
    def finetune(self) -> FinetuneSettings:
        """The settings of fine-tuning, with the learning rate that was found."""
        return self.training.finetune


def make_context(problem: Problem, watch: Stopwatch | None = None) -> TrialContext:
    """Train the dense model or load it from the cache; measure it and score its channels.

    The seconds go to "train_dense", "dense" (measuring) and "score" on `watch`.

    Raises PruningError if the scorer cannot be applied, TrainingError if the training diverges,
    EquivalenceError if a factored network differs from the dense one.
    """
    check_scorer(problem)
    problem.disk.commit()  # everything that can be validated before training is valid
    if problem.notes.task:
        _log.info("task: %s", problem.notes.task)
    for caution in problem.notes.data:
        _log.warning("data: %s", caution)
    watch = watch or Stopwatch()
    with watch.on(TRAIN_DENSE):
        dense = dense_model(problem)
    with watch.on("dense"):
        dense_metrics = measure(problem, dense, dense=None)
        trivial = trivial_qualities(problem.data)
    for caution in cautions(problem, dense_metrics, trivial):
        _log.warning(caution)
    with watch.on(TRAIN_DENSE):
        start = start_from(problem, dense)
    _log_skipped(problem, dense)
    scorer = build(problem.settings.scorer, seed=problem.settings.seed)
    with watch.on("score"):
        scores = start.score(scorer, problem.data.training_batches())
    return TrialContext(
        problem,
        DenseModel(dense, dense_metrics, trivial),
        Start(start, scores),
        TrialTraining(problem.settings.finetune, teacher_of(problem, dense)),
        calibration=_calibration(problem),
        watch=watch,
    )


def _calibration(problem: Problem) -> TaskBatch | None:
    if problem.settings.quantization is None:
        return None
    return problem.data.first_samples(NUM_CALIBRATION)


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
    finetune = problem.settings.finetune
    return make_teacher(problem.data, dense, finetune) if finetune.distillation > 0 else None


def make_teacher(data: TaskData, dense: nn.Module, finetune: FinetuneSettings) -> Teacher:
    """Return a teacher whose outputs are computed when first needed."""
    # A user's own loader gives no keys of its samples.
    num_keys = getattr(data.train_dataloader(), "num_keys", 0)
    return Teacher(
        dense,
        data.task,
        device=data.device,
        num_keys=num_keys if data.task.caches_teacher else 0,
        bfloat16=uses_bfloat16(finetune.precision, data.device),
    )


def measure(
    problem: Problem, model: nn.Module, *, dense: tuple[nn.Module, Metrics] | None
) -> Metrics:
    """Measure everything that the settings ask for, on validation data; `dense` is the
    reference."""
    loader, settings = problem.data.val_dataloader(), problem.settings.measure
    quality = measure_quality(problem.task, model, loader, device=problem.device)
    latency = None
    if settings.latency:
        latency = measure_latency(
            model,
            problem.example,
            settings,
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
    size = problem.space.size
    if isinstance(size, MaskedSize):
        return size.cost_of(model)
    return Cost(params=count_params(model), macs=count_macs(model, problem.example))
