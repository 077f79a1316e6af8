"""The length of sequences, the axis along which other texts and series may be shorter or longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from paretoprune.tasks.inputs import Inputs

AXIS = 1  # of positions, behind the samples


def length_of(inputs: Inputs) -> int | None:
    """Return the number of positions L of token ids (N, L) or of a series (N, L, columns).

    None for inputs that are no sequences, or whose length cannot be changed.
    """
    found = next((one for one in inputs if _is_sequence(one)), None)
    if found is None or inputs.is_ragged or found.shape[AXIS] < 2:
        return None
    return found.shape[AXIS]


def has_length(tensor: Tensor, length: int) -> bool:
    """Return True for a tensor with this number of positions, such as ids and their mask."""
    return tensor.dim() > AXIS and tensor.shape[AXIS] == length


def lengths_of(inputs: Inputs) -> tuple[int, ...]:
    """Return the lengths at which graphs are checked: of the inputs and of their half; or none."""
    length = length_of(inputs)
    return (length, _half(length)) if length else ()


def shorter(inputs: Inputs) -> Inputs | None:
    """Return the first half of each sequence, at least one position; None without sequences."""
    length = length_of(inputs)
    if length is None:
        return None
    half = _half(length)
    return inputs.map(lambda one: one[:, :half] if has_length(one, length) else one).contiguous()


def _half(length: int) -> int:
    return (length + 1) // 2


def _is_sequence(tensor: Tensor) -> bool:
    """Return True for whole numbers (N, L), which are ids, and for numbers (N, L, columns)."""
    return tensor.dim() == (3 if tensor.is_floating_point() else 2)
