"""Channels-last training changes speed only: same gradients, and no trace afterwards."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paretoprune.finetune.numerics.memory_format import as_channels_last, channels_last
from tests.finetune.nets import CPU, batches, tiny_net

CUDA = torch.device("cuda")


def is_channels_last(x: Tensor) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()


def gradients(model: nn.Module, x: Tensor) -> list[Tensor]:
    model.zero_grad()
    model(x).square().sum().backward()
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]


def test_gradients_are_the_same() -> None:
    model, x = tiny_net().eval(), batches(1)[0][0]
    plain = gradients(model, x)
    with channels_last(model, CPU):
        fast = gradients(model, as_channels_last(x))
    for one, other in zip(plain, fast, strict=True):
        torch.testing.assert_close(one, other)


def test_convolutions_see_channels_last_inside_only() -> None:
    model, seen = tiny_net(), []
    model[2].register_forward_hook(lambda module, inputs, output: seen.append(output))
    x = batches(1)[0][0]
    with channels_last(model, CPU):
        assert is_channels_last(model[0].weight)
        model(as_channels_last(x))
    assert model[0].weight.is_contiguous()
    model(x)
    assert [is_channels_last(output) for output in seen] == [True, False]


def test_strided_pointwise_convolutions_are_kept_from_it_on_cpus() -> None:
    model = tiny_net()
    seen: list[Tensor] = []
    with channels_last(model, CPU):
        model[3].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
        model(as_channels_last(batches(1)[0][0]))
        assert model[3].weight.stride() == (8, 1, 1, 1)
    assert seen[0].is_contiguous() and not is_channels_last(seen[0])
    assert len(model[3]._forward_pre_hooks) == 0


def test_parameters_stay_the_same_objects() -> None:
    model = tiny_net()
    before = list(model.parameters())
    with channels_last(model, CPU):
        pass
    assert all(one is other for one, other in zip(before, model.parameters(), strict=True))
    assert [p.stride() for p in before] == [p.stride() for p in tiny_net().parameters()]


def test_other_inputs_pass_through() -> None:
    x = torch.rand(3, 5)
    assert as_channels_last(x) is x
