"""A check that a training step fits in memory, before the system kills the process.

A CPU's memory is granted beyond what there is, and the process that fills it is killed. On a GPU a
failed allocation is an error, after which batches are divided.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sized
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor, nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.settings import Settings
from paretoprune.config.targets.signatures import argument_names, has_trait
from paretoprune.errors import DataError
from paretoprune.finetune.gradient_accumulation import MOST_PARTS
from paretoprune.finetune.numerics.precision import uses_bfloat16
from paretoprune.models.available_memory import available_bytes
from paretoprune.tasks.bound import TaskBatch

_FEW, _MORE = 2, 4  # samples whose difference is measured; BatchNorm needs two
_COPIES = 3  # of the weights: those in training, the first and the best ones
_STATES = {"sgd": 1, "adamw": 2}  # tensors of the optimizer per parameter
# Gradients of activations are alive beside the activations. The peak of a process exceeded what is
# kept for the backward pass by 17 % (an MLP), 20 % (a transformer), 36 % to 75 % (convolutions).
_PEAK = 1.15
_MARGIN = 0.9  # of the memory, for the batch size that is suggested
_GB = 1e9


@dataclass(frozen=True)
class StepMemory:
    """Memory of training steps, in bytes: of the network, and of each sample of a batch."""

    network: float  # weights, gradients and the optimizer's state
    sample: float  # what a sample keeps for the backward pass

    def of(self, num_samples: float) -> float:
        """Return the peak of a step on `num_samples` samples."""
        return self.network + num_samples * self.sample

    def most_samples(self, available: float) -> int:
        """Return the largest batch that fits with a margin; 0 if none does."""
        left = _MARGIN * available - self.network
        return max(0, int(left / self.sample)) if self.sample else 0


def check_step_memory(
    model: nn.Module, samples: TaskBatch, size: int, settings: Settings, device: torch.device
) -> None:
    """Raises DataError if a training step on `size` samples exceeds the memory that is left.

    `samples` are a few on the device, and less than four are not checked. Nor is a search that
    trains nothing.
    """
    trains = settings.model.weights is None or settings.trial_epochs > 0
    if not trains or len(samples) < _MORE:
        return
    need, left = step_memory(model, samples, settings, device), _left(settings, device)
    parts = MOST_PARTS if device.type == "cuda" else 1
    if need.of(size / parts) > left:
        raise DataError(_sentence(need, size, left, settings))


def step_memory(
    model: nn.Module, samples: TaskBatch, settings: Settings, device: torch.device
) -> StepMemory:
    """Return the memory of training steps, from steps of two and of four samples."""
    probe = copy.deepcopy(model).train()
    trainings = (settings.dense_training, settings.finetune)
    narrow = all(uses_bfloat16(one.precision, device) for one in trainings)
    with torch.autocast(device.type, torch.bfloat16, enabled=narrow):
        few, more = (kept_bytes(probe, samples[:count]) for count in (_FEW, _MORE))
    weights = [one for one in model.parameters() if one.requires_grad]
    trained = sum(one.nbytes for one in weights)
    states = max(_num_states(one, samples.task.optimizer) for one in trainings)
    network = sum(one.nbytes for one in model.parameters())
    return StepMemory(
        network * _COPIES + trained * (1 + states), _PEAK * max(0, more - few) / (_MORE - _FEW)
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
    with isolate_rng(include_cuda=batch.inputs.device.type == "cuda"), hooks:
        loss = batch.loss(model)  # alive while it is counted
    del loss
    return sum(kept.values())


def batch_size_of(loader: Iterable[Any] | None, usual: int) -> int:
    """Return the samples per batch of a loader, at most those that it has.

    `usual` is returned where the loader does not state a `batch_size`.
    """
    stated = getattr(loader, "batch_size", None)
    size = stated if isinstance(stated, int) else usual
    dataset = getattr(loader, "dataset", None)
    if isinstance(dataset, Sized):
        return min(size, len(dataset))
    return min(size, int(getattr(loader, "num_keys", size)))  # of our loaders


def _num_states(training: FinetuneSettings, usual: str) -> int:
    """Return the tensors that the optimizer keeps for each parameter; two if it is not known."""
    named = usual if training.optimizer == "auto" else training.optimizer
    return _STATES.get(named, 2) if isinstance(named, str) else 2


def _left(settings: Settings, device: torch.device) -> float:
    """Return the memory for one training, in bytes."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return (free + cached) / _num_beside(settings)
    return available_bytes() / _num_beside(settings)


def _num_beside(settings: Settings) -> int:
    """Return the number of trainings that run at once on this machine."""
    here = has_trait(settings.executor.target, "runs_on_this_machine")
    return settings.executor.workers if here else 1


def _sentence(need: StepMemory, size: int, left: float, settings: Settings) -> str:
    workers = _num_beside(settings)
    share = f" for each of {workers} workers" if workers > 1 else ""
    sentence = (
        f"a training step on {size} samples takes about {need.of(size) / _GB:.3g} GB of memory, "
        f"{need.network / _GB:.3g} GB of it for the weights, their gradients and the optimizer, "
        f"and {left / _GB:.3g} GB are available{share}"
    )
    fewer = f", or set a smaller `executor.workers` than {workers}" if workers > 1 else ""
    most = need.most_samples(left)
    if not most:
        return f"{sentence}; choose a smaller network or a machine with more memory{fewer}"
    if "batch_size" in argument_names(settings.data):
        return f"{sentence}; write `data.batch_size={most}`{fewer}"
    return f"{sentence}; have the training loader yield batches of at most {most} samples{fewer}"
