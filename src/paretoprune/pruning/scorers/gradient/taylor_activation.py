"""Taylor criterion on activations: first-order change of the loss when a channel is set to zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from paretoprune.config.values import Positive
from paretoprune.pruning.groups import Group
from paretoprune.pruning.modes import evaluating
from paretoprune.pruning.scorers.parts.channels import Batches
from paretoprune.pruning.scorers.parts.gradients import (
    check_gradients,
    requiring_grad,
    summed_loss,
    weights_of,
)
from paretoprune.pruning.scorers.parts.inputs import by_place, watching
from paretoprune.pruning.scorers.parts.sides import Consumer, consumer_paths, consumers
from paretoprune.tasks.bound import TaskBatch


@dataclass(frozen=True)
class TaylorActivation:
    """Mean over samples of |sum over positions of activation x gradient|.

    Molchanov et al. 2017 (Pruning Convolutional Neural Networks for Resource Efficient Inference,
    section 2.2, eq. 8), without the constant 1/M. The activations are the inputs of the layers that
    take the channel, with the gradient through these layers only; summed over all of them it is the
    first-order effect of a channel's removal on a sample's loss.
    """

    batches: Positive = 8

    def __call__(
        self, model: nn.Module, groups: Sequence[Group], batches: Batches
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important.

        `batches` yields (x, y, ...) as in training; the model is left as it was.

        Raises:
            PruningError: there is no batch, a gradient is not finite, or a group enters no layer.
        """
        readers = {group.name: consumers(model, group) for group in groups}
        paths = consumer_paths(model, groups)
        total = {group.name: torch.zeros(group.width, dtype=torch.float64) for group in groups}
        samples = 0
        with evaluating(model), requiring_grad(weights_of(model, groups)):
            for batch in islice(batches, self.batches):
                effects = _effects(model, paths, batch)
                samples += len(batch)
                for name, own in readers.items():
                    total[name] += _per_channel(own, effects).abs().sum(0)
        check_gradients(total, samples)
        return {name: (score / samples).float() for name, score in total.items()}


def _effects(model: nn.Module, paths: Sequence[str], batch: TaskBatch) -> dict[str, Tensor]:
    """Return activation x gradient summed over positions, by path: (samples, inputs)."""
    probes: list[tuple[str, Tensor]] = []

    def note(path: str, entering: Tensor) -> Tensor:
        # A separate view, so that the gradient is that through this layer alone.
        probe = entering.view_as(entering)
        probes.append((path, probe))
        return probe

    with watching(model, paths, note):
        loss = summed_loss(model, batch)
    gradients = torch.autograd.grad(loss, [probe for _, probe in probes], materialize_grads=True)
    effects: dict[str, Tensor] = {}
    for (path, probe), gradient in zip(probes, gradients, strict=True):
        product = by_place(model.get_submodule(path), probe.detach() * gradient)
        effects[path] = effects.get(path, 0) + product.double().sum(2).cpu()
    return effects


def _per_channel(readers: Sequence[Consumer], effects: Mapping[str, Tensor]) -> Tensor:
    """Return the effects by channel: (samples, width)."""
    parts = [
        effects[reader.path][:, torch.tensor(reader.slot.positions)].sum(2)
        for reader in readers
        if reader.path in effects
    ]
    return torch.stack(parts).sum(0)
