"""Weights with zeros as they can be stored: the numbers that are not zero, and where they stand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

_VALUES, _PLACES, _SHAPE = ".values", ".places", ".shape"


def compress(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict in which each tensor with enough zeros is three: values, a bit mask, the shape.

    A bit for each number costs 1/32 of it, so that tensors with fewer zeros stay as they are.
    `restore` gives back the same numbers.
    """
    packed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        whole = tensor.detach().cpu().contiguous()
        present = whole.flatten() != 0
        if int((~present).sum()) * whole.element_size() * 8 <= whole.numel():
            packed[name] = whole
            continue
        packed[name + _VALUES] = whole.flatten()[present]
        packed[name + _PLACES] = torch.from_numpy(np.packbits(present.numpy()))
        packed[name + _SHAPE] = torch.tensor(whole.shape)
    return packed


def restore(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `compress`."""
    state: dict[str, Tensor] = {}
    for name, tensor in packed.items():
        if name.endswith(_VALUES):
            own = name.removesuffix(_VALUES)
            shape = packed[own + _SHAPE].tolist()
            count = int(np.prod(shape))
            present = np.unpackbits(packed[own + _PLACES].numpy(), count=count).astype(bool)
            flat = torch.zeros(count, dtype=tensor.dtype)
            flat[torch.from_numpy(present)] = tensor
            state[own] = flat.reshape(shape)
        elif not name.endswith((_PLACES, _SHAPE)):
            state[name] = tensor
    return state


def count_compressed_bytes(state: Mapping[str, Tensor]) -> int:
    """Bytes of a safetensors file of the compressed state."""
    return len(safetensors.torch.save(compress(state)))
