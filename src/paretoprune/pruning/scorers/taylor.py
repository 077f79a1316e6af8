"""Channels whose removal changes the loss little, to first order, matter little."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paretoprune.errors import PruningError
from paretoprune.pruning.groups import Group
from paretoprune.pruning.modes import evaluating
from paretoprune.pruning.scorers.channels import sum_per_channel, weight_slots


@dataclass(frozen=True)
class Taylor:
    """|sum of weight x gradient| over all weights that belong to a channel.

    The gradient is that of the mean cross-entropy over the first `batches` batches, in evaluation
    mode, so that BatchNorm statistics stay. It is the root of the group importance of Molchanov et
    al. 2019 (Importance Estimation for Neural Network Pruning, eq. 8), which squares the sum.
    """

    batches: int = 8

    def __call__(
        self,
        model: nn.Module,
        groups: Sequence[Group],
        batches: Iterable[Sequence[Tensor]],
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important.

        `batches` yields (x, y, ...) as in training. Modes, gradients and `requires_grad` of the
        model are left as they were.

        Raises:
            PruningError: there is no batch, or the gradient is not finite.
        """
        parameters = dict(model.named_parameters())
        names = {slot.tensor for group in groups for slot in weight_slots(group, parameters)}
        weights = {name: parameters[name] for name in sorted(names)}
        with evaluating(model), _requiring_grad(weights):
            gradients = _mean_gradients(model, weights, islice(batches, self.batches))
        return {
            group.name: sum_per_channel(
                group, parameters, lambda name, weight: weight * gradients[name]
            )
            .abs()
            .float()
            for group in groups
        }


@contextmanager
def _requiring_grad(weights: Mapping[str, nn.Parameter]) -> Iterator[None]:
    before = {name: weight.requires_grad for name, weight in weights.items()}
    try:
        for weight in weights.values():
            weight.requires_grad_(True)
        yield
    finally:
        for name, weight in weights.items():
            weight.requires_grad_(before[name])


def _mean_gradients(
    model: nn.Module, weights: Mapping[str, nn.Parameter], batches: Iterable[Sequence[Tensor]]
) -> dict[str, Tensor]:
    total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    samples = 0
    for x, y, *_ in batches:
        samples += len(y)
        for name, gradient in _gradients(model, weights, x, y).items():
            total[name] += gradient
    if not samples:
        raise PruningError("the Taylor scorer needs at least one batch of training data")
    if not all(torch.isfinite(gradient).all() for gradient in total.values()):
        raise PruningError("the gradient of the loss is NaN or infinite; is the model trained?")
    return {name: gradient / samples for name, gradient in total.items()}


def _gradients(
    model: nn.Module, weights: Mapping[str, nn.Parameter], x: Tensor, y: Tensor
) -> dict[str, Tensor]:
    device = next(model.parameters()).device
    with torch.enable_grad():
        loss = cross_entropy(model(x.to(device)), y.to(device), reduction="sum")
        gradients = torch.autograd.grad(loss, list(weights.values()), materialize_grads=True)
    return dict(zip(weights, gradients, strict=True))
