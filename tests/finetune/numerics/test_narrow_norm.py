"""Folded BatchNorm is BatchNorm: outputs, gradients and statistics, and no trace afterwards."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from paretoprune.finetune.numerics.narrow_norm import folded_norms


def norm_of(channels: int) -> nn.BatchNorm2d:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(channels)
    for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        assert tensor is not None
        nn.init.uniform_(tensor, 0.5, 1.5)
    return norm


def images(channels: int, width: int, *, dtype: torch.dtype = torch.float32) -> Tensor:
    torch.manual_seed(1)
    x = 3 + 2 * torch.randn(5, channels, 6, width, dtype=dtype)
    return x.contiguous(memory_format=torch.channels_last)


def trained(norm: nn.Module, x: Tensor) -> list[Tensor]:
    """The output of two passes, and the gradients of a loss in which pixels differ."""
    norm.zero_grad()
    x = x.clone().requires_grad_()
    norm(x)
    y = norm(x)
    weights = torch.linspace(-1, 2, y.numel()).reshape(y.shape).to(y.dtype)
    torch.autograd.backward((y * weights + y**2).sum())
    assert x.grad is not None
    parameters = [p.grad for p in norm.parameters() if p.grad is not None]
    return [y.detach(), x.grad, *parameters, *(b.float() for b in norm.buffers())]


@pytest.mark.parametrize("channels", [1, 2, 3, 10, 15])
@pytest.mark.parametrize("width", [4, 6, 7, 32])
@pytest.mark.parametrize("training", [True, False])
def test_it_is_the_same_as_pytorchs(channels: int, width: int, training: bool) -> None:
    plain = norm_of(channels).train(training)
    folded, x = copy.deepcopy(plain), images(channels, width)
    expected = trained(plain, x)
    with folded_norms(folded):
        found = trained(folded, x)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * float(other.abs().max()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_evaluation_is_the_same(dtype: torch.dtype) -> None:
    norm, x = norm_of(3).eval(), images(3, 8, dtype=dtype)
    with torch.inference_mode():
        expected = norm(x)
        with folded_norms(norm):
            assert torch.equal(norm(x), expected)


def test_what_follows_may_change_its_output_in_place() -> None:
    norm, x = norm_of(3), images(3, 8)
    with folded_norms(norm):
        gradients = trained(nn.Sequential(norm, nn.ReLU(inplace=True)), x)[1]
    expected = trained(nn.Sequential(norm, nn.ReLU()), x)[1]
    torch.testing.assert_close(gradients, expected)


def test_gradients_are_those_of_finite_differences() -> None:
    norm, x = norm_of(2).double(), images(2, 4, dtype=torch.float64).requires_grad_()
    with folded_norms(norm):
        assert torch.autograd.gradcheck(norm, x)


def test_bfloat16_loses_no_more_than_pytorchs() -> None:
    plain, x = norm_of(4), images(4, 16, dtype=torch.bfloat16)
    folded = copy.deepcopy(plain)
    exact = trained(copy.deepcopy(plain).double(), x.double())
    expected = trained(plain, x)
    with folded_norms(folded):
        found = trained(folded, x)
    assert [tensor.dtype for tensor in found] == [tensor.dtype for tensor in expected]
    for one, other, truth in zip(found, expected, exact, strict=True):
        assert (one - truth).norm() <= 1.5 * (other - truth).norm() + 1e-6 * truth.norm()


def test_inputs_in_the_usual_order_and_wide_norms_are_left_to_pytorch() -> None:
    narrow, wide = norm_of(3), norm_of(16)
    expected = copy.deepcopy(narrow)(images(3, 8).contiguous())
    with folded_norms(nn.Sequential(narrow, wide)):
        assert "forward" not in vars(wide)
        assert torch.equal(narrow(images(3, 8).contiguous()), expected)


def test_it_leaves_no_trace() -> None:
    norm = norm_of(3)
    with pytest.raises(KeyError), folded_norms(norm):
        raise KeyError
    assert "forward" not in vars(norm)
