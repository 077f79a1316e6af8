"""What a sweep prepares once: the trained dense model, its measures, scores and answers."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paretoprune.config import FinetuneSettings, Settings
from paretoprune.dense import dense_model, start_from
from paretoprune.errors import PruningError
from paretoprune.finetune import Teacher, uses_bfloat16
from paretoprune.low_rank import energies_of, refactored
from paretoprune.measure import (
    combine,
    count_bytes,
    count_macs,
    count_params,
    measure_latency,
    measure_quality,
)
from paretoprune.outline import Outline
from paretoprune.pruning import Candidate, GateScores, Narrowed
from paretoprune.pruning.compensation import skipped_layers
from paretoprune.pruning.scorers import Reconstruction
from paretoprune.pruning.unstructured import ZeroedSize, count_compressed_bytes
from paretoprune.quantization import stored_bytes
from paretoprune.results import Cost, EpochTime, Metrics
from paretoprune.targets import build

_log = logging.getLogger(__name__)

_NUM_SCORED = 6  # batches whose gradients score the dense model's channels
_MOST_NAMED = 8  # layers in one line of the log
_UNREPAIRED = 0.03  # of what gates say of components, beside channels: the best of 1, .3, .1, .03
_SUSPICIOUS = 1.0  # percentage points of validation accuracy above the published one


@dataclass(frozen=True)
class Prepared:
    """All that trials share. The dense model is in eval mode and is never changed."""

    outline: Outline
    dense: nn.Module
    dense_metrics: Metrics
    start: Candidate  # what trials prune: the dense model, trained for that, or with pairs
    scores: Mapping[str, Tensor]  # of `start`, as its `cut` takes them
    teacher: Teacher | None  # the dense model's answers, cached; None without distillation
    finetune: FinetuneSettings  # of the trials
    gates: Mapping[str, Tensor] | None = None  # where the search goes by them: its `GateScores`
    epoch_time: EpochTime | None = None  # of a pruned model, if it was measured


def prepare(task: Outline) -> Prepared:
    """Train the dense model or take it from the cache, measure it, score its channels."""
    task.findings.keep()  # all that can be known before the training is right
    for caution in (*filter(None, [task.info.caution]), *task.contents.cautions):
        _log.warning("data: %s", caution)
    dense = dense_model(task)
    dense_metrics = measure(task, dense, dense=None)
    _warn_if_flattered(task.settings, dense_metrics)
    _warn_if_too_bad(task.settings, dense_metrics)
    _warn_if_trivial(task, dense_metrics)
    start = start_from(task, dense)
    _log_skipped(task, dense)
    scorer = build(task.settings.scorer, seed=task.settings.seed)
    scores = start.score(scorer, training_batches(task))
    teacher = teacher_of(task, dense)
    return Prepared(task, dense, dense_metrics, start, scores, teacher, task.settings.finetune)


def with_gate_scores(prepared: Prepared) -> Prepared:
    """The same with the dense model's `GateScores`, which trainings can go on gathering."""
    task = prepared.outline
    whole = prepared.start.model if task.groups.factored else prepared.dense
    dense = copy.deepcopy(whole).eval()
    for parameter in dense.parameters():  # of frozen layers, too
        parameter.requires_grad_(parameter.is_floating_point())
    gates = GateScores(dense, task.groups.prunable)
    for inputs, labels in training_batches(task, _NUM_SCORED):
        dense.zero_grad()
        torch.autograd.backward(cross_entropy(dense(inputs), labels))
        gates()
    found = with_energies(task, dense, gates.scores())
    return replace(prepared, scores=scores_by_gates(task, prepared.start, found), gates=found)


def scores_by_gates(
    task: Outline, candidate: Candidate, gates: Mapping[str, Tensor]
) -> Mapping[str, Tensor]:
    """Which channels of each group go first, where gates say how many.

    If kept weights make up for what goes, gates times what the others cannot make up for.
    Elsewhere, and in groups of which a layer's inputs cannot be read, the gates alone: only the
    order within a group counts. Components of a factored layer go by their singular values.
    """
    return {**_by_gates(task, candidate, gates), **_by_energy(task, candidate)}


def with_energies(
    task: Outline, model: nn.Module, gates: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Gate scores in which components have their share of the layer's squared singular values.

    They tell better what is lost once least squares have repaired it: of ResNet-20 at half the MACs
    by ranks alone the divergence is .08 instead of .12 nats. All layers count alike, together a
    small share of their gates, since least squares repair much more of a lost component than of a
    lost channel. Components are ordered as in `refactored(model)`.
    """
    ranks = task.removable.ranks
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


def _by_energy(task: Outline, candidate: Candidate) -> dict[str, Tensor]:
    ranks = task.removable.ranks
    energies = energies_of(candidate.model) if ranks else {}
    layers = ranks.layers if ranks else ()
    return {layer.group: energies[layer.path] for layer in layers if layer.path in energies}


def _by_gates(
    task: Outline, candidate: Candidate, gates: Mapping[str, Tensor]
) -> Mapping[str, Tensor]:
    if task.settings.compensation_method != "least_squares" or not isinstance(candidate, Narrowed):
        return gates
    scorer = Reconstruction()
    groups = [group for group in candidate.groups if group.slots]
    batches = training_batches(task, scorer.batches)
    try:
        missed = scorer.where_read(candidate.model, groups, batches)
    except PruningError as reason:
        _log.info("channels go by their gates alone: %s", reason)
        return gates
    if unread := [group.name for group in groups if group.name not in missed]:
        _log.info("channels go by their gates alone in %s", ", ".join(unread))
    return {name: scores * missed.get(name, 1.0) for name, scores in gates.items()}


def _log_skipped(task: Outline, dense: nn.Module) -> None:
    """Name the layers whose kept weights do not make up for what goes."""
    if task.settings.compensation_method is None:
        return
    skipped = [f"`{path}` ({reason})" for path, reason in skipped_layers(dense).items()]
    if skipped:
        more = f" and {len(skipped) - _MOST_NAMED} more" if len(skipped) > _MOST_NAMED else ""
        named = ", ".join(skipped[:_MOST_NAMED])
        _log.info("compensation leaves these layers as they are: %s%s", named, more)


def teacher_of(task: Outline, dense: nn.Module) -> Teacher | None:
    """The dense model's answers, which the sweep distils from; None without distillation."""
    return make_teacher(task, dense) if task.settings.finetune.distillation > 0 else None


def make_teacher(task: Outline, dense: nn.Module) -> Teacher:
    """The dense model's answers, computed when they are first needed."""
    loader = task.data.train_dataloader()
    return Teacher(
        dense,
        num_classes=task.info.num_classes,
        device=task.device,
        num_keys=getattr(loader, "num_keys", 0),  # a user's own loader gives no keys
        bfloat16=uses_bfloat16(task.settings.finetune.precision, task.device),
    )


def measure(task: Outline, model: nn.Module, *, dense: tuple[nn.Module, Metrics] | None) -> Metrics:
    """Everything the settings ask for, on validation data, beside the dense model."""
    quality = measure_quality(
        model, task.data.val_dataloader(), num_classes=task.info.num_classes, device=task.device
    )
    latency = None
    if task.settings.measure.latency:
        latency = measure_latency(
            model,
            task.example,
            task.settings.measure,
            device=task.device,
            dense=dense[0] if dense else None,
        )
    metrics = combine(
        quality,
        counted_cost(task, model),
        size_bytes=count_bytes(model),
        stored_bytes=stored_bytes(model, task.example),
        latency=latency,
        dense=dense[1] if dense else None,
    )
    if task.removable.layers is None:
        return metrics
    return replace(metrics, compressed_bytes=count_compressed_bytes(model.state_dict()))


def counted_cost(task: Outline, model: nn.Module) -> Cost:
    """Parameters and MACs by counting; where weights go instead of channels, without zeros."""
    if isinstance(task.removable.size, ZeroedSize):
        return task.removable.size.cost_of(model)
    return Cost(params=count_params(model), macs=count_macs(model, task.example))


def training_batches(task: Outline, limit: int | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    """`(inputs, labels)` of the training part, on the device; the first `limit` batches.

    In the usual memory order: scorers take gradients of narrow layers, and oneDNN's are wrong for
    some of these in channels-last order (see `finetune/layout.py`).
    """
    for batch in islice(iter(task.data.train_dataloader()), limit):
        yield batch[0].to(task.device).contiguous(), batch[1].to(task.device)


def _warn_if_flattered(settings: Settings, metrics: Metrics) -> None:
    published, found = settings.model.published_accuracy, metrics.accuracy
    if published is not None and found is not None and found > published + _SUSPICIOUS:
        _log.warning(
            "the dense model reaches %.1f %% on the validation data, %.1f points above the "
            "published %.1f %%: it has probably seen these samples, which flatters models that "
            "are barely pruned; set `data.validation_from=test`",
            found,
            found - published,
            published,
        )


def _warn_if_too_bad(settings: Settings, metrics: Metrics) -> None:
    """No mistake: a pruned model may well be better than the dense one, by a little."""
    least, found = settings.sparsity.min_accuracy, metrics.accuracy
    if least is not None and found is not None and found < least:
        _log.warning(
            "the dense model reaches %.1f %% on the validation data, less than "
            "`sparsity.min_accuracy=%g`: only models that become better than it can meet that",
            found,
            least,
        )


def _warn_if_trivial(task: Outline, metrics: Metrics) -> None:
    """The trivial predictor gives every sample the commonest label of the validation data."""
    trivial, found = task.contents.commonest, metrics.accuracy
    if found is not None and found <= trivial:
        _log.warning(
            "the dense model reaches %.1f %% on the validation data, no more than the trivial "
            "predictor, which always answers the commonest class (%.1f %%): what is pruned from it "
            "means nothing; train it longer (`model.train.epochs`), or check data, labels, "
            "normalisation and weights",
            found,
            trivial,
        )
