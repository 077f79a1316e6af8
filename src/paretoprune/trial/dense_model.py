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
from paretoprune.finetune.callbacks.regularisation import Regularisation
from paretoprune.finetune.fit import fit
from paretoprune.problem.problem import Problem, fresh_model
from paretoprune.pruning.candidate import Candidate, MaskedCandidate, PrunedCandidate
from paretoprune.pruning.penalties import Penalty, bn_scale, group_lasso, l1
from paretoprune.pruning.structured.checkpoint import load_state, save_state
from paretoprune.pruning.structured.plan import Plan
from paretoprune.results import EpochRecord
from paretoprune.storage.atomic import digest_of, read_sealed, write_sealed

_log = logging.getLogger(__name__)


def dense_model(problem: Problem) -> nn.Module:
    """The dense model with its weights: given, from the cache, or trained now."""
    model, settings = problem.model, problem.settings
    cached = settings.cache_dir / "dense" / f"{problem.digest}.safetensors"
    if not settings.model.weights and not _load_cached(model, cached):
        _log.info("training the dense model for %d epochs", settings.model.train.epochs)
        _fit_dense(problem, model)
        _keep(cached, model)
    return model.eval()


def _fit_dense(
    problem: Problem, model: nn.Module, *, on_epoch: Callable[[EpochRecord], None] | None = None
) -> None:
    settings = problem.settings
    fit(
        model,
        train_loader=problem.data.train_dataloader(),
        val_loader=problem.data.val_dataloader(),
        settings=settings.model.train,
        epochs=settings.model.train.epochs,
        seed=settings.seed,
        device=problem.device,
        on_epoch=on_epoch,
    )


def early_model(problem: Problem, epoch: int) -> nn.Module:
    """The dense model as it was after so many epochs of its training; 0: not trained at all.

    Trained again from the same initial weights in the same way, and cached.
    """
    model, settings = fresh_model(problem), problem.settings
    if epoch == 0:
        return model
    cached = settings.cache_dir / "dense" / f"{problem.digest}-{epoch}.safetensors"
    if not _load_cached(model, cached):

        def stop(record: EpochRecord) -> None:
            if record.epoch == epoch:
                raise _Enough

        with suppress(_Enough):
            _fit_dense(problem, model, on_epoch=stop)
        _keep(cached, model)
    return model.eval()


class _Enough(Exception):
    """The epoch that was asked for is reached."""


def start_from(problem: Problem, dense: nn.Module) -> Candidate:
    """What trials prune, with the dense model trained."""
    if problem.settings.schedule.name == "at_init":
        dense = early_model(problem, 0)
    if problem.space.layers is not None:
        return MaskedCandidate(sparsely_trained(problem, dense), problem.space.layers)
    return PrunedCandidate(sparsely_trained(problem, dense), Plan({}), problem.groups.prunable)


def sparsely_trained(problem: Problem, dense: nn.Module) -> nn.Module:
    """The dense model after the phase that `sparse_training` names, cached; or itself.

    A growing penalty is no part of it: that depends on what a trial removes.
    """
    phase = problem.settings.sparse_training
    if phase.name in ("none", "growing") and phase.dropout == 0:
        return dense
    model = copy.deepcopy(dense)
    content = json.dumps([asdict(phase), asdict(problem.settings.finetune)], sort_keys=True)
    name = f"{problem.digest}-sparse-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
    cached = problem.settings.cache_dir / "dense" / f"{name}.safetensors"
    if _load_cached(model, cached):
        return model.eval()
    pressure = Regularisation(
        _penalty(problem, model), dropout=phase.dropout, targeted=phase.targeted
    )
    result = fit(
        model,
        train_loader=problem.data.train_dataloader(),
        val_loader=problem.data.val_dataloader(),
        settings=replace(problem.settings.finetune, distillation=0.0),
        epochs=phase.epochs,
        seed=problem.settings.seed,
        device=problem.device,
        pressure=pressure,
    )
    _log.info("sparse training ends at %.2f %%", result.curve[-1].validation_accuracy)
    _keep(cached, model)
    return model.eval()


def _penalty(problem: Problem, model: nn.Module) -> Penalty | None:
    phase = problem.settings.sparse_training
    if phase.name == "l1":
        return l1(model, strength=phase.strength)
    if phase.name == "bn_scale":
        return bn_scale(model, strength=phase.strength)
    if phase.name == "group_lasso":
        return group_lasso(model, problem.groups.prunable, strength=phase.strength)
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
