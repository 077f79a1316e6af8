"""Gradients of the training loss, computed without side effects on the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Group
from paretoprune.pruning.modes import evaluating
from paretoprune.pruning.scorers.parts.channels import Batches, weight_slots
from paretoprune.tasks.bound import TaskBatch

Weights = Mapping[str, nn.Parameter]
Mode = Callable[[nn.Module], AbstractContextManager[None]]
Terms = Callable[[TaskBatch], Iterable[tuple[str, Tensor]]]  # of a batch: (weight name, term)


def weights_of(model: nn.Module, groups: Sequence[Group]) -> dict[str, nn.Parameter]:
    """Return the weights that contain the groups' channels, in alphabetical order."""
    parameters = dict(model.named_parameters())
    names = {slot.tensor for group in groups for slot in weight_slots(group, parameters)}
    return {name: parameters[name] for name in sorted(names)}


@contextmanager
def requiring_grad(weights: Weights) -> Iterator[None]:
    """Enable gradients of the weights inside, frozen or not; afterwards restore `requires_grad`."""
    before = {name: weight.requires_grad for name, weight in weights.items()}
    try:
        for weight in weights.values():
            weight.requires_grad_(True)
        with torch.enable_grad():
            yield
    finally:
        for name, weight in weights.items():
            weight.requires_grad_(before[name])


def sum_over(
    model: nn.Module,
    weights: Weights,
    batches: Batches,
    terms: Terms,
    mode: Mode = evaluating,
) -> tuple[dict[str, Tensor], int]:
    """Sum `terms(batch)` over the batches, by weight, and count the samples.

    Inside, the model is in evaluation mode, or as `mode` sets it, and its weights require
    gradients.

    Raises:
        PruningError: there is no batch, or a sum is not finite.
    """
    total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    samples = 0
    with mode(model), requiring_grad(weights):
        for batch in batches:
            samples += len(batch)
            for name, term in terms(batch):
                total[name] += term
    check_gradients(total, samples)
    return {name: value.detach() for name, value in total.items()}, samples


def mean_over(
    model: nn.Module,
    weights: Weights,
    batches: Batches,
    terms: Terms,
    mode: Mode = evaluating,
) -> dict[str, Tensor]:
    """Return `sum_over` divided by the number of samples."""
    total, samples = sum_over(model, weights, batches, terms, mode)
    return {name: value / samples for name, value in total.items()}


def mean_gradients(
    model: nn.Module,
    weights: Weights,
    batches: Batches,
    mode: Mode = evaluating,
) -> dict[str, Tensor]:
    """Return the gradient of the mean loss over all samples of the batches, by weight."""

    def gradients(batch: TaskBatch) -> Iterable[tuple[str, Tensor]]:
        return summed_gradients(model, weights, batch).items()

    return mean_over(model, weights, batches, gradients, mode)


def summed_gradients(model: nn.Module, weights: Weights, batch: TaskBatch) -> dict[str, Tensor]:
    """Return the gradient of the loss summed over the samples, by weight."""
    loss = summed_loss(model, batch)
    gradients = torch.autograd.grad(loss, list(weights.values()), materialize_grads=True)
    return dict(zip(weights, gradients, strict=True))


def summed_loss(model: nn.Module, batch: TaskBatch) -> Tensor:
    """Return the loss summed over the samples, a scalar, on the model's device."""
    device = next(model.parameters()).device
    return batch.to(device).loss(model) * len(batch)


def check_gradients(gradients: Mapping[str, Tensor], samples: int) -> None:
    """Check that there were samples and that all gradients are finite.

    Raises:
        PruningError: one of the two does not hold.
    """
    if not samples:
        raise PruningError("this scorer needs at least one batch of training data")
    if not all(torch.isfinite(gradient).all() for gradient in gradients.values()):
        raise PruningError("the gradient of the loss is NaN or infinite; is the model trained?")
