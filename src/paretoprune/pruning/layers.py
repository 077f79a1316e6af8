"""Where the channels of a layer lie in its tensors, for the kinds of layers that can be sliced."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd


class Unsupported(Exception):
    """Channels of this layer cannot be removed; the text says why."""


def channel_dims(module: nn.Module, path: str, *, out: bool) -> list[tuple[str, int]]:
    """The (tensor, dimension) pairs that hold a layer's output (or input) channels.

    Raises:
        Unsupported: channels of such a layer cannot be removed.
    """
    if isinstance(module, _ConvNd):
        return _convolution(module, path, out)
    if isinstance(module, nn.Linear):
        return [("weight", 0), *_present(module, "bias")] if out else [("weight", 1)]
    if isinstance(module, _NormBase):
        tensors = _present(module, "weight", "bias", "running_mean", "running_var")
        if not tensors:
            raise Unsupported(f"`{path}` is a {_kind(module)} without any tensor")
        return tensors
    if isinstance(module, nn.PReLU):
        return [("weight", 0)] if module.num_parameters > 1 else []
    if isinstance(module, nn.Embedding):
        return [("weight", 1)]
    if isinstance(module, nn.LayerNorm | nn.GroupNorm):
        raise Unsupported(
            f"`{path}` is a {_kind(module)}, which averages over channels: "
            "without some of them the others would change"
        )
    if next(module.parameters(), None) is None:
        return []
    raise Unsupported(f"`{path}` is a {_kind(module)}, whose channels cannot be removed yet")


def is_grouped(module: _ConvNd) -> bool:
    """Whether the convolution has groups of several channels, which can only go as a whole."""
    return module.groups > 1 and not _is_depthwise(module)


def _is_depthwise(module: _ConvNd) -> bool:
    return module.groups == module.in_channels == module.out_channels


def _convolution(module: _ConvNd, path: str, out: bool) -> list[tuple[str, int]]:
    if is_grouped(module):
        return _grouped_convolution(module, path, out)
    if module.groups > 1:
        return [("weight", 0), *_present(module, "bias")]
    if out:
        return [("weight", 1 if module.transposed else 0), *_present(module, "bias")]
    return [("weight", 0 if module.transposed else 1)]


def _grouped_convolution(module: _ConvNd, path: str, out: bool) -> list[tuple[str, int]]:
    if module.transposed or module.groups == module.out_channels:
        # Of these, the dependency graph knows the depthwise case alone.
        raise Unsupported(
            f"`{path}` is a grouped convolution of a kind whose channels cannot be removed yet "
            "(transposed, or with one output and several inputs in each group)"
        )
    return [("weight", 0), *_present(module, "bias")] if out else []


def _present(module: nn.Module, *names: str) -> list[tuple[str, int]]:
    return [(name, 0) for name in names if getattr(module, name) is not None]


def _kind(module: nn.Module) -> str:
    return type(module).__name__
