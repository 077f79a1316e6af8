"""What a sweep prepares once: the trained dense model, its measures, scores and answers."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div

from paretoprune.config import FinetuneSettings, Settings
from paretoprune.errors import WeightsError
from paretoprune.files import digest_of, read_sealed, write_sealed
from paretoprune.finetune import Pressure, Teacher, fit, recalibrate_batchnorm
from paretoprune.measure import (
    combine,
    count_bytes,
    count_macs,
    count_params,
    measure_latency,
    measure_quality,
)
from paretoprune.outline import Outline, fresh_model
from paretoprune.pruning import Candidate, Narrowed, Plan, Zeroed
from paretoprune.pruning.checkpoint import load_state, save_state
from paretoprune.pruning.penalties import Penalty, bn_scale, group_lasso, l1
from paretoprune.pruning.unstructured import ZeroedSize, count_compressed_bytes
from paretoprune.results import Cost, EpochRecord, Metrics
from paretoprune.targets import build

_log = logging.getLogger(__name__)

_NUM_PROBES = 4  # batches that re-calibrate BatchNorm before a divergence is measured
_SUSPICIOUS = 1.0  # percentage points of validation accuracy above the published one


@dataclass(frozen=True)
class Prepared:
    """All that trials share. The dense model is in eval mode and is never changed."""

    outline: Outline
    dense: nn.Module
    dense_metrics: Metrics
    start: Candidate  # what trials prune: the dense model, as it was trained before pruning
    scores: Mapping[str, Tensor]  # of `start`, as its `cut` takes them
    teacher: Teacher | None  # the dense model's answers, cached; None without distillation
    finetune: FinetuneSettings  # of the trials


def prepare(task: Outline) -> Prepared:
    """Train the dense model or take it from the cache, measure it, score its channels."""
    dense = _dense_model(task)
    dense_metrics = measure(task, dense, dense=None)
    _warn_if_flattered(task.settings, dense_metrics)
    start = start_from(task, dense)
    scorer = build(task.settings.scorer, seed=task.settings.seed)
    scores = start.score(scorer, training_batches(task))
    teacher = teacher_of(task, dense)
    return Prepared(task, dense, dense_metrics, start, scores, teacher, task.settings.finetune)


def teacher_of(task: Outline, dense: nn.Module) -> Teacher | None:
    """The dense model's answers, computed when they are first needed; None without distillation."""
    if task.settings.finetune.distillation == 0:
        return None
    loader = task.data.train_dataloader()
    return Teacher(
        dense,
        num_classes=task.info.num_classes,
        device=task.device,
        num_keys=getattr(loader, "num_keys", 0),  # a user's own loader gives no keys
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


def divergence(prepared: Prepared, ratios: Mapping[str, float]) -> float:
    """How far the outputs move when channels go and nothing is trained: KL(dense || pruned), nats.

    On one training batch, with the BatchNorm statistics of the batch before. Cheap: what it costs
    is a forward pass or two.
    """
    task = prepared.outline
    widths = task.widths_of(ratios)
    pruned = prepared.start.cut(prepared.scores, widths, proof=None).model
    batches = [inputs for inputs, _ in training_batches(task, 1 + _NUM_PROBES)]
    recalibrate_batchnorm(pruned, batches[:_NUM_PROBES])
    with torch.inference_mode():
        dense_logits, logits = prepared.dense(batches[-1]), pruned.eval()(batches[-1])
    target, found = dense_logits.log_softmax(1), logits.log_softmax(1)
    return float(kl_div(found, target, reduction="batchmean", log_target=True))


def _dense_model(task: Outline) -> nn.Module:
    model, settings = task.model, task.settings
    cached = settings.cache_dir / "dense" / f"{task.digest}.safetensors"
    if not settings.model.weights and not _load_cached(model, cached):
        _log.info("training the dense model for %d epochs", settings.model.train.epochs)
        _fit_dense(task, model)
        _keep(cached, model)
    return model.eval()


def _fit_dense(
    task: Outline, model: nn.Module, *, on_epoch: Callable[[EpochRecord], None] | None = None
) -> None:
    settings = task.settings
    fit(
        model,
        train_loader=task.data.train_dataloader(),
        val_loader=task.data.val_dataloader(),
        settings=settings.model.train,
        epochs=settings.model.train.epochs,
        seed=settings.seed,
        device=task.device,
        on_epoch=on_epoch,
    )


def early_model(task: Outline, epoch: int) -> nn.Module:
    """The dense model as it was after so many epochs of its training; 0: not trained at all.

    Trained again from the same initial weights in the same way, and cached.
    """
    model, settings = fresh_model(task), task.settings
    if epoch == 0:
        return model
    cached = settings.cache_dir / "dense" / f"{task.digest}-{epoch}.safetensors"
    if not _load_cached(model, cached):

        def stop(record: EpochRecord) -> None:
            if record.epoch == epoch:
                raise _Enough

        with suppress(_Enough):
            _fit_dense(task, model, on_epoch=stop)
        _keep(cached, model)
    return model.eval()


class _Enough(Exception):
    """The epoch that was asked for is reached."""


def start_from(task: Outline, dense: nn.Module) -> Candidate:
    """What trials prune, with the dense model trained."""
    if task.settings.schedule.name == "at_init":
        dense = early_model(task, 0)
    if task.removable.layers is not None:
        return Zeroed(sparsely_trained(task, dense), task.removable.layers)
    return Narrowed(sparsely_trained(task, dense), Plan({}), task.groups.prunable)


def sparsely_trained(task: Outline, dense: nn.Module) -> nn.Module:
    """The dense model after the phase that `sparse_training` names, cached; or itself.

    A growing penalty is no part of it: that depends on what a trial removes.
    """
    phase = task.settings.sparse_training
    if phase.name in ("none", "growing") and phase.dropout == 0:
        return dense
    model = copy.deepcopy(dense)
    content = json.dumps([asdict(phase), asdict(task.settings.finetune)], sort_keys=True)
    name = f"{task.digest}-sparse-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
    cached = task.settings.cache_dir / "dense" / f"{name}.safetensors"
    if _load_cached(model, cached):
        return model.eval()
    pressure = Pressure(_penalty(task, model), dropout=phase.dropout, targeted=phase.targeted)
    result = fit(
        model,
        train_loader=task.data.train_dataloader(),
        val_loader=task.data.val_dataloader(),
        settings=replace(task.settings.finetune, distillation=0.0),
        epochs=phase.epochs,
        seed=task.settings.seed,
        device=task.device,
        pressure=pressure,
    )
    _log.info("sparse training ends at %.2f %%", result.curve[-1].validation_accuracy)
    _keep(cached, model)
    return model.eval()


def _penalty(task: Outline, model: nn.Module) -> Penalty | None:
    phase = task.settings.sparse_training
    if phase.name == "l1":
        return l1(model, strength=phase.strength)
    if phase.name == "bn_scale":
        return bn_scale(model, strength=phase.strength)
    if phase.name == "group_lasso":
        return group_lasso(model, task.groups.prunable, strength=phase.strength)
    return None


def _keep(path: Path, model: nn.Module) -> None:
    save_state(path, model)
    write_sealed(path.with_suffix(".json"), {"weights": digest_of(path)})


def _load_cached(model: nn.Module, path: Path) -> bool:
    """Whether the weights came from the cache; damaged ones are trained again."""
    if not path.is_file():
        return False
    try:
        if read_sealed(path.with_suffix(".json"))["weights"] != digest_of(path):
            raise ValueError("its checksum does not fit its content")
        load_state(model, path)
    except (OSError, ValueError, KeyError, WeightsError) as error:
        _log.warning("%s is damaged (%s); the dense model is trained again", path, error)
        return False
    _log.info("the dense model comes from %s", path)
    return True


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
