"""Names of tensors: the layer that owns a tensor, and aliases of shared tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

PARAMETRIZED = ".parametrizations."  # in names that `torch.nn.utils.parametrize` creates


def layer_of(tensor: str) -> str:
    """Return the path of the layer that owns a parameter, also if the parameter is parametrised."""
    before, found, _ = f".{tensor}".partition(PARAMETRIZED)
    return before[1:] if found else tensor.rpartition(".")[0]


def sizes_of_channels(module: nn.Module, parameter: Tensor) -> set[int]:
    """Return the sizes of a parameter that can be channel counts, not kernel sizes."""
    sizes = set(parameter.shape[:2] if isinstance(module, _ConvNd) else parameter.shape)
    if isinstance(module, _ConvNd):
        sizes |= {module.in_channels, module.out_channels}
    return sizes - {1}


def aliases_in(model: nn.Module) -> dict[str, tuple[str, ...]]:
    """Return the other names of each parameter or buffer of a multiply registered module."""
    paths: dict[int, list[str]] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        paths.setdefault(id(module), []).append(path)
    return {
        f"{first}.{name}": tuple(f"{path}.{name}" for path in others)
        for (first, *others) in paths.values()
        if others
        for name in model.get_submodule(first).state_dict()
        if "." not in name
    }


def tied_names(model: nn.Module, aliases: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Map each tensor to another one with the same memory, if there is one.

    Aliases of one module, as given by `aliases_in`, do not count.
    """
    further = {name for names in aliases.values() for name in names}
    by_memory: dict[int, list[str]] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if isinstance(tensor, Tensor) and tensor.numel() and name not in further:
            by_memory.setdefault(tensor.untyped_storage().data_ptr(), []).append(name)
    return {
        name: next(other for other in names if other != name)
        for names in by_memory.values()
        if len(names) > 1
        for name in names
    }
