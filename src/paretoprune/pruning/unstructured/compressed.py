"""Compressed storage of sparse weights: nonzero values and a bit mask of their positions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

_VALUES, _PLACES, _SHAPE = ".values", ".places", ".shape"


def compress(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict in which each sparse tensor is stored as values, bit mask and shape.

    The mask takes one bit per element (1/32 of float32); tensors with fewer zeros than that saves
    are stored unchanged. `restore` returns the same tensors.
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
    """Inverse of `compress`."""
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
    """Return the bytes of a safetensors file of the compressed state."""
    return len(safetensors.torch.save(compress(state)))
