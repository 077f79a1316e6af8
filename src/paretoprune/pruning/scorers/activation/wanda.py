"""Wanda: weight magnitude times input norm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from paretoprune.config.values import Positive
from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.parts.channels import Batches, named_weights, on_cpu, sum_slot
from paretoprune.pruning.scorers.parts.inputs import input_means, means_at, sum_over_consumers
from paretoprune.pruning.scorers.parts.sides import Consumer


@dataclass(frozen=True)
class Wanda:
    """Sum of |weight| x norm of its input, over the weights that take a channel as input.

    Sun et al. 2024 (A Simple and Effective Pruning Approach for Large Language Models, section 3,
    eq. 1), for channels instead of single weights. The norm is the root mean square over samples
    and positions of the first `batches` batches, so that layers on large images do not outweigh
    others.
    """

    batches: Positive = 8

    def __call__(
        self, model: nn.Module, groups: Sequence[Group], batches: Batches
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important. Labels are not used.

        Raises:
            PruningError: there is no batch, or activations cannot be read or are not finite.
        """
        squares = input_means(model, groups, batches, limit=self.batches, reading=Tensor.square)
        parameters = dict(model.named_parameters())
        return sum_over_consumers(
            model, groups, lambda reader: _reading(reader, parameters, squares)
        )

    def per_weight(
        self, model: nn.Module, tensors: Sequence[str], batches: Batches
    ) -> dict[str, Tensor]:
        """Return |weight| x norm of its input, by tensor name, shaped like it."""
        paths = [name.rpartition(".")[0] for name in tensors]
        squares = means_at(model, paths, batches, limit=self.batches, reading=Tensor.square)
        norms = {
            name: _norms_like(model.get_submodule(path), squares[path])
            for name, path in zip(tensors, paths, strict=True)
        }
        weights = named_weights(model, tensors)
        return on_cpu({n: w.detach().cpu().abs() * norms[n] for n, w in weights.items()})


def _norms_like(module: nn.Module, squares: Tensor) -> Tensor:
    """Return the norms of a layer's inputs, broadcastable to its weight."""
    weight, norms = module.weight, squares.sqrt()
    assert isinstance(weight, Tensor)
    ones = [1] * (weight.dim() - 2)
    if not isinstance(module, _ConvNd) or module.groups == 1:
        transposed = isinstance(module, _ConvNd) and module.transposed
        return norms.reshape([-1, 1, *ones] if transposed else [1, -1, *ones])
    if module.transposed:
        return norms.reshape([-1, 1, *ones])
    by_group = norms.reshape(module.groups, -1)
    return by_group.repeat_interleave(weight.shape[0] // module.groups, 0).reshape(
        [weight.shape[0], -1, *ones]
    )


def _reading(
    reader: Consumer, parameters: Mapping[str, Tensor], squares: Mapping[str, Tensor]
) -> Tensor:
    weight = parameters[reader.slot.tensor].detach().double().cpu().abs()
    shape = [-1 if axis == reader.slot.dim else 1 for axis in range(weight.dim())]
    return sum_slot(reader.slot, weight * squares[reader.path].sqrt().reshape(shape))
