"""GraSP: gradient signal preservation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from paretoprune.config.values import Positive
from paretoprune.pruning.groups import Group
from paretoprune.pruning.modes import normalising_by_batch
from paretoprune.pruning.scorers.channels import on_cpu, sums_of
from paretoprune.pruning.scorers.gradient.gradients import Weights, mean_over, summed_loss
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.interface import Outputs
from paretoprune.tasks.nest import map_tensors


@dataclass(frozen=True)
class Grasp:
    """Sum of weight x (H g) over the weights of a channel, shifted to a minimum of 0 in each group.

    g is the gradient of the loss for all weights, H its Hessian: to first order, removing a weight
    lowers the squared gradient norm, and so the progress of training, by twice that. Wang et al.
    2020 (Picking Winning Tickets Before Training by Preserving Gradient Flow, section 4, eq. 8),
    whose score is the negative of this one. Outputs are divided by `temperature`. Designed for
    networks before training: BatchNorm uses batch statistics, as in training, and dropout is off.
    """

    batches: Positive = 1
    temperature: float = 200.0

    def __call__(
        self,
        model: nn.Module,
        groups: Sequence[Group],
        batches: Iterable[TaskBatch],
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important.

        `batches` yields (x, y, ...) as in training; the model is left as it was.

        Raises:
            PruningError: there is no batch, or a derivative is not finite.
        """
        weights, products = self._products(model, batches)
        scores = sums_of(groups, weights, products)
        return {name: (score - score.min()).float() for name, score in scores.items()}

    def per_weight(
        self,
        model: nn.Module,
        tensors: Sequence[str],
        batches: Iterable[TaskBatch],
    ) -> dict[str, Tensor]:
        """Return weight x (H g), by tensor name, shaped like it; it may be negative."""
        _, products = self._products(model, batches)
        return on_cpu({name: products[name] for name in tensors})

    def _products(
        self, model: nn.Module, batches: Iterable[TaskBatch]
    ) -> tuple[Weights, dict[str, Tensor]]:
        """Return all weights, and weight x (H g) by name."""
        weights = {name: w for name, w in model.named_parameters() if w.dim() >= 2}
        chosen = list(islice(batches, self.batches))
        gradient = self._mean_over(model, weights, chosen, along=None)
        product = self._mean_over(model, weights, chosen, along=gradient)
        return weights, {name: w.detach() * product[name] for name, w in weights.items()}

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
