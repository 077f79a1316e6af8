"""The best weights of a training, by a quality in either direction."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from paretoprune.finetune.callbacks.curve import BestWeights
from paretoprune.metrics import Direction


def offered(best: BestWeights, values: list[float]) -> float:
    """Offer a model whose weight is the number of the epoch; return the weight restored."""
    model = nn.Linear(1, 1, bias=False)
    for epoch, value in enumerate(values, start=1):
        nn.init.constant_(model.weight, epoch)
        best.offer(model, epoch=epoch, quality=value)
    nn.init.zeros_(model.weight)
    best.restore(model)
    return model.weight.item()


@pytest.mark.parametrize(
    ("direction", "latest", "epoch"),
    [("maximize", False, 3), ("minimize", False, 4), ("maximize", True, 5), ("minimize", True, 5)],
)
def test_the_best_of_equals_is_the_latest(direction: Direction, latest: bool, epoch: int) -> None:
    best = BestWeights(direction=direction, latest=latest)
    values = [0.8, 0.5, 0.8, 0.5, 0.6]
    assert offered(best, values) == epoch == best.epoch
    assert best.quality == values[epoch - 1]


def test_without_an_offer_the_weights_stay() -> None:
    model = nn.Linear(1, 1)
    before = model.weight.clone()
    BestWeights().restore(model)
    assert torch.equal(model.weight, before)
