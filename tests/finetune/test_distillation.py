"""The teacher computes each sample once."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from paretoprune.finetune.distillation import Teacher
from tests.finetune.nets import CPU, batches, tiny_net
from tests.kits.tasks import CLASSES


def counted_net() -> tuple[nn.Module, list[int]]:
    """A network, and the sizes of the batches that it or a copy of it was asked for."""
    model, sizes = tiny_net(), []
    model.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    return model, sizes


def test_a_second_pass_never_calls_the_dense_model() -> None:
    model, sizes = counted_net()
    teacher = Teacher(model, CLASSES, device=CPU, num_keys=3 * 24)
    data = batches(3, keys=True)
    first = [teacher.outputs(batch, key) for batch, key in data]
    assert sizes == [24, 24, 24]
    order = torch.randperm(24)
    for ((x, y), key), logits in zip(data, first, strict=True):
        assert torch.equal(teacher.outputs((x[order], y[order]), key[order]), logits[order])
    assert sizes == [24, 24, 24]
    exact = model.eval()(data[0].batch[0])
    torch.testing.assert_close(first[0], exact, rtol=1e-3, atol=1e-3)  # float16: 11 bits


def test_only_new_samples_are_computed() -> None:
    model, sizes = counted_net()
    teacher = Teacher(model, CLASSES, device=CPU, num_keys=24)
    (x, y), key = batches(1, keys=True)[0]
    teacher.outputs((x[:10], y[:10]), key[:10])
    teacher.outputs((x, y), key)
    assert sizes == [10, 14]


@pytest.mark.parametrize("num_keys", [0, 24])
def test_without_key_or_memory_it_is_computed_each_time(num_keys: int) -> None:
    model, sizes = counted_net()
    teacher = Teacher(model, CLASSES, device=CPU, num_keys=num_keys)
    (x, y), key = batches(1, keys=True)[0]
    for _ in range(2):
        logits = teacher.outputs((x, y), None if num_keys else key)
        torch.testing.assert_close(logits, model.eval()(x))
    assert sizes == [24] * 4


def test_the_dense_model_may_change_afterwards() -> None:
    model = tiny_net()
    x, y = batches(1)[0]
    before = model.eval()(x)
    teacher = Teacher(model, CLASSES, device=CPU)
    nn.init.zeros_(model[0].weight)
    torch.testing.assert_close(teacher.outputs((x, y)), before)
    assert model[0].weight.requires_grad
