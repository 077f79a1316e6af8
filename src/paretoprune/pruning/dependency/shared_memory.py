"""Memory that the models of a proof share, one after the other.

Allocating the memory of a large model takes longer than filling it, so it is allocated once.
"""

from __future__ import annotations

import torch
from torch import Tensor


class SharedMemory:
    """Memory by tensor name. A model that uses it is valid until the next one is made."""

    def __init__(self) -> None:
        self._memory: dict[str, Tensor] = {}

    def of(self, name: str, tensor: Tensor) -> Tensor:
        """Return the flat tensor for this name, with the size and dtype of `tensor`."""
        if name not in self._memory:
            self._memory[name] = torch.empty_like(tensor, memory_format=torch.contiguous_format)
        return self._memory[name].view(-1)
