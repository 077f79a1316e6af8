"""Memory in which the proof's models lie one after another.

Asking the system for the memory of a large model takes longer than filling it, so it is asked once.
"""

from __future__ import annotations

import torch
from torch import Tensor


class SharedMemory:
    """Memory by the names of tensors. A model that lies in it lasts until the next one is made."""

    def __init__(self) -> None:
        self._memory: dict[str, Tensor] = {}

    def of(self, name: str, tensor: Tensor) -> Tensor:
        """A flat tensor as large as this one and of its kind, always the same for the name."""
        if name not in self._memory:
            self._memory[name] = torch.empty_like(tensor, memory_format=torch.contiguous_format)
        return self._memory[name].view(-1)
