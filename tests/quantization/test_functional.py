"""Graphs without in-place operators: the same function, also where memory is shared."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch._ops import OpOverload

from paretoprune.formats.tracing import trace
from paretoprune.quantization.functional import functional
from tests.quantization import nets


class Chain(nn.Module):
    """Changes the output of a layer twice; both names are read later."""

    def forward(self, x: Tensor) -> Tensor:
        first = x * 2
        second = first.relu_()
        second.add_(1)
        return first + second + x


class OfView(nn.Module):
    """Changes a tensor through a view, which no replacement of one operator shows."""

    def forward(self, x: Tensor) -> Tensor:
        whole = x * 2
        whole[:, :1].add_(5)
        return whole


class BehindView(nn.Module):
    """Changes a tensor of which a view is read later."""

    def forward(self, x: Tensor) -> Tensor:
        whole = x * 2
        part = whole.view(-1, 3)
        whole.relu_()
        return part + 1


@pytest.mark.parametrize("kind", [Chain, OfView, BehindView])
def test_the_function_is_unchanged(kind: type[nn.Module]) -> None:
    model, x = kind().eval(), torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    module = functional(trace(model, x))
    assert not [node for node in module.graph.nodes if is_in_place(node.target)]
    assert torch.equal(module(x.clone()), model(x.clone()))


@pytest.mark.parametrize("name", nets.NAMES)
def test_networks_are_taken_without_tracing_anew(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    program = trace(nets.build(name), nets.images(2))
    monkeypatch.setattr(type(program), "run_decompositions", None)
    module = functional(program)
    assert not [node for node in module.graph.nodes if is_in_place(node.target)]


def is_in_place(target: object) -> bool:
    return isinstance(target, OpOverload) and target._schema.is_mutable
