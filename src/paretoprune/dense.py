"""The dense model: trained or given, as it was early in its training, trained towards sparsity."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from torch import nn

from paretoprune.errors import WeightsError
from paretoprune.files import digest_of, read_sealed, write_sealed
from paretoprune.finetune import Pressure, fit
from paretoprune.low_rank import factored
from paretoprune.outline import Outline, fresh_model
from paretoprune.pruning import Candidate, Narrowed, Plan, Zeroed, check_equivalence
from paretoprune.pruning.checkpoint import load_state, save_state
from paretoprune.pruning.penalties import Penalty, bn_scale, group_lasso, l1
from paretoprune.results import EpochRecord

_log = logging.getLogger(__name__)

_NUM_CALIBRATED = 256  # training samples that the components of linear layers are ordered by


def dense_model(task: Outline) -> nn.Module:
    """The dense model with its weights: given, from the cache, or trained now."""
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
    model = sparsely_trained(task, dense)
    if task.groups.factored:
        model = with_full_ranks(task, model)
    return Narrowed(model, Plan({}), task.groups.prunable)


def with_full_ranks(task: Outline, dense: nn.Module) -> nn.Module:
    """The dense model with pairs of full rank, proved to compute the same.

    Raises EquivalenceError where it does not.
    """
    inputs = next(iter(task.data.train_dataloader()))[0][:_NUM_CALIBRATED]
    samples = inputs.to(task.device).contiguous()
    form = factored(dense, task.groups.factored, samples).eval()
    error = check_equivalence(dense, form, task.example)
    _log.info(
        "%d layers are factored at full rank; relative error %.1g", len(task.groups.factored), error
    )
    return form


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
