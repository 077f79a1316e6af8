"""Equivalence check: a pruned model must compute what the masked dense model computes."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from paretoprune.errors import EquivalenceError, PruningError
from paretoprune.pruning.modes import evaluating, full_precision
from paretoprune.tasks.inputs import Example, inputs_of


class _NotFiniteError(EquivalenceError):
    """An output is NaN or infinite, which double precision might hide."""


def check_equivalence(
    masked: nn.Module, pruned: nn.Module, example: Example, *, tolerance: float = 1e-4
) -> float:
    """Return the largest relative error of the pruned model against the masked dense model.

    Both run once in evaluation mode, and are restored to their modes. The error of one output
    tensor is max|a - b| / max|a|, where a comes from the masked model. Models that differ are
    compared once more in double precision: where a model decides by its values, as by top-k or
    non-maximum suppression, rounding in single precision can change the decision.

    Raises:
        EquivalenceError: the error is over `tolerance` or shapes differ, in both precisions, or an
            output is not finite.
    """
    try:
        return _checked(masked, pruned, example, tolerance)
    except _NotFiniteError:
        raise
    except EquivalenceError as fault:
        one, other = (copy.deepcopy(model).double() for model in (masked, pruned))
        try:
            return _checked(one, other, inputs_of(example).map(_doubled), tolerance)
        except (RuntimeError, EquivalenceError):  # a model may have parts of single precision
            raise fault from None


def _checked(masked: nn.Module, pruned: nn.Module, example: Example, tolerance: float) -> float:
    with evaluating(masked, pruned), full_precision(), torch.no_grad():
        expected, actual = run(masked, example), run(pruned, example)
    error = relative_error(expected, actual)
    if error > tolerance:
        raise EquivalenceError(
            f"the pruned model does not compute what the masked dense model computes: "
            f"relative error {error:.2g}, allowed is {tolerance:.0e}"
        )
    return error


def _doubled(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


def relative_error(expected: Sequence[Tensor], actual: Sequence[Tensor]) -> float:
    """Return the largest of max|a - b| / max|a| over pairs of outputs.

    Raises:
        EquivalenceError: the number or shapes of outputs differ, or a value is not finite.
    """
    shapes = [tuple(a.shape) for a in expected], [tuple(b.shape) for b in actual]
    if shapes[0] != shapes[1]:
        raise EquivalenceError(f"the outputs have shapes {shapes[1]} instead of {shapes[0]}")
    return max(_error(a.double(), b.double()) for a, b in zip(expected, actual, strict=True))


def run(model: nn.Module, example: Example) -> list[Tensor]:
    """Return the model's outputs for the example as a flat list of tensors."""
    outputs = flat(inputs_of(example).run(model))
    if not outputs:
        raise PruningError("the model returns no tensor")
    return outputs


def flat(outputs: object) -> list[Tensor]:
    """Return the tensors in nested tuples, lists and dicts, in order."""
    if isinstance(outputs, Tensor):
        return [outputs]
    if isinstance(outputs, Mapping):
        return [tensor for value in outputs.values() for tensor in flat(value)]
    if isinstance(outputs, tuple | list):
        return [tensor for value in outputs for tensor in flat(value)]
    if outputs is None:
        return []
    raise PruningError(
        f"the model returns a {type(outputs).__name__}; it must return tensors, "
        "or tuples, lists or dicts of them"
    )


def _error(expected: Tensor, actual: Tensor) -> float:
    if not (torch.isfinite(expected).all() and torch.isfinite(actual).all()):
        raise _NotFiniteError("an output is NaN or infinite")
    if expected.numel() == 0:
        return 0.0
    difference = float((expected - actual).abs().max())
    scale = float(expected.abs().max())
    return difference / scale if scale else difference
