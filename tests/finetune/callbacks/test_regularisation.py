"""Dropout of weights, plain and targeted, and that a training step is otherwise the same."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from paretoprune.finetune.callbacks.regularisation import Regularisation, dropped_weights
from paretoprune.finetune.fit import fit
from tests.finetune.nets import batches, run_of, tiny_net, weights
from tests.kits.tasks import CLASSES


def layer() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(40, 50)


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_targeted_dropout_strikes_the_smallest_weights_alone(share: float) -> None:
    model = layer()
    before = model.weight.detach().clone()
    smallest = before.abs() <= before.abs().flatten().kthvalue(round(share * 2000)).values
    with dropped_weights(model, 0.4, share=share):
        out = model.weight == 0
        assert (out <= smallest).all()
        assert int(out.sum()) == pytest.approx(0.4 * share * 2000, rel=0.2)
        assert torch.equal(model.weight[~out], before[~out])
        model(torch.ones(3, 40)).sum().backward()
    assert torch.equal(model.weight, before)
    assert (model.weight.grad[out] == 0).all() and (model.weight.grad[~out] != 0).all()


def test_plain_dropout_keeps_the_mean() -> None:
    model = layer()
    before = model.weight.detach().clone()
    total = torch.zeros_like(before)
    for _ in range(400):
        with dropped_weights(model, 0.5, share=1.0):
            total += model.weight.detach()
    # The mean of 400 draws of 0 or 2 w deviates by w / 20.
    assert ((total / 400 - before).abs() <= 5 * before.abs() / 20 + 1e-7).all()


def test_an_error_inside_leaves_the_weights_as_they_were() -> None:
    model = layer()
    before = model.weight.detach().clone()
    with pytest.raises(KeyError), dropped_weights(model, 0.5, share=0.5):
        raise KeyError
    assert torch.equal(model.weight, before)


def trained(regularisation: Regularisation | None) -> dict[str, torch.Tensor]:
    model = tiny_net()
    fit(
        model,
        CLASSES,
        run_of(train_loader=batches(3), epochs=2, regularisation=regularisation),
    )
    return weights(model)


def test_no_regularisation_is_no_change_and_dropout_is_deterministic() -> None:
    plain, empty = trained(None), trained(Regularisation())
    assert all(torch.equal(plain[name], empty[name]) for name in plain)
    first, second = (trained(Regularisation(dropout=0.5, targeted=0.5)) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["0.weight"], plain["0.weight"])


def test_the_penalty_knows_the_progress_of_the_training() -> None:
    seen: list[float] = []
    trained(Regularisation(penalty=seen.append))
    assert seen == [step / 6 for step in range(6)]
