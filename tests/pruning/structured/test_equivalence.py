"""The gate: equal passes, anything else raises, and the models keep their modes."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from paretoprune.errors import EquivalenceError, PruningError
from paretoprune.pruning.structured.equivalence import check_equivalence, relative_error
from tests.kits import networks


class Constant(nn.Module):
    """Returns what it was given at construction."""

    def __init__(self, output: object) -> None:
        super().__init__()
        self.output = output

    def forward(self, x: Tensor) -> object:
        return self.output


X = torch.zeros(1)


def check(one: object, other: object, **settings: float) -> float:
    return check_equivalence(Constant(one), Constant(other), X, **settings)


def test_the_error_is_relative_to_the_masked_models_largest_output() -> None:
    one, other = torch.tensor([1.0, -4.0]), torch.tensor([1.5, -4.0])
    assert check(one, other, tolerance=0.2) == 0.5 / 4
    assert check(one * 1000, other * 1000, tolerance=0.2) == 0.5 / 4
    with pytest.raises(EquivalenceError, match=r"relative error 0\.12, allowed is 1e-04"):
        check(one, other)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e5])
def test_what_is_allowed_is_rounding_and_no_more(size: float) -> None:
    one = torch.tensor([size, -size / 3])
    assert check(one, one + 0.9e-4 * size) == pytest.approx(0.9e-4, rel=1e-2)
    with pytest.raises(EquivalenceError, match=r"relative error 0\.00011, allowed is 1e-04"):
        check(one, one + 1.1e-4 * size)


def test_every_output_counts() -> None:
    good, bad = torch.ones(3), torch.tensor([1.0, 1.0, 2.0])
    assert check((good, {"a": [good]}), (good, {"a": [good]})) == 0
    with pytest.raises(EquivalenceError):
        check((good, {"a": [good]}), (good, {"a": [bad]}))


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (torch.ones(2), torch.ones(3), r"shapes \[\(3,\)\] instead of \[\(2,\)\]"),
        (torch.ones(2), (torch.ones(2), torch.ones(2)), "shapes"),
        (torch.ones(2), torch.tensor([1.0, float("nan")]), "NaN"),
        (torch.tensor([float("inf")]), torch.tensor([float("inf")]), "infinite"),
    ],
)
def test_shapes_and_values_must_be_sound(one: object, other: object, words: str) -> None:
    with pytest.raises(EquivalenceError, match=words):
        check(one, other)


def test_zeros_are_compared_absolutely() -> None:
    assert relative_error([torch.zeros(2)], [torch.zeros(2)]) == 0
    assert relative_error([torch.zeros(2)], [torch.full((2,), 3.0)]) == 3


def test_outputs_that_are_absent_or_empty_say_nothing() -> None:
    some, empty = torch.ones(2), torch.ones(0, 3)
    assert check((some, None, empty), (some, None, empty)) == 0
    assert relative_error([empty], [empty]) == 0.0
    with pytest.raises(EquivalenceError, match="shapes"):
        check((some, None), (some, some))


def test_outputs_must_be_tensors() -> None:
    with pytest.raises(PruningError, match="returns a str"):
        check("text", "text")
    with pytest.raises(PruningError, match="no tensor"):
        check((), ())


def test_modes_are_kept_and_dropout_is_off() -> None:
    model = networks.build("vgg").train()
    model.features.eval()
    twin = copy.deepcopy(model)
    assert check_equivalence(model, twin, networks.example()) == 0
    for one in (model, twin):
        assert one.training and one.classifier.training
        assert not one.features.training and not one.features[1].training


def test_modes_are_kept_after_a_failure() -> None:
    model = networks.build("vgg").train()
    with pytest.raises(RuntimeError):
        check_equivalence(model, model, torch.zeros(1, 5, 8, 8))
    assert model.training


def test_the_gpu_must_not_round_to_tf32() -> None:
    class Precision(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(torch.backends.cudnn.conv.fp32_precision)
            seen.append(torch.backends.cuda.matmul.fp32_precision)
            return x

    seen: list[str] = []
    before = torch.backends.cudnn.conv.fp32_precision, torch.backends.cudnn.allow_tf32
    check_equivalence(Precision(), Precision(), X)
    assert seen == ["ieee"] * 4
    assert (torch.backends.cudnn.conv.fp32_precision, torch.backends.cudnn.allow_tf32) == before


class Decision(nn.Module):
    """Returns 10 or 20, as a sum is positive or not; summed in one of two orders."""

    def __init__(self, order: list[int]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, 1e-9, -1.0])[order])

    def forward(self, x: Tensor) -> Tensor:
        total = x + self.weight[0] + self.weight[1] + self.weight[2]
        return torch.where(total > 5e-10, 10.0, 20.0)


def test_a_decision_that_rounding_alone_changes_is_no_difference() -> None:
    one, other = Decision([0, 1, 2]), Decision([0, 2, 1])  # 0 and 1e-9 in single precision
    assert one(X).item() != other(X).item()
    assert check_equivalence(one, other, X) == 0
    assert one.weight.dtype == torch.float32
    with torch.no_grad():
        one.weight[1] = -1e-6  # now the sums differ in both precisions
    with pytest.raises(EquivalenceError, match=r"relative error 1, allowed"):
        check_equivalence(other, one, X)


class Overflow(nn.Module):
    """Returns a square that single precision cannot hold and double precision can."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1e30))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight**2


def test_what_overflows_in_single_precision_is_not_saved_by_double() -> None:
    with pytest.raises(EquivalenceError, match="infinite"):
        check_equivalence(Overflow(), Overflow(), X)
