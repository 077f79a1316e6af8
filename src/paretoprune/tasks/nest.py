"""Nests of tensors: tuples, lists and mappings of tensors at any depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

Nest = Any  # tensors in any nest of tuples, lists and mappings; other values are left alone
IsSamples = Callable[[list[Any]], bool]  # True for a list with one entry for each sample


def tensors_in(value: Nest) -> Iterator[Tensor]:
    """Yield the tensors of a nest, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from tensors_in(inner)
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from tensors_in(inner)


def map_tensors(value: Nest, change: Callable[[Tensor], Tensor]) -> Nest:
    """Return the nest with every tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    return _rebuilt(value, [map_tensors(inner, change) for inner in _inner(value)])


def on_device(value: Nest, device: torch.device, *, non_blocking: bool = False) -> Nest:
    """Return the nest with its tensors on the device."""
    return map_tensors(value, lambda tensor: tensor.to(device, non_blocking=non_blocking))


def floats(value: Nest) -> Nest:
    """Return the nest with float16 and bfloat16 tensors, as of autocast, in float32."""
    narrow = (torch.float16, torch.bfloat16)
    return map_tensors(value, lambda one: one.float() if one.dtype in narrow else one)


def take(value: Nest, index: slice | Tensor, count: int, is_samples: IsSamples) -> Nest:
    """Return the samples at `index` of a nest of `count` samples.

    Tensors with `count` rows and lists of samples are indexed; all else is left alone.
    """
    if isinstance(value, Tensor):
        rows = value.dim() > 0 and len(value) == count
        return value[_on(index, value.device)] if rows else value
    if isinstance(value, list) and is_samples(value):
        return [value[number] for number in torch.arange(count)[_on(index)].tolist()]
    return _rebuilt(value, [take(inner, index, count, is_samples) for inner in _inner(value)])


def join(parts: Sequence[Nest], is_samples: IsSamples) -> Nest:
    """Return nests of the same form as one, joined along the batch axis.

    Shorter tensors, such as sentences, are padded with zeros at the end. Of values without a batch
    axis the first is taken.
    """
    first = parts[0]
    if isinstance(first, Tensor):
        return _cat(parts) if first.dim() else first
    if isinstance(first, list) and is_samples(first):
        return [sample for part in parts for sample in part]
    columns = zip(*map(_inner, parts), strict=True)
    return _rebuilt(first, [join(column, is_samples) for column in columns])


def _on(index: slice | Tensor, device: torch.device | str = "cpu") -> slice | Tensor:
    return index.to(device) if isinstance(index, Tensor) else index


def _cat(tensors: Sequence[Tensor]) -> Tensor:
    sizes = torch.tensor([tensor.shape[1:] for tensor in tensors]).reshape(len(tensors), -1)
    largest = sizes.max(0).values.tolist() if sizes.numel() else []
    return torch.cat([_padded(tensor, largest) for tensor in tensors])


def _padded(tensor: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return a tensor (N, ...) with zeros behind its values, up to these sizes."""
    missing = [size - own for size, own in zip(sizes, tensor.shape[1:], strict=True)]
    if not any(missing):
        return tensor
    return pad(tensor, [amount for each in reversed(missing) for amount in (0, each)])


def _inner(value: Nest) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, tuple | list) else []


def _rebuilt(value: Nest, inner: Sequence[Any]) -> Nest:
    """Return a container like `value` with other contents; `value` itself if it is none."""
    if isinstance(value, Mapping):
        contents = dict(zip(value, inner, strict=True))
        return contents if type(value) is dict else _like(value, contents)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*inner)
    return type(value)(inner) if isinstance(value, tuple | list) else value


def _like(value: Mapping[str, Any], contents: dict[str, Any]) -> Nest:
    """Return a mapping of the type of `value`, such as a ModelOutput, or else a dict."""
    try:
        return type(value)(**contents)
    except TypeError:
        return contents
