"""Inputs of layers by place, without the places that are padding."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from paretoprune.pruning.groups import Group, Slot
from paretoprune.pruning.scorers.parts.inputs import (
    by_place,
    mean_over_consumers,
    means_at,
    sum_over_consumers,
    watching,
    without_padding,
)
from tests.kits.tasks import bound


def test_places_come_last_whatever_the_layer() -> None:
    images, tokens = torch.randn(2, 3, 4, 5), torch.randn(2, 6, 3)
    assert torch.equal(by_place(nn.Conv2d(3, 1, 1), images), images.flatten(2))
    assert torch.equal(by_place(nn.Linear(3, 1), tokens), tokens.transpose(1, 2))
    assert torch.equal(by_place(nn.Linear(3, 1), tokens[:, 0]), tokens[:, 0, :, None])


def test_padding_is_left_out_where_the_mask_has_the_places() -> None:
    values = torch.arange(12.0).reshape(2, 2, 3)  # two samples, two channels, three places
    valid = torch.tensor([[1, 1, 0], [0, 1, 0]])
    found = without_padding(values, valid)
    assert found.tolist() == [[[0.0, 1.0, 7.0], [3.0, 4.0, 10.0]]]
    for other in (None, torch.ones(2, 4), torch.ones(1, 3), torch.ones(3)):
        assert without_padding(values, other) is values


def test_means_are_over_the_samples_and_places_of_the_first_batches() -> None:
    model = nn.Sequential(nn.Linear(3, 2))
    x = torch.randn(6, 5, 3)
    batches = [(x[:4],), (x[4:],), (torch.full((2, 5, 3), 9.0),)]
    found = means_at(model, ["0"], bound(batches), limit=2, reading=Tensor.square)
    torch.testing.assert_close(found["0"], x.double().square().mean((0, 1)))


class Named(nn.Module):
    """Passes the input of its layer by name, or by place."""

    def __init__(self, *, by_name: bool) -> None:
        super().__init__()
        self.layer, self.by_name = nn.Linear(3, 2), by_name

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.layer(input=x) if self.by_name else self.layer(x)
        return found


@pytest.mark.parametrize("by_name", [False, True])
def test_what_is_noted_may_replace_the_input(by_name: bool) -> None:
    model, x, other = Named(by_name=by_name), torch.randn(4, 3), torch.randn(4, 3)
    plain, seen = model(x), []

    def note(given: Tensor | None) -> Tensor:
        with watching(model, ["layer"], lambda path, entering: seen.append(entering) or given):
            found: Tensor = model(x)
        return found

    assert torch.equal(note(other), model.layer(other))
    assert torch.equal(note(None), plain) and torch.equal(model(x), plain)
    assert len(seen) == 2 and all(one is x for one in seen)


def test_values_of_consumers_are_averaged_or_added_by_channel() -> None:
    """A channel has two inputs of the first reader, and one of the second."""
    model = nn.ModuleDict({"flat": nn.Linear(4, 1), "plain": nn.Linear(2, 1)})
    group = Group(
        "g",
        2,
        (
            Slot("flat.weight", 1, ((0, 1), (2, 3))),
            Slot("plain.weight", 1, ((0,), (1,))),
        ),
    )
    means = {"flat": torch.tensor([1.0, 3.0, 5.0, 9.0]), "plain": torch.tensor([10.0, 20.0])}
    found = mean_over_consumers(model, [group], means)["g"]
    assert found.tolist() == [(2.0 + 10.0) / 2, (7.0 + 20.0) / 2]
    added = sum_over_consumers(model, [group], lambda reader: reader.slot.per_channel * found)["g"]
    assert added.tolist() == [3 * value for value in found.tolist()]
