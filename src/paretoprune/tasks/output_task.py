"""Tasks whose loss and qualities follow from outputs and targets of each sample."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from paretoprune.tasks.inputs import Inputs
from paretoprune.tasks.interface import Batch, Meter, Outputs, Task
from paretoprune.tasks.nest import floats, tensors_in

_LABELS = ("labels", "label")  # names of the targets in batches that are mappings


class OutputTask(Task):
    """A task of batches (inputs, targets), with a loss of each sample.

    A task of this kind defines `qualities`, `losses` and `metrics`; `targets` and `inputs` if its
    batches have another form, and `per_sample` if the first quality is a mean over samples.
    """

    @abstractmethod
    def losses(self, outputs: Outputs, targets: Any) -> Tensor:
        """Return the loss of each sample, (N,)."""

    @abstractmethod
    def metrics(self, outputs: Outputs) -> Mapping[str, Any]:
        """Return a new torchmetrics metric for each quality besides the loss, by name.

        `outputs` are those for the first batch, whose shape a metric may depend on.
        """

    def mean_loss(self, outputs: Outputs, targets: Any) -> Tensor:
        """Return the mean of `losses`, a scalar; overridden where torch has it in one step."""
        return self.losses(outputs, targets).mean()

    def inputs(self, batch: Batch) -> Inputs:
        """Return the first part of a batch: one tensor, a sequence of arguments, or keywords.

        Of a mapping, these are all entries but the labels.
        """
        if isinstance(batch, Mapping):
            return Inputs((), without_labels(batch))
        first = batch[0]
        if isinstance(first, Mapping):
            return Inputs((), dict(first))
        return Inputs(tuple(first) if isinstance(first, tuple | list) else (first,))

    def targets(self, batch: Batch) -> Any:
        """Return the second part of a batch; of a mapping, the entry `labels` or `label`."""
        if isinstance(batch, Mapping):
            return next(batch[name] for name in _LABELS if name in batch)
        return batch[1]

    def answer(self, outputs: Outputs) -> Outputs:
        """Return the part of a model's outputs that loss, qualities and distance are about.

        Of a mapping, as of transformers, this is the entry `logits`; else all.
        """
        return (
            outputs["logits"] if isinstance(outputs, Mapping) and "logits" in outputs else outputs
        )

    def outputs(self, model: nn.Module, batch: Batch) -> Outputs:
        """Return the outputs for a batch, in float32, of a model in evaluation mode."""
        return floats(self.answer(self.inputs(batch).run(model)))

    def per_sample(self, outputs: Outputs, targets: Any) -> Tensor | None:
        """Return what `from_scores` makes the first quality of, (N,); by default their mean.

        None if the quality is not made of values of single samples.
        """
        return None

    def loss_and_outputs(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Outputs]:
        """Return the mean loss, and the outputs in float32."""
        outputs = floats(self.answer(self.inputs(batch).run(model)))
        return self.mean_loss(outputs, self.targets(batch)), outputs

    def meter(self, device: torch.device) -> Meter:
        """Return a meter of `metrics` and of the mean loss."""
        return OutputMeter(self, device)


class OutputMeter:
    """Qualities of an `OutputTask`: its metrics, and the mean loss over all samples."""

    def __init__(self, task: OutputTask, device: torch.device) -> None:
        self._task = task
        self._device = device
        self._metrics: Mapping[str, Any] | None = None
        # In float64, in which the sum over many batches loses nothing.
        self._loss = torch.zeros((), device=device, dtype=torch.float64)
        self._count = 0
        self._scores: list[Tensor] = []

    def update(self, outputs: Outputs, batch: Batch) -> None:
        """Take in the outputs for a batch."""
        targets, count = self._task.targets(batch), len(self._task.inputs(batch))
        if self._metrics is None:
            found = self._task.metrics(outputs)
            self._metrics = {name: metric.to(self._device) for name, metric in found.items()}
        for metric in self._metrics.values():
            metric.update(outputs, targets)
        self._loss = self._loss + count * self._task.mean_loss(outputs, targets).double()
        self._count += count
        if (scores := self._task.per_sample(outputs, targets)) is not None:
            self._scores.append(scores)

    def compute(self) -> dict[str, float]:
        """Return the qualities by name, rates in percent; without those that do not apply."""
        values = {name: float(one.compute()) for name, one in (self._metrics or {}).items()}
        values["loss"] = float(self._loss / self._count)
        return {
            one.name: values[one.name] * (100.0 if one.is_rate else 1.0)
            for one in self._task.qualities
            if one.name in values
        }

    def per_sample(self) -> Tensor | None:
        """Return the first quality of each sample (N,), in the order of the batches."""
        return torch.cat(self._scores) if self._scores else None


def without_labels(batch: Mapping[str, Any]) -> dict[str, Any]:
    """Return all entries of a batch but the labels."""
    return {name: one for name, one in batch.items() if name not in _LABELS}


def has_pairs(batch: Batch) -> bool:
    """Return True for a batch (inputs, targets), or a mapping with an entry `labels` or `label`."""
    if isinstance(batch, Mapping):
        return any(name in batch for name in _LABELS) and next(tensors_in(batch), None) is not None
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        return False
    return next(tensors_in(batch[0]), None) is not None


def described(value: object) -> str:
    """Return what a batch or a part of it is, for an error message."""
    kind = f"a {type(value).__name__}"
    if isinstance(value, Mapping):
        return f"{kind} with {', '.join(map(str, value)) or 'nothing'}"
    return f"{kind} of {len(value)}" if isinstance(value, tuple | list) else kind
