"""Layers that compensation updates, and those that it leaves unchanged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from paretoprune.pruning.structured.layers import is_transposed_linear


def is_plain(module: nn.Module) -> bool:
    """Return True if a layer's outputs are the product of one of its parameters with its inputs.

    These are convolutions of one to three dimensions without groups, and linear layers, also with a
    weight (inputs, outputs). Parametrised weights are excluded.
    """
    if not isinstance(getattr(module, "weight", None), nn.Parameter):
        return False
    if isinstance(module, _ConvNd):
        return module.groups == 1 and not isinstance(module, _ConvTransposeNd)
    return isinstance(module, nn.Linear) or is_transposed_linear(module)


def matrix_of(layer: nn.Module) -> Tensor:
    """Return the weight of a plain layer as (outputs, inputs), detached."""
    assert isinstance(layer.weight, Tensor)
    weight = layer.weight.detach()
    return weight.T if is_transposed_linear(layer) else weight.flatten(1)


def add_to(layer: nn.Module, change: Tensor) -> None:
    """Add a matrix (outputs, inputs) to the weight of a plain layer, in place."""
    assert isinstance(layer.weight, Tensor)
    change = change.T if is_transposed_linear(layer) else change.reshape(layer.weight.shape)
    layer.weight += change.to(layer.weight)


def output_axis(layer: nn.Module) -> int:
    """Return the dimension of a plain layer's output that holds its output channels."""
    return 1 if isinstance(layer, _ConvNd) else -1


def updatable_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Return the plain layers by path whose weight is not shared with another layer."""
    shared = _shared(model)
    return {
        path: module
        for path, module in model.named_modules()
        if is_plain(module) and id(module.weight) not in shared and not _is_bypassed(model, path)
    }


def skipped_layers(model: nn.Module) -> Mapping[str, str]:
    """Return the reason, by path, why a layer is not updated; without embeddings."""
    shared, updatable = _shared(model), updatable_layers(model)
    return {
        path.partition(".parametrizations.")[0]: "its weight is shared"
        if own & shared
        else type(module).__name__
        for path, module in model.named_modules()
        if (own := {id(p) for p in module.parameters(recurse=False) if p.dim() > 1})
        and path not in updatable
        and not isinstance(module, nn.Embedding | nn.EmbeddingBag)
    }


def _shared(model: nn.Module) -> set[int]:
    """Return the ids of parameters of several modules, or with several names in one module."""
    uses = Counter(
        id(parameter)
        for _, module in model.named_modules()
        for _, parameter in module.named_parameters(recurse=False, remove_duplicate=False)
    )
    return {one for one, count in uses.items() if count > 1}


def _is_bypassed(model: nn.Module, path: str) -> bool:
    """Return True for a layer in `nn.MultiheadAttention`, which does not call it."""
    return isinstance(model.get_submodule(path.rpartition(".")[0]), nn.MultiheadAttention)
