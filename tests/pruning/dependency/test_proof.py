"""The bisection of failing groups, and the restoration of the random weights."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from paretoprune.errors import PruningError
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.dependency.graph import discover_groups
from paretoprune.pruning.dependency.proof import Proof, apart, random_plan
from paretoprune.pruning.groups import Block, Group, Slot, row_of_positions
from tests.kits import families, networks


def test_failing_groups_are_looked_for_in_the_module_that_failed() -> None:
    """Blame gives a part that holds what fails, where it can; halves where it cannot."""
    groups = discover_groups(networks.build("resnet"), networks.example()).prunable
    first, rest = apart(groups, "layer1.1.conv2")
    assert {g.name for g in first} == {"conv1", "layer1.1.conv1"}  # its outputs and its inputs
    assert [*first, *rest] != list(groups) and {*first, *rest} == {*groups}
    assert apart(groups, "") == (groups[: len(groups) // 2], groups[len(groups) // 2 :])
    assert apart(groups[:1] * 2, "nowhere") == (groups[:1], groups[:1])


@pytest.mark.parametrize(
    ("share", "dtype"), [(1e-6, None), (1e-2, torch.float32)], ids=["double", "single"]
)
def test_a_group_that_changes_the_outputs_a_little_is_refused(
    share: float, dtype: torch.dtype | None
) -> None:
    """Just over what rounding may do, in the precision in which the network runs."""
    model = networks.Leak(share, dtype)
    for thorough in (False, True):
        proof = Proof.of(model, networks.example())
        if thorough:
            proof.make_thorough()
        fault = proof.fault([networks.leaky_group()])
        assert fault is not None and "changes the outputs" in fault.reason
        assert proof.split([networks.leaky_group()]) == []
        assert proof.reasons == {"conv": fault.reason}
    with pytest.raises(PruningError, match="nothing in this model can be pruned"):
        find_groups(model, networks.example())


@pytest.mark.parametrize("dtype", [None, torch.float32], ids=["double", "single"])
def test_a_right_group_passes(dtype: torch.dtype | None) -> None:
    model = networks.Leak(0.0, dtype)
    proof = Proof.of(model, networks.example())
    assert proof.split([networks.leaky_group()]) == [networks.leaky_group()]
    proof.make_thorough()
    assert proof.fault([networks.leaky_group()]) is None


class Rivals(nn.Module):
    """Two branches, either of which may be narrower, but not both."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3), nn.Conv2d(3, 8, 3)
        self.head_a, self.head_b = nn.Linear(8, 5), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        a, b = (branch(x).relu().mean((2, 3)) for branch in (self.a, self.b))
        both = len(self.a.weight) < 8 and len(self.b.weight) < 8
        return self.head_a(a) + self.head_b(b) + 0.1 * both


def test_of_groups_that_fail_together_the_first_ones_stay() -> None:
    places = row_of_positions(8)
    first, second = (
        Group(
            name,
            8,
            (
                Slot(f"{name}.weight", 0, places),
                Slot(f"{name}.bias", 0, places),
                Slot(f"head_{name}.weight", 1, places),
            ),
        )
        for name in ("a", "b")
    )
    proof = Proof.of(Rivals(), networks.example())
    assert proof.together([]) == []
    assert proof.together([first]) == [first]
    assert proof.split([first]) + proof.split([second]) == [first, second]
    assert proof.together([first, second]) == [first]
    assert proof.together([second, first]) == [second]
    assert proof.reasons["b"].startswith("together with other groups removing its channels changes")


@given(st.integers(2, 200), st.integers(0, 99))
def test_a_random_plan_takes_a_quarter_to_three_quarters(width: int, seed: int) -> None:
    group = Group("a", width, ())
    [gone] = random_plan([group], seed=seed).removed.values()
    assert max(1, round(0.25 * width)) <= len(gone) <= min(width - 1, round(0.75 * width))
    assert set(gone) <= set(range(width))


def test_random_plans_take_the_whole_range_and_every_other_block() -> None:
    groups = [Group("a", 400, ()), Group("b", 1, (), block=Block("b", "Identity", ()))]
    plans = [random_plan(groups, seed=seed).removed for seed in range(200)]
    counts = [len(plan["a"]) for plan in plans]
    assert min(counts) < 110 and max(counts) > 290
    assert 70 < sum("b" in plan for plan in plans) < 130
    assert len({plan["a"] for plan in plans}) == 200


def test_what_is_worked_out_from_weights_once_follows_their_size() -> None:
    """The proof makes its weights larger half-way; a bias kept from before would be another."""
    model = networks.lively(families.Transformer(families.Biased()))
    groups = find_groups(model, networks.example())
    assert {g.name: g.width for g in groups.prunable} == {"attention.qkv": 4, "mlp.0": 20}


def test_what_passed_is_not_proved_again(monkeypatch: pytest.MonkeyPatch) -> None:
    proof = Proof.of(networks.Leak(0.0, None), networks.example())
    proof.make_thorough()
    group = networks.leaky_group()
    assert proof.fault([group]) is None and proof.passed == [(group,)]
    monkeypatch.setattr(Proof, "_fault_of", None)  # would fail if it were called
    assert proof.fault([group]) is None


def test_a_plan_leaves_at_least_one_channel_and_takes_at_least_one() -> None:
    groups = [Group(f"g{width}", width, ()) for width in (2, 3, 40)]
    for seed in range(30):
        removed = random_plan(groups, seed=seed).removed
        assert len(removed["g2"]) == 1 and len(removed["g3"]) in (1, 2)
        assert 10 <= len(removed["g40"]) <= 30
        assert all(len(set(one)) == len(one) for one in removed.values())
    plans = [random_plan(groups, seed=seed).removed for seed in range(30)]
    assert {len(removed["g3"]) for removed in plans} == {1, 2}
    assert min(len(removed["g40"]) for removed in plans) < 15
    assert max(len(removed["g40"]) for removed in plans) > 25


class Detections(nn.Module):
    """Returns the rows whose score is above a threshold, as detectors return boxes."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        scores = self.layers(x)
        found: Tensor = scores[scores.abs().amax(1) > self.threshold]
        return found


def test_nothing_is_proved_by_outputs_that_are_empty() -> None:
    x = torch.randn(6, 4)
    assert [group.width for group in find_groups(Detections(-1e9), x).prunable] == [8]
    with pytest.raises(PruningError, match="all outputs are empty for random inputs"):
        find_groups(Detections(1e9), x)


def test_weights_are_of_usual_scale_where_small_ones_leave_all_outputs_empty() -> None:
    x = torch.randn(6, 4)
    small = Proof.of(Detections(-1e9), x)
    assert small.gain < 1
    detector = Detections(1.05 * float(small.inputs.run(small.model).detach().abs().max()))
    assert Proof.of(detector, x).gain == 1
    assert [group.width for group in find_groups(detector, x).prunable] == [8]


class Leaks(nn.Module):
    """Leaks in a row, of which the groups have one structure."""

    def __init__(self, *shares: float) -> None:
        super().__init__()
        self.parts = nn.ModuleList(networks.Leak(share) for share in shares)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([part(x) for part in self.parts])

    def groups(self) -> list[Group]:
        """Return the channels of each part."""
        like = networks.leaky_group()
        return [
            Group(
                f"parts.{number}.conv",
                like.width,
                tuple(
                    Slot(f"parts.{number}.{slot.tensor}", slot.dim, slot.positions)
                    for slot in like.slots
                ),
            )
            for number in range(len(self.parts))
        ]


def test_of_one_structure_what_failed_once_is_not_tried_again_with_small_weights() -> None:
    model = Leaks(0.5, 0.5)
    proof = Proof.of(model, networks.example())
    assert proof.split(model.groups()[:1]) == [] and proof.split(model.groups()[1:]) == []
    assert proof.reasons["parts.1.conv"] == (
        f"as for `parts.0.conv` of the same structure: {proof.reasons['parts.0.conv']}"
    )


def test_of_one_structure_what_passed_is_judged_by_itself_with_usual_weights() -> None:
    model = Leaks(0.0, 0.5, 0.5)
    right, *wrong = model.groups()
    proof = Proof.of(model, networks.example())
    assert proof.split([right]) == [right] and proof.split(wrong) == []
    proof.make_thorough()
    assert proof.split([right]) == [right]
    for group in wrong:  # each for a reason of its own, since structures may differ in weights
        assert proof.split([group]) == []
        assert "as for" not in proof.reasons[group.name]


class Routed(nn.Module):
    """A second layer for large inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(x) if x.abs().max() > 50 else self.a(x)


def test_routes_are_looked_for_again_with_usual_weights() -> None:
    proof = Proof.of(Routed(), torch.randn(2, 4))
    before = proof.reach.inputs
    assert len(before) == 2
    proof.make_thorough()
    kept, further = proof.reach.inputs[:2], proof.reach.inputs[2:]
    assert all(one is other for one, other in zip(kept, before, strict=True))
    assert [float(next(iter(inputs)).abs().max()) > 50 for inputs in further] == [True]


def test_one_group_alone_can_be_blamed_and_all_of_them_cannot() -> None:
    a, b, c = (
        Group(name, 8, (Slot(f"net.{name}.weight", 0, row_of_positions(8)),)) for name in "abc"
    )
    assert apart([a, b, c], "net.a") == ([a], [b, c])
    assert apart([a, b, c], "net") == ([a], [b, c]) == apart([a, b, c], "elsewhere")
    assert apart([c, b, a], "net.a") == ([a], [c, b])


class Dice(networks.Leak):
    """A network whose outputs are random in evaluation mode as well."""

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = super().forward(x) + torch.rand(())
        return found


def test_a_network_that_is_random_is_named_where_nothing_could_be_proved() -> None:
    proof = Proof.of(Dice(0.0), networks.example())
    with pytest.raises(PruningError, match="different outputs for the same input"):
        proof.fault([networks.leaky_group()])
    steady = Proof.of(networks.Leak(0.5), networks.example())
    assert not steady.steady and steady.fault([networks.leaky_group()]) is not None
    assert steady.steady


class Beside(nn.Module):
    """Outputs of which one is empty."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x[:, :0], self.layers(x)


def test_one_of_several_outputs_may_be_empty() -> None:
    assert [group.width for group in find_groups(Beside(), torch.randn(6, 4)).prunable] == [8]
