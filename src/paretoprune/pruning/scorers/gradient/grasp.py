"""GraSP: gradient signal preservation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from paretoprune.config.values import Positive
from paretoprune.pruning.modes import normalising_by_batch
from paretoprune.pruning.scorers.parts.channels import Batches
from paretoprune.pruning.scorers.parts.gradients import Weights, mean_over, summed_loss
from paretoprune.pruning.scorers.parts.sums import SummedOverWeights
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.interface import Outputs
from paretoprune.tasks.nest import map_tensors


@dataclass(frozen=True)
class Grasp(SummedOverWeights):
    """Sum of weight x (H g) over the weights of a channel, shifted to a minimum of 0 in each group.

    g is the gradient of the loss for all weights, H its Hessian: to first order, removing a weight
    lowers the squared gradient norm, and so the progress of training, by twice that. Wang et al.
    2020 (Picking Winning Tickets Before Training by Preserving Gradient Flow, section 4, eq. 8),
    whose score is the negative of this one. Outputs are divided by `temperature`. Designed for
    networks before training: BatchNorm uses batch statistics, as in training, and dropout is off.
    """

    batches: Positive = 1
    temperature: float = 200.0

    def values(
        self, model: nn.Module, tensors: Sequence[str], batches: Batches
    ) -> dict[str, Tensor]:
        """Return weight x (H g), of which all weights have a part; it may be negative."""
        weights = {name: w for name, w in model.named_parameters() if w.dim() >= 2}
        chosen = list(islice(batches, self.batches))
        gradient = self._mean_over(model, weights, chosen, along=None)
        product = self._mean_over(model, weights, chosen, along=gradient)
        return {name: weights[name].detach() * product[name] for name in tensors}

    def of_sums(self, sums: Tensor) -> Tensor:
        """Return the sums, shifted to a minimum of 0."""
        return sums - sums.min()

    def _mean_over(
        self,
        model: nn.Module,
        weights: Weights,
        batches: Sequence[TaskBatch],
        *,
        along: dict[str, Tensor] | None,
    ) -> dict[str, Tensor]:
        """Return the gradient of the mean loss, or the Hessian-vector product with `along`."""

        def derivatives(batch: TaskBatch) -> Iterator[tuple[str, Tensor]]:
            with _dividing_outputs(model, self.temperature):
                scalar = summed_loss(model, batch)
            if along is not None:
                scalar = _slope(scalar, weights, along)
            yield from zip(weights, _derivative(scalar, weights), strict=True)

        return mean_over(model, weights, batches, derivatives, normalising_by_batch)


@contextmanager
def _dividing_outputs(model: nn.Module, temperature: float) -> Iterator[None]:
    """Inside, the outputs of the model are divided by the temperature."""

    def divide(_module: nn.Module, _args: object, outputs: Outputs) -> Outputs:
        return map_tensors(
            outputs, lambda one: one / temperature if one.is_floating_point() else one
        )

    handle = model.register_forward_hook(divide)
    try:
        yield
    finally:
        handle.remove()


def _slope(loss: Tensor, weights: Weights, along: dict[str, Tensor]) -> Tensor:
    """Return the directional derivative of the loss, a scalar that can be differentiated again."""
    gradients = torch.autograd.grad(
        loss, list(weights.values()), create_graph=True, materialize_grads=True
    )
    pairs = zip(weights, gradients, strict=True)
    return torch.stack([(along[name] * gradient).sum() for name, gradient in pairs]).sum()


def _derivative(scalar: Tensor, weights: Weights) -> tuple[Tensor, ...]:
    return torch.autograd.grad(scalar, list(weights.values()), materialize_grads=True)
