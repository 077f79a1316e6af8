"""The teacher computes each sample once, and the loss is Hinton's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from paretoprune.finetune.distillation import Teacher, distillation_loss
from tests.finetune.nets import CPU, NUM_CLASSES, batches, tiny_net


def counted_net() -> tuple[nn.Module, list[int]]:
    """A network, and the sizes of the batches that it or a copy of it was asked for."""
    model, sizes = tiny_net(), []
    model.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    return model, sizes


def test_a_second_pass_never_calls_the_dense_model() -> None:
    model, sizes = counted_net()
    teacher = Teacher(model, num_classes=NUM_CLASSES, device=CPU, num_keys=3 * 24)
    data = batches(3, keys=True)
    first = [teacher.logits(x, key) for x, _, key in data]
    assert sizes == [24, 24, 24]
    order = torch.randperm(24)
    for (x, _, key), logits in zip(data, first, strict=True):
        assert torch.equal(teacher.logits(x[order], key[order]), logits[order])
    assert sizes == [24, 24, 24]
    exact = model.eval()(data[0][0])
    torch.testing.assert_close(first[0], exact, rtol=1e-3, atol=1e-3)  # float16: 11 bits


def test_only_new_samples_are_computed() -> None:
    model, sizes = counted_net()
    teacher = Teacher(model, num_classes=NUM_CLASSES, device=CPU, num_keys=24)
    x, _, key = batches(1, keys=True)[0]
    teacher.logits(x[:10], key[:10])
    teacher.logits(x, key)
    assert sizes == [10, 14]


@pytest.mark.parametrize("num_keys", [0, 24])
def test_without_key_or_memory_it_is_computed_each_time(num_keys: int) -> None:
    model, sizes = counted_net()
    teacher = Teacher(model, num_classes=NUM_CLASSES, device=CPU, num_keys=num_keys)
    x, _, key = batches(1, keys=True)[0]
    for _ in range(2):
        logits = teacher.logits(x, None if num_keys else key)
        torch.testing.assert_close(logits, model.eval()(x))
    assert sizes == [24] * 4


def test_the_dense_model_may_change_afterwards() -> None:
    model = tiny_net()
    x = batches(1)[0][0]
    before = model.eval()(x)
    teacher = Teacher(model, num_classes=NUM_CLASSES, device=CPU)
    nn.init.zeros_(model[0].weight)
    torch.testing.assert_close(teacher.logits(x), before)
    assert model[0].weight.requires_grad


def test_the_loss_is_hintons_formula() -> None:
    generator = np.random.default_rng(0)
    student, teacher = generator.normal(size=(2, 5, 4)) * 3
    labels = np.array([0, 3, 1, 1, 2])

    def softmax(logits: np.ndarray) -> np.ndarray:
        powers = np.exp(logits)
        return powers / powers.sum(1, keepdims=True)

    hard = -np.log(softmax(student)[np.arange(5), labels]).mean()
    p, q = softmax(teacher / 2.5), softmax(student / 2.5)
    soft = (p * np.log(p / q)).sum(1).mean()
    loss = distillation_loss(
        torch.tensor(student),
        torch.tensor(teacher),
        torch.tensor(labels),
        weight=0.3,
        temperature=2.5,
    )
    assert loss.item() == pytest.approx(0.7 * hard + 0.3 * 2.5**2 * soft)


def test_the_ends_of_the_weight() -> None:
    logits, labels = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    alone = distillation_loss(logits, torch.randn(6, 4), labels, weight=0.0, temperature=2.0)
    torch.testing.assert_close(alone, cross_entropy(logits, labels))
    same = distillation_loss(logits, logits.clone(), labels, weight=1.0, temperature=2.0)
    assert same.item() == pytest.approx(0.0, abs=1e-6)
