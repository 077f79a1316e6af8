"""The dense model: trained or given, as it was early in its training, trained towards sparsity."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace

from torch import nn

from paretoprune.cached_weights import CachedWeights
from paretoprune.data import digest_of_tensor
from paretoprune.finetune import Pressure, fit
from paretoprune.fingerprint import Fingerprint, digest_json
from paretoprune.low_rank import factored
from paretoprune.outline import Outline, fresh_model
from paretoprune.pruning import Candidate, Narrowed, Plan, Zeroed, check_equivalence
from paretoprune.pruning.penalties import Penalty, bn_scale, group_lasso, l1
from paretoprune.results import EpochRecord
from paretoprune.source_code import own_version
from paretoprune.task_fingerprint import for_training

_log = logging.getLogger(__name__)

_NUM_CALIBRATED = 256  # training samples that the components of linear layers are ordered by


def dense_model(task: Outline) -> nn.Module:
    """The dense model with its weights: given, from the cache, or trained now."""
    model, settings = task.model, task.settings
    cached = _cached("dense model", task, _trained(task))
    if not settings.model.weights and not cached.load(model):
        _log.info("training the dense model for %d epochs", settings.model.train.epochs)
        _fit_dense(task, model)
        cached.keep(model)
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
    model = fresh_model(task)
    if epoch == 0:
        return model
    early = _trained(task).extended(settings={"epoch": str(epoch)})
    cached = _cached(f"dense model at epoch {epoch}", task, early)
    if not cached.load(model):

        def stop(record: EpochRecord) -> None:
            if record.epoch == epoch:
                raise _Enough

        with suppress(_Enough):
            _fit_dense(task, model, on_epoch=stop)
        cached.keep(model)
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
    cached = _cached("sparsely trained model", task, _sparsely_trained_from(task, dense))
    if cached.load(model):
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
    cached.keep(model)
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


def _cached(name: str, task: Outline, fingerprint: Fingerprint) -> CachedWeights:
    return CachedWeights(name, task.settings.cache_dir / "dense", fingerprint)


def _trained(task: Outline) -> Fingerprint:
    """What the trained dense model depends on."""
    training = digest_json(asdict(task.settings.model.train))
    return for_training(task.fingerprint).extended(
        settings={"training": training}, versions=own_version(__name__)
    )


def _sparsely_trained_from(task: Outline, dense: nn.Module) -> Fingerprint:
    """What the sparsely trained model depends on: the weights it began with, and the groups."""
    settings = task.settings
    phase = digest_json([asdict(settings.sparse_training), asdict(settings.finetune)])
    state = {name: digest_of_tensor(tensor) for name, tensor in dense.state_dict().items()}
    return for_training(task.fingerprint).extended(
        settings={"sparse training": phase, "granularity": settings.granularity.name},
        network={
            "weights of the dense model": digest_json(state),
            "groups": digest_json(task.groups.to_json()),
        },
        versions=own_version(__name__),
    )
