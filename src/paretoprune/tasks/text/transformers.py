"""`task=transformers`: whatever a model of transformers computes its loss for, by that loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from paretoprune.errors import DataError
from paretoprune.metrics import QUANTITIES, Quantity
from paretoprune.results import DataInfo
from paretoprune.tasks.inputs import Inputs, unkeyed
from paretoprune.tasks.interface import LOADERS, Batch, Loaders, Meter, Outputs, Task
from paretoprune.tasks.nest import floats, tensors_in
from paretoprune.tasks.text.tokens import padding_mask

# Arguments of `forward` that are labels, as in `transformers.utils.find_labels`: those whose name
# contains "label", and those of question answering.
_SPANS = ("start_positions", "end_positions")
_LOSS = "loss"


@dataclass(frozen=True)
class Transformers(Task):
    """Batches that are mappings, with the arguments of the model's `forward`, labels among them.

    The model computes the loss itself; the loss is also the quality. It serves what has no task of
    its own, such as token classification, question answering or masked language models.
    """

    offers = ("num_classes",)
    optimizer = "adamw"
    form = "transformers (mappings of arguments of `forward`, with `labels` or the like)"

    @property
    def qualities(self) -> tuple[Quantity, ...]:
        """The model's loss."""
        return (QUANTITIES[_LOSS],)

    def inputs(self, batch: Batch) -> Inputs:
        """Return the arguments without the labels."""
        return Inputs((), {name: one for name, one in batch.items() if not is_label(name)})

    def loss_and_outputs(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Outputs]:
        """Return the loss that the model computes, and all outputs, with the loss."""
        found = dict(Inputs((), dict(batch)).run(model))
        loss: Tensor = found[_LOSS]
        return loss.float(), floats(_tensors(found))

    def outputs(self, model: nn.Module, batch: Batch) -> Outputs:
        """Return all outputs, with the loss."""
        return floats(_tensors(dict(Inputs((), dict(batch)).run(model))))

    def distance(
        self, student: Outputs, teacher: Outputs, batch: Batch, *, temperature: float = 1.0
    ) -> Tensor:
        """Return the mean squared error of the outputs, relative to the teacher's mean square."""
        own, wanted = (_without_loss(outputs) for outputs in (student, teacher))
        return super().distance(own, wanted, batch, temperature=temperature)

    def meter(self, device: torch.device) -> Meter:
        """Return a meter of the loss."""
        return LossMeter(self, device)

    def valid(self, batch: Batch) -> Tensor | None:
        """Return the padding mask (N, L)."""
        return padding_mask(self.inputs(batch))

    def recognises(self, batch: Batch) -> str | None:
        """Recognise mappings with labels by name."""
        labels = [str(name) for name in batch if is_label(name)] if _is_mapping(batch) else []
        return f"batches are mappings with {', '.join(labels)}" if labels else None

    def describe(self, info: DataInfo, loaders: Loaders) -> DataInfo:
        """Check that the first batches are mappings with labels."""
        for part, loader in loaders.items():
            for batch in _first(loader):
                if self.recognises(batch) is None:
                    raise DataError(
                        f"{LOADERS[part]}(): batches must be mappings of the model's arguments, "
                        f"with labels, got {type(batch).__name__}"
                    )
        return info

    def fits(self, info: DataInfo) -> Mapping[str, object]:
        """Offer the number of classes, if the data state it."""
        return {"num_classes": info.num_classes}


class LossMeter:
    """The mean over the samples of the loss that a model computes."""

    def __init__(self, task: Transformers, device: torch.device) -> None:
        self._task = task
        self._loss = torch.zeros((), device=device, dtype=torch.float64)
        self._count = 0

    def update(self, outputs: Outputs, batch: Batch) -> None:
        """Take in the outputs for a batch, with their loss."""
        count = len(self._task.inputs(batch))
        self._loss += count * outputs[_LOSS].detach().double()
        self._count += count

    def compute(self) -> dict[str, float]:
        """Return the loss."""
        return {_LOSS: float(self._loss / self._count)}

    def per_sample(self) -> Tensor | None:
        """Return None: the loss is known for batches alone."""
        return None


def is_label(name: object) -> bool:
    """Return True for the name of an argument of `forward` that is a label."""
    return "label" in str(name) or name in _SPANS


def _is_mapping(batch: Batch) -> bool:
    return isinstance(batch, Mapping) and next(tensors_in(batch), None) is not None


def _without_loss(outputs: Mapping[str, object]) -> dict[str, object]:
    return {name: one for name, one in outputs.items() if name != _LOSS}


def _tensors(found: Mapping[str, object]) -> dict[str, object]:
    """Return the outputs that are tensors or nests of them; caches are left out."""
    return {name: one for name, one in found.items() if isinstance(one, Tensor | tuple | list)}


def _first(loader: Iterable[Batch] | None) -> list[Batch]:
    batch = next(iter(loader or ()), None)
    return [] if batch is None else [unkeyed(batch)]
