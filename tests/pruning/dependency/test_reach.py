"""Parameters that only some inputs reach: followed where an input is found, else kept whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.dependency.proof import random_plan
from paretoprune.pruning.dependency.reach import find_reach, used_parameters
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.equivalence import check_equivalence
from paretoprune.pruning.structured.masks import masked_model


class Routed(nn.Module):
    """Samples that `wanted` chooses take another way behind the first layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.usual, self.other = (nn.Conv2d(i, 8, 1) for i in (3, 8, 8))
        self.apart = nn.Conv2d(8, 5, 1)
        self.fc = nn.Linear(5, 4)

    def wanted(self, x: Tensor) -> Tensor:
        return x.amax((1, 2, 3)) > 20

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x).relu()
        y = self.usual(h)
        chosen = self.wanted(x)
        if chosen.any():
            y = torch.where(chosen[:, None, None, None], self.other(h), y)
        return self.fc(self.apart(y.relu()).relu().mean((2, 3)))


class Never(Routed):
    """No input that is tried has this sum."""

    def wanted(self, x: Tensor) -> Tensor:
        return (x.sum((1, 2, 3)) - 12.345).abs() < 1e-9


class Dark(Routed):
    def wanted(self, x: Tensor) -> Tensor:
        return x.amax((1, 2, 3)) < -0.5


def inputs() -> tuple[Tensor, ...]:
    return (torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)),)


@pytest.mark.parametrize("build", [Routed, Dark])
def test_a_second_route_is_reached_and_takes_part(build: type[Routed]) -> None:
    model = build().eval()
    assert "other.weight" not in used_parameters(model, inputs())
    reach = find_reach(model, inputs(), seed=0)
    assert len(reach.inputs) == 2 and not reach.unreached
    groups = find_groups(model, inputs()).prunable
    assert {group.name: group.width for group in groups} == {"first": 8, "usual": 8, "apart": 5}
    plan = random_plan(groups, seed=1)
    pruned, masked = apply_plan(model, groups, plan), masked_model(model, groups, plan)
    for further in reach.inputs:
        assert check_equivalence(masked, pruned, further) < 1e-4


def test_what_no_input_reaches_keeps_its_neighbours_whole_and_is_named() -> None:
    found = find_groups(Never().eval(), inputs())
    assert [group.name for group in found.prunable] == ["apart"]
    reasons = {group.name: group.reason for group in found.kept}
    assert "`other.weight`, which no tried input reaches" in reasons["first"]
    assert "`other.weight`, which no tried input reaches" in reasons["usual"]


def test_one_pass_is_enough_where_all_are_used() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1)).eval()
    passes = []
    model.register_forward_hook(lambda *_: passes.append(1))
    assert len(find_reach(model, inputs(), seed=0).inputs) == 1 == len(passes)


def test_parts_of_training_mode_count_as_reached() -> None:
    class Training(Routed):
        def wanted(self, x: Tensor) -> Tensor:
            return torch.full((len(x),), self.training)

    assert find_reach(Training().eval(), inputs(), seed=0).unreached == ()


def test_a_route_that_breaks_without_channels_keeps_them_whole() -> None:
    """The trace cannot see the number in it; the proof on the inputs of this route does."""

    class HardCoded(Routed):
        def forward(self, x: Tensor) -> Tensor:
            h = self.first(x).relu()
            if self.wanted(x).any():
                h = self.other(h.reshape(len(x), 8, 16).reshape(h.shape))
            return self.fc(self.apart(self.usual(h).relu()).relu().mean((2, 3)))

    found = find_groups(HardCoded().eval(), inputs())
    assert "first" not in {group.name for group in found.prunable}
    assert "usual" in {group.name for group in found.prunable}


class Chosen(Routed):
    """Takes the other way where `test` says so."""

    def __init__(self, test: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.test = test

    def wanted(self, x: Tensor) -> Tensor:
        return self.test(x).reshape(1).expand(len(x))


@pytest.mark.parametrize(
    ("test", "largest"),
    [
        (lambda x: (x.abs().amax() > 20) & (x.amin() < 0), 10),
        (lambda x: x.abs().amax() > 200, 100),
        (lambda x: x.abs().amax() > 2000, 1000),
        (lambda x: (x.abs().amax() < 1) & (x.abs().amax() > 0), 0.1),
        (lambda x: x.abs().amax() == 0, 0.0),
        (lambda x: (x.amin() >= 0) & (x.amax() < 10) & (x.amax() > 1), 1),
        (lambda x: x.amax() <= 0 and x.amin() < -20, 10),
    ],
    ids=["10", "100", "1000", "0.1", "0", "no sign", "negative"],
)
def test_scales_and_signs_are_tried(test: Callable[[Tensor], Tensor], largest: float) -> None:
    model = Chosen(lambda x: torch.as_tensor(test(x))).eval()
    reach = find_reach(model, inputs(), seed=0)
    assert reach.unreached == () and len(reach.inputs) == 2
    [x], [further] = reach.inputs
    assert float(further.abs().max()) == pytest.approx(largest * float(x.abs().max()))


def test_other_draws_are_tried_within_the_valid_indices() -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.other = nn.Embedding(5, 4), nn.Linear(4, 4)

        def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
            h: Tensor = self.table(ids)
            assert mask.all() and mask.dtype == torch.bool
            return self.other(h) if (ids[0, 0] != 4) else h

    ids, mask = torch.tensor([[4, 0, 1], [0, 0, 0]]), torch.ones(2, 3, dtype=torch.bool)
    reach = find_reach(Words().eval(), (ids, mask), seed=0)
    assert reach.unreached == () and len(reach.inputs) == 2
    drawn, same = reach.inputs[1]
    assert drawn.dtype == ids.dtype and 0 <= int(drawn.min()) <= int(drawn.max()) <= 4
    assert torch.equal(same, mask)


def test_inputs_that_reach_nothing_new_or_give_no_number_are_left_out() -> None:
    class Overflows(Routed):
        def forward(self, x: Tensor) -> Tensor:
            y = super().forward(x)
            return y / 0 if x.amax() > 20 else y

    reach = find_reach(Overflows().eval(), inputs(), seed=0)
    assert len(reach.inputs) == 1
    assert set(reach.unreached) == {"other.weight", "other.bias"}
