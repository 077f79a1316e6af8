"""A check that a training step fits in memory, before a process is killed because it does not.

On a GPU a failed allocation is an error, after which batches are divided. A CPU's memory is granted
beyond what there is, and the process that fills it is killed.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sized
from typing import Any

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor, nn

from paretoprune.errors import DataError
from paretoprune.models.memory_limit import memory_bytes
from paretoprune.tasks.bound import TaskBatch

_FEW, _MORE = 2, 4  # samples whose difference is measured; BatchNorm needs two
_GB = 1e9


def check_step_memory(
    model: nn.Module, samples: TaskBatch, loader: Iterable[Any] | None, device: torch.device
) -> None:
    """Raises DataError if what one training step keeps for its backward pass exceeds the memory.

    `samples` are a few on the device, `loader` is that of the training batches. Activations alone
    count, whose number follows from steps of two and of four samples. A loader that does not
    state its `batch_size` is not checked.
    """
    size = getattr(loader, "batch_size", None)
    if device.type != "cpu" or not isinstance(size, int) or len(samples) < _MORE:
        return
    size = min(size, _num_samples(loader, size))
    probe = copy.deepcopy(model).train()
    few, more = (kept_bytes(probe, samples[:count]) for count in (_FEW, _MORE))
    each = (more - few) / (_MORE - _FEW)
    there = memory_bytes()
    if each * size > there:
        raise DataError(
            f"a training step on {size} samples keeps about {each * size / _GB:.3g} GB, and there "
            f"are {there / _GB:.3g} GB of memory; set a `batch_size` of at most "
            f"{max(1, int(there / each / 2))}"
        )


def kept_bytes(model: nn.Module, batch: TaskBatch) -> int:
    """Return the bytes that the loss of a batch keeps for its backward pass.

    The model's statistics may change, as in a training step.
    """
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with isolate_rng(include_cuda=False), hooks:
        loss = batch.loss(model)  # alive while it is counted
    del loss
    return sum(kept.values())


def _num_samples(loader: object, size: int) -> int:
    """Return the number of samples behind a loader, at most; `size` if it does not tell."""
    dataset = getattr(loader, "dataset", None)
    if isinstance(dataset, Sized):
        return len(dataset)
    return int(getattr(loader, "num_keys", size))  # of our loaders
