"""Layers whose weights can be updated, and those that compensation leaves as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from paretoprune.pruning.structured.layers import is_transposed_linear


def is_plain(module: nn.Module) -> bool:
    """Whether a layer's outputs are the product of a parameter with its inputs.

    Convolutions of one, two or three dimensions without groups, and linear layers, also those with
    a weight (inputs, outputs). None whose weight is computed from other parameters.
    """
    if not isinstance(getattr(module, "weight", None), nn.Parameter):
        return False
    if isinstance(module, _ConvNd):
        return module.groups == 1 and not isinstance(module, _ConvTransposeNd)
    return isinstance(module, nn.Linear) or is_transposed_linear(module)


def matrix_of(layer: nn.Module) -> Tensor:
    """The weight of a plain layer as (outputs, inputs), without its gradient."""
    assert isinstance(layer.weight, Tensor)
    weight = layer.weight.detach()
    return weight.T if is_transposed_linear(layer) else weight.flatten(1)


def add_to(layer: nn.Module, change: Tensor) -> None:
    """Add a matrix (outputs, inputs) to the weight of a plain layer, in place."""
    assert isinstance(layer.weight, Tensor)
    change = change.T if is_transposed_linear(layer) else change.reshape(layer.weight.shape)
    layer.weight += change.to(layer.weight)


def output_axis(layer: nn.Module) -> int:
    """The dimension of a plain layer's output that counts its outputs."""
    return 1 if isinstance(layer, _ConvNd) else -1


def updatable_layers(model: nn.Module) -> dict[str, nn.Module]:
    """The plain layers of the model by path whose weight is no other layer's as well."""
    shared = _shared(model)
    return {
        path: module
        for path, module in model.named_modules()
        if is_plain(module) and id(module.weight) not in shared and not _is_bypassed(model, path)
    }


def skipped_layers(model: nn.Module) -> Mapping[str, str]:
    """By path, the reason why a layer with a weight is left as it is. Embeddings take no inputs."""
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
    """Parameters (by `id`) of several modules, or of several names in one."""
    uses = Counter(
        id(parameter)
        for _, module in model.named_modules()
        for _, parameter in module.named_parameters(recurse=False, remove_duplicate=False)
    )
    return {one for one, count in uses.items() if count > 1}


def _is_bypassed(model: nn.Module, path: str) -> bool:
    """Whether the layer lies in an attention of PyTorch's own, which uses its weight without it."""
    return isinstance(model.get_submodule(path.rpartition(".")[0]), nn.MultiheadAttention)
