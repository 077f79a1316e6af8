"""The bytes of a pruned model's file in closed form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from paretoprune.pruning.groups import Group
from paretoprune.pruning.structured.size import SizeModel


class FileSize:
    """Size in bytes of a pruned model's file: all tensors at given widths, plus the header.

    Args:
        groups: the groups of the dense model.
        state: the dense model's state dict.
        dense_bytes: size of the dense model's file.
    """

    def __init__(
        self, groups: Sequence[Group], state: Mapping[str, Tensor], dense_bytes: int
    ) -> None:
        by_size: dict[int, dict[str, tuple[int, ...]]] = {}
        for name, tensor in state.items():
            by_size.setdefault(tensor.element_size(), {})[name] = tuple(tensor.shape)
        self._sizes = {size: SizeModel(groups, shapes, {}) for size, shapes in by_size.items()}
        self._header = dense_bytes - self._tensor_bytes({})
        self._tensors = len(state)
        self._in_block = {g.name: sum(map(g.block.holds, state)) for g in groups if g.block}

    def bytes_of(self, widths: Mapping[str, int]) -> int:
        """Return the bytes of the file at these widths.

        The header has an entry for each tensor; its real size may differ by some bytes.
        """
        gone = sum(count for name, count in self._in_block.items() if not widths.get(name, 1))
        return round(self._header * (1 - gone / self._tensors)) + self._tensor_bytes(widths)

    def _tensor_bytes(self, widths: Mapping[str, int]) -> int:
        return sum(size * model.cost(widths).params for size, model in self._sizes.items())
