"""Optimal brain surgeon (OBS) for the squared output error of the next layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from paretoprune.config.values import Positive
from paretoprune.errors import PruningError
from paretoprune.pruning.compensation.moments import spread
from paretoprune.pruning.compensation.updatable import is_plain, matrix_of
from paretoprune.pruning.groups import Group
from paretoprune.pruning.scorers.parts.channels import Batches, named_weights, on_cpu
from paretoprune.pruning.scorers.parts.inputs import sum_over_consumers, watch_batches
from paretoprune.pruning.scorers.parts.sides import Consumer, consumer_paths

_AT_ONCE = 16  # samples whose inputs are spread at once, for less memory
_DAMPING = 1e-2  # relative to the mean square of the inputs


@dataclass(frozen=True)
class Obs:
    """Squared output error of the next layers after removing a channel with compensation.

    With H the mean of x x^T over a layer's inputs and S the inputs of the channel, the sum over
    rows w of the layer of w_S ([H^-1]_SS)^-1 w_S / 2: the saliency of Hassibi and Stork 1993
    (Second Order Derivatives for Network Pruning: Optimal Brain Surgeon, eq. 5) for the squared
    error of a layer, as in Frantar and Alistarh 2022 (Optimal Brain Compression, section 4), and
    for sets of weights as in Kurtic et al. 2023 (ZipLM, eq. 3). To be combined with `compensation`.
    """

    batches: Positive = 4

    def __call__(
        self, model: nn.Module, groups: Sequence[Group], batches: Batches
    ) -> dict[str, Tensor]:
        """Scores by group name, shape (width,), higher is more important. Labels are not used.

        Raises:
            PruningError: there is no batch, or a layer's inputs cannot be read.
        """
        inverses = self._inverses(model, consumer_paths(model, groups), batches)

        def damages(reader: Consumer) -> Tensor:
            return _damages(model.get_submodule(reader.path), reader, inverses[reader.path])

        return sum_over_consumers(model, groups, damages)

    def per_weight(
        self, model: nn.Module, tensors: Sequence[str], batches: Batches
    ) -> dict[str, Tensor]:
        """Return weight^2 / [H^-1]_jj / 2, by tensor name, shaped like it."""
        paths = [name.rpartition(".")[0] for name in tensors]
        inverses = self._inverses(model, paths, batches)
        return on_cpu(
            {
                name: (_matrix(model, path).square() / inverses[path].diagonal() / 2).reshape(
                    weight.shape
                )
                for (name, weight), path in zip(
                    named_weights(model, tensors).items(), paths, strict=True
                )
            }
        )

    def _inverses(
        self, model: nn.Module, paths: Sequence[str], batches: Batches
    ) -> dict[str, Tensor]:
        """Return H^-1 of the layers, float64 on the CPU."""
        for path in paths:
            if not is_plain(model.get_submodule(path)):
                raise PruningError(
                    f"`{path}` is not a plain convolution or linear layer, which this scorer "
                    "requires; use scorer=fisher or scorer=obd"
                )
        sums: dict[str, Tensor] = {}
        counts: dict[str, int] = {}

        def note(path: str, entering: Tensor, valid: Tensor | None) -> None:
            if not torch.isfinite(entering).all():
                raise PruningError("an activation is NaN or infinite; is the model trained?")
            for number, sample in enumerate(torch.split(entering, _AT_ONCE)):
                x = spread(model.get_submodule(path), sample).double()
                if valid is not None:
                    own = valid[number * _AT_ONCE :][:_AT_ONCE].to(x.device, torch.bool)
                    x = x[:, own.flatten()] if own.numel() == x.shape[1] else x
                sums[path] = sums.get(path, 0) + (x @ x.T).cpu()
                counts[path] = counts.get(path, 0) + x.shape[1]

        watch_batches(model, paths, islice(batches, self.batches), note)
        missing = [path for path in paths if path not in counts]
        if missing:
            raise PruningError(f"layer `{missing[0]}` is not run in the forward pass")
        return {path: _inverse(sums[path] / counts[path]) for path in paths}


def _inverse(moments: Tensor) -> Tensor:
    damping = _DAMPING * moments.diagonal().mean() + 1e-12
    damped = moments + damping * torch.eye(len(moments), dtype=moments.dtype)
    inverse: Tensor = torch.linalg.inv(damped)
    return inverse


def _damages(layer: nn.Module, reader: Consumer, inverse: Tensor) -> Tensor:
    """Return the error for each channel, over all of its inputs in the layer jointly."""
    matrix = matrix_of(layer).double().cpu()
    kernel = math.prod(getattr(layer, "kernel_size", ()))
    found = []
    for positions in reader.slot.positions:
        first = torch.tensor(positions) * kernel
        places = (first[:, None] + torch.arange(kernel)).flatten()
        own = inverse[places][:, places]
        rows = matrix[:, places]
        found.append((rows * torch.linalg.solve(own, rows.T).T).sum() / 2)
    return torch.stack(found)


def _matrix(model: nn.Module, path: str) -> Tensor:
    return matrix_of(model.get_submodule(path)).double().cpu()
