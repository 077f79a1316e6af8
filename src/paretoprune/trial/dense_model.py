"""The dense model: training or loading, early checkpoints, sparse training, trials' candidates."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace

from torch import nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.instantiate import build
from paretoprune.config.targets.signatures import has_trait
from paretoprune.data.digests.sample_digests import digest_of_tensor
from paretoprune.finetune.callbacks.regularisation import Regularisation
from paretoprune.finetune.fit import fit
from paretoprune.finetune.numerics.precision import uses_bfloat16
from paretoprune.finetune.training_run import TrainingRun
from paretoprune.low_rank.factor import factored
from paretoprune.low_rank.pair import full_ranks
from paretoprune.problem.fingerprint import for_training
from paretoprune.problem.problem import Problem, fresh_model
from paretoprune.pruning.candidate import Candidate, MaskedCandidate, PrunedCandidate
from paretoprune.pruning.sparse_training.interface import SparseTraining
from paretoprune.pruning.structured.equivalence import check_equivalence
from paretoprune.pruning.structured.plan import Plan
from paretoprune.results import EpochRecord
from paretoprune.storage.fingerprint import Fingerprint, digest_json
from paretoprune.storage.source_code import own_version
from paretoprune.trial.cached_weights import CachedWeights
from paretoprune.trial.epoch_log import epoch_log

_log = logging.getLogger(__name__)


def dense_model(problem: Problem) -> nn.Module:
    """Return the dense model with its weights: given, from the cache, or trained now."""
    model, settings = problem.model, problem.settings
    cached = _cached("dense model", problem, _trained(problem))
    if not settings.model.weights and not cached.load(model):
        epochs = settings.dense_training.epochs
        _log.info("training the dense model for %d epochs", epochs)
        _fit_dense(problem, model, on_epoch=epoch_log("dense model", epochs))
        cached.commit(model)
    return model.eval()


def _fit_dense(
    problem: Problem, model: nn.Module, *, on_epoch: Callable[[EpochRecord], None] | None = None
) -> None:
    settings = problem.settings
    fit(
        model,
        problem.task,
        TrainingRun(
            train_loader=problem.data.train_dataloader(),
            val_loader=problem.data.val_dataloader(),
            settings=settings.dense_training,
            epochs=settings.dense_training.epochs,
            seed=settings.seed,
            device=problem.device,
            on_epoch=on_epoch,
            trainer=settings.trainer,
        ),
    )


def early_model(problem: Problem, epoch: int) -> nn.Module:
    """Return the dense model after `epoch` epochs of its training; 0: initial weights.

    Trained again from the same initial weights in the same way, and cached.
    """
    model = fresh_model(problem)
    if epoch == 0:
        return model
    early = _trained(problem).extended(settings={"epoch": str(epoch)})
    cached = _cached(f"dense model at epoch {epoch}", problem, early)
    if not cached.load(model):

        def stop(record: EpochRecord) -> None:
            if record.epoch == epoch:
                raise _EpochReached

        with suppress(_EpochReached):
            _fit_dense(problem, model, on_epoch=stop)
        cached.commit(model)
    return model.eval()


class _EpochReached(Exception):
    """Raised to stop training when the requested epoch is reached."""


def start_from(problem: Problem, dense: nn.Module) -> Candidate:
    """Return the candidate that trials prune, based on the trained dense model."""
    if has_trait(problem.settings.schedule, "prunes_untrained"):
        dense = early_model(problem, 0)
    if problem.space.layers is not None:
        return MaskedCandidate(sparsely_trained(problem, dense), problem.space.layers)
    model = sparsely_trained(problem, dense)
    groups = problem.groups
    if groups.factored:
        _check_full_ranks(problem, model)
    return PrunedCandidate(model, Plan({}), groups.prunable, groups.factored)


def _check_full_ranks(problem: Problem, dense: nn.Module) -> None:
    """Verify that the network with all pairs at full rank computes the same as the dense model.

    Raises EquivalenceError if it does not.
    """
    paths = problem.groups.factored
    form = factored(dense, full_ranks(dense, paths)).eval()
    error = check_equivalence(dense, form, problem.example)
    _log.info("%d layers can be factored; relative error at full rank %.1g", len(paths), error)


def sparsely_trained(problem: Problem, dense: nn.Module) -> nn.Module:
    """Return the dense model after the `sparse_training` phase, cached; unchanged without one.

    A penalty on what a trial removes is not part of this phase.
    """
    phase = _phase(problem)
    if phase is None:
        return dense
    model = copy.deepcopy(dense)
    from_dense = _sparsely_trained_from(problem, dense, phase)
    cached = _cached("sparsely trained model", problem, from_dense)
    if cached.load(model):
        return model.eval()
    penalty = phase.penalty(model, problem.groups.prunable)
    regularisation = Regularisation(penalty, dropout=phase.dropout, targeted=phase.targeted)
    result = fit(
        model,
        problem.task,
        TrainingRun(
            train_loader=problem.data.train_dataloader(),
            val_loader=problem.data.val_dataloader(),
            settings=replace(problem.settings.finetune, distillation=0.0),
            epochs=phase.epochs,
            seed=problem.settings.seed,
            device=problem.device,
            regularisation=regularisation,
            trainer=problem.settings.trainer,
        ),
    )
    _log.info("sparse training ends at %.2f %%", result.curve[-1].quality)
    cached.commit(model)
    return model.eval()


def _phase(problem: Problem) -> SparseTraining | None:
    """Return the sparse training of the dense model; None if there is none."""
    target = problem.settings.sparse_training
    if target is None:
        return None
    phase: SparseTraining = build(target)
    only_in_trials = "before_each_pruning" in phase.traits and phase.dropout == 0
    return None if only_in_trials else phase


def _cached(name: str, problem: Problem, fingerprint: Fingerprint) -> CachedWeights:
    return CachedWeights(name, problem.settings.cache_dir / "dense", fingerprint)


def _trained(problem: Problem) -> Fingerprint:
    """Return the fingerprint of the trained dense model."""
    settings = problem.settings
    training = digest_json(
        [
            asdict(settings.model.train),
            asdict(settings.trainer),
            *_computed_in(settings.model.train, problem),
        ]
    )
    return for_training(problem.fingerprint).extended(
        settings={"training": training}, versions=own_version(__name__)
    )


def _sparsely_trained_from(
    problem: Problem, dense: nn.Module, phase: SparseTraining
) -> Fingerprint:
    """Return the fingerprint of the sparsely trained model, from the initial weights and the
    groups."""
    settings = problem.settings
    training = digest_json(
        [
            repr(settings.sparse_training),
            own_version(type(phase).__module__),
            asdict(settings.finetune),
            asdict(settings.trainer),
            *_computed_in(settings.finetune, problem),
        ]
    )
    state = {name: digest_of_tensor(tensor) for name, tensor in dense.state_dict().items()}
    return for_training(problem.fingerprint).extended(
        settings={"sparse training": training, "granularity": settings.granularity.path},
        network={
            "weights of the dense model": digest_json(state),
            "groups": digest_json(problem.groups.to_json()),
        },
        versions=own_version(__name__),
    )


def _computed_in(settings: FinetuneSettings, problem: Problem) -> list[str]:
    """Return bfloat16 where `precision=auto` means it, which depends on the device."""
    automatic = settings.precision == "auto" and uses_bfloat16("auto", problem.device)
    return ["bfloat16"] if automatic else []
