"""Size of a model's file."""

from __future__ import annotations

import safetensors.torch
from torch import Tensor, nn


def count_bytes(model: nn.Module) -> int:
    """Return the bytes of a safetensors file of the state; shared tensors count once."""
    tensors: dict[str, Tensor] = {}
    seen: set[tuple[int, tuple[int, ...]]] = set()
    for name, tensor in model.state_dict().items():
        place = (tensor.data_ptr(), tuple(tensor.shape))
        if place not in seen or tensor.numel() == 0:
            tensors[name] = tensor.cpu().contiguous()
        seen.add(place)
    return len(safetensors.torch.save(tensors))
