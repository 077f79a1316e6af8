"""Recalibration of BatchNorm statistics, which pruning invalidates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from paretoprune.tasks.inputs import Example, inputs_of

_KINDS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


@torch.no_grad()
def recalibrate_batchnorm(model: nn.Module, batches: Iterable[Example]) -> None:
    """Set all running means and variances to the average of those of `batches`, in place.

    All batches have the same weight. Only BatchNorm layers are in training mode
    meanwhile, so there is no dropout. Without batches, or without BatchNorm, nothing changes.
    """
    norms = [module for module in model.modules() if _keeps_statistics(module)]
    inputs = list(batches)
    if not norms or not inputs:
        return
    with _averaging(model, norms):
        for one in inputs:
            inputs_of(one).run(model)


def _keeps_statistics(module: nn.Module) -> bool:
    return isinstance(module, _KINDS) and module.running_mean is not None


@contextmanager
def _averaging(model: nn.Module, norms: list[nn.Module]) -> Iterator[None]:
    """Inside, `norms` are reset and average over batches; other modules are in evaluation mode."""
    modules = list(model.modules())
    training = [module.training for module in modules]
    momentum = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        assert isinstance(norm, _KINDS)
        norm.reset_running_stats()
        norm.momentum = None  # None selects a cumulative average
        norm.train()
    try:
        yield
    finally:
        for norm, value in zip(norms, momentum, strict=True):
            norm.momentum = value
        for module, mode in zip(modules, training, strict=True):
            module.training = mode
