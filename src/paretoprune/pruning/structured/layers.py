"""Integer attributes of PyTorch's own layers, set to agree with their tensors."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from paretoprune.pruning.structured.attention import FewerHeads


def fit_attributes(module: nn.Module) -> None:
    """Set the integer attributes of a layer from the shapes of its tensors."""
    if isinstance(module, _ConvNd):
        _fit_convolution(module)
    elif isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif isinstance(module, _NormBase):
        tensor = module.weight if module.weight is not None else module.running_mean
        assert tensor is not None
        module.num_features = tensor.shape[0]
    elif isinstance(module, nn.GroupNorm):
        size = module.num_channels // module.num_groups
        module.num_channels = module.weight.shape[0]
        module.num_groups = module.num_channels // size
    elif isinstance(module, nn.LayerNorm):
        module.normalized_shape = tuple(module.weight.shape)
    elif isinstance(module, nn.Embedding):
        module.embedding_dim = module.weight.shape[1]
    elif isinstance(module, nn.PReLU):
        module.num_parameters = module.weight.shape[0]
    elif isinstance(module, nn.RNNBase):
        _fit_recurrent(module)
    elif isinstance(module, nn.RNNCellBase):
        module.hidden_size, module.input_size = module.weight_hh.shape[1], module.weight_ih.shape[1]
    elif isinstance(module, nn.MultiheadAttention):
        FewerHeads.fit(module)
    elif is_transposed_linear(module):
        assert isinstance(module.weight, Tensor)
        vars(module)["nx"], vars(module)["nf"] = module.weight.shape


def is_transposed_linear(module: nn.Module) -> bool:
    """Return True for a linear layer with a weight (inputs, outputs): `Conv1D` of transformers."""
    return type(module).__name__ == "Conv1D" and isinstance(getattr(module, "nf", None), int)


def output_dim(module: nn.Module) -> int:
    """Return the dimension of a layer's weight that holds its outputs."""
    transposed = isinstance(module, _ConvNd) and module.transposed
    return int(transposed or isinstance(module, nn.Embedding) or is_transposed_linear(module))


def empty_caches(model: nn.Module, caches: Iterable[str]) -> None:
    """Empty these dicts (`module.attribute`) in place; a forward pass fills them again."""
    for cache in caches:
        path, _, name = cache.rpartition(".")
        module = model.get_submodule(path)
        setattr(module, name, type(getattr(module, name))())


def _fit_convolution(module: _ConvNd) -> None:
    first, second = module.weight.shape[:2]
    if module.groups > 1:  # whole convolution groups were removed; the size of a group is unchanged
        whole = module.in_channels if module.transposed else module.out_channels
        module.groups = first // (whole // module.groups)
        other = module.groups * second
        module.in_channels, module.out_channels = (
            (first, other) if module.transposed else (other, first)
        )
    elif module.transposed:
        module.in_channels, module.out_channels = first, second
    else:
        module.out_channels, module.in_channels = first, second


def _fit_recurrent(module: nn.RNNBase) -> None:
    shapes = {name: tensor.shape for name, tensor in module.named_parameters()}
    rows, module.input_size = shapes["weight_ih_l0"]
    module.hidden_size = rows // {"LSTM": 4, "GRU": 3}.get(module.mode, 1)
    if module.proj_size:
        module.proj_size = shapes["weight_hr_l0"][0]
    module.flatten_parameters()
