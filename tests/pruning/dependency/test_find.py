"""Only proved groups are prunable: networks that mislead the dependency graph are caught."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from paretoprune.errors import PruningError
from paretoprune.pruning.dependency import operations
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.dependency.graph import discover_groups
from paretoprune.pruning.dependency.proof import random_plan
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.equivalence import check_equivalence
from paretoprune.pruning.structured.masks import masked_model
from tests.kits import networks


class Two(nn.Module):
    """An honest convolution, then whatever `middle` does, then one more convolution."""

    def __init__(self, inputs_of_last: int = 8) -> None:
        super().__init__()
        self.honest = nn.Conv2d(3, 6, 1)
        self.first = nn.Conv2d(6, 8, 1)
        self.last = nn.Conv2d(inputs_of_last, 2, 1)

    def middle(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.middle(self.first(self.honest(x).relu())))


class Rolled(Two):
    """Channels meet in pairs, at a distance that does not follow their number."""

    def middle(self, x: Tensor) -> Tensor:
        return x + x.roll(4, 1)


class Flipped(Two):
    def middle(self, x: Tensor) -> Tensor:
        return x + x.flip(1)


class Averaged(Two):
    def middle(self, x: Tensor) -> Tensor:
        return x - x.mean(1, keepdim=True)


class HardCoded(Two):
    def middle(self, x: Tensor) -> Tensor:
        return x.reshape(len(x), 8, 64).reshape(x.shape)


class Padded(Two):
    def middle(self, x: Tensor) -> Tensor:
        return x + pad(x[:, :6], (0, 0, 0, 0, 2, 0))


class Shuffled(Two):
    def middle(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


class TrainingHead(Two):
    """A head that runs in training alone, so that no graph of evaluation mode shows it."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(8, 2, 1)

    def middle(self, x: Tensor) -> Tensor:
        return x + self.head(x).mean() if self.training else x


class TinyScale(Two):
    """The error hides behind a scale of 1e-12."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((8, 1, 1), 1e-12))

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(self.honest(x).relu())
        return self.last((y + y.roll(4, 1)) * self.scale) + x[:, :2]


@pytest.mark.parametrize(
    "model",
    [Rolled(), Averaged(), HardCoded(), Padded(), TrainingHead(), TinyScale()],
    ids=lambda model: type(model).__name__,
)
def test_a_misleading_group_is_kept_and_the_honest_one_found(model: nn.Module) -> None:
    groups = find_groups(model, networks.example())
    assert [group.name for group in groups.prunable] == ["honest"]
    assert "first" in {group.name for group in groups.kept}


@pytest.mark.parametrize("model", [Flipped(), Shuffled()], ids=lambda model: type(model).__name__)
def test_channels_that_meet_in_pairs_go_in_pairs(model: nn.Module) -> None:
    groups = find_groups(model, networks.example())
    assert {group.name: group.width for group in groups.prunable} == {"honest": 6, "first": 4}


def test_a_rule_that_stumbles_costs_its_channels_and_no_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stumble(_call: object) -> None:
        raise RuntimeError("the expanded size of the tensor must match the existing size")

    monkeypatch.setitem(operations._RULES, "flip", stumble)
    groups = find_groups(Flipped(), networks.example())
    assert [group.name for group in groups.prunable] == ["honest"]
    assert groups.kept[0].reason == "the effect of `` (flip) on channels is not known"


def test_the_reason_is_in_plain_words() -> None:
    (kept,) = find_groups(Rolled(), networks.example()).kept
    assert kept.width == 4  # pairs
    assert kept.reason.startswith("removing its channels changes the outputs (relative error")
    (kept,) = find_groups(TrainingHead(), networks.example()).kept
    assert "in training mode the network fails" in kept.reason


def test_what_a_zero_padded_shortcut_adds_is_kept_and_the_rest_is_exact() -> None:
    model, example = networks.build("resnet_option_a"), networks.example()
    groups = find_groups(model, example)
    (kept,) = groups.kept
    assert (kept.name, kept.width) == ("layer2.0.conv2", 8)  # which have zeros beside them
    assert {group.name for group in groups.prunable} == {
        "conv1",
        "layer1.0.conv1",
        "layer1.1.conv1",
        "layer2.0.conv1",
        "layer2.1.conv1",
    }
    plan = random_plan(groups.prunable, seed=5)
    pruned = apply_plan(model, groups.prunable, plan)
    assert check_equivalence(masked_model(model, groups.prunable, plan), pruned, example) < 1e-6


class ShuffleUnit(nn.Module):
    """Half of the channels pass by; then both halves are interleaved (Ma et al. 2018)."""

    def __init__(self, half: int, hidden: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(half, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.Conv2d(hidden, half, 1, bias=False),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        by, through = x.chunk(2, dim=1)
        y = torch.cat([by, self.branch(through)], 1)
        n, c, h, w = y.shape
        return y.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)


def test_a_channel_shuffle_keeps_what_passes_it_and_nothing_else() -> None:
    units = nn.Sequential(ShuffleUnit(6, 8), ShuffleUnit(6, 8), ShuffleUnit(6, 8))
    model = nn.Sequential(
        nn.Conv2d(3, 12, 1), nn.ReLU(), units, nn.Conv2d(12, 10, 1), nn.ReLU(), nn.Conv2d(10, 2, 1)
    )
    groups = find_groups(model, networks.example())
    inside = [f"2.{unit}.branch.0" for unit in range(3)]
    assert [group.name for group in groups.prunable] == [*inside, "3"]
    assert {kept.name for kept in groups.kept} >= {"0"}
    plan = random_plan(groups.prunable, seed=3)
    pruned = apply_plan(model, groups.prunable, plan)
    masked = masked_model(model, groups.prunable, plan)
    check_equivalence(masked, pruned, networks.example())


def test_every_group_of_the_other_networks_is_prunable(case) -> None:
    suggested = discover_groups(case.model, case.example)
    assert [group.name for group in case.groups] == [group.name for group in suggested.prunable]
    assert [group.slots for group in case.groups] == [group.slots for group in suggested.prunable]


def test_each_group_also_passes_alone(case) -> None:
    for group in case.groups:
        plan = random_plan([group], seed=7)
        pruned = apply_plan(case.model, [group], plan)
        check_equivalence(masked_model(case.model, [group], plan), pruned, case.example)


def test_groups_that_pass_only_apart_are_not_pruned_together() -> None:
    class Pair(nn.Module):
        """Runs while one of two groups is whole: a stand-in for rules that tie groups."""

        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 8, 1), nn.Conv2d(3, 8, 1)
            self.a2, self.b2 = nn.Conv2d(8, 2, 1), nn.Conv2d(8, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            a, b = self.a(x), self.b(x)
            if a.shape[1] < 8 and b.shape[1] < 8:
                raise RuntimeError("both are narrow")
            return self.a2(a) + self.b2(b)

    groups = find_groups(Pair(), networks.example())
    assert [group.name for group in groups.prunable] == ["a"]
    assert groups.kept[0].name == "b"
    assert "together with other groups" in groups.kept[0].reason


def test_groups_that_need_equal_widths_are_one() -> None:
    class Halves(nn.Module):
        """A concatenation cut in halves: right for equal widths of `a` and `b`, and only then."""

        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 8, 1), nn.Conv2d(3, 8, 1)
            self.a2, self.b2 = nn.Conv2d(8, 6, 1), nn.Conv2d(8, 6, 1)
            self.last = nn.Conv2d(6, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            left, right = torch.cat([self.a(x), self.b(x)], 1).chunk(2, 1)
            return self.last(self.a2(left) + self.b2(right))

    assert [g.name for g in find_groups(Halves(), networks.example()).prunable] == ["a", "a2"]


def test_a_single_channel_is_no_group() -> None:
    model = nn.Sequential(nn.Conv2d(3, 1, 1), nn.Conv2d(1, 6, 1), nn.Conv2d(6, 2, 1))
    groups = find_groups(model, networks.example())
    assert [group.name for group in groups.prunable] == ["1"]
    assert not groups.kept


def test_nothing_to_prune_is_an_error_with_advice() -> None:
    with pytest.raises(PruningError, match="nothing in this model can be pruned"):
        find_groups(nn.Sequential(nn.Conv2d(3, 2, 1)), networks.example())
    blocked = nn.Sequential(nn.Conv2d(3, 8, 1), nn.GroupNorm(1, 8), nn.Conv2d(8, 2, 1))
    with pytest.raises(PruningError, match=r"`0`: `1` \(native_group_norm\) reduces over"):
        find_groups(blocked, networks.example())
    with pytest.raises(PruningError, match=r"try `granularity=depth`$"):
        find_groups(blocked, networks.example())
    with pytest.raises(PruningError, match=r"so removing one changes the others$"):
        find_groups(blocked, networks.example(), blocks=True)


def test_a_model_that_is_random_in_evaluation_mode_is_refused() -> None:
    class Noisy(networks.ResNet):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x + torch.rand_like(x))

    with pytest.raises(PruningError, match="different outputs for the same input"):
        find_groups(Noisy(), networks.example())


def test_single_precision_serves_where_double_does_not_run() -> None:
    class Single(networks.Vgg):
        def forward(self, x: Tensor) -> Tensor:
            if x.dtype != torch.float32:
                raise TypeError("float32 only")
            return super().forward(x)

    assert len(find_groups(Single(), networks.example()).prunable) == 3


def test_outputs_in_a_dict_and_two_inputs() -> None:
    class Many(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Linear(4, 6), nn.Linear(5, 6)
            self.head = nn.Linear(6, 2)

        def forward(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
            shared = (self.left(x) + self.right(y)).relu()
            return {"logits": self.head(shared), "half": self.head(shared * 0.5)}

    groups = find_groups(Many(), (torch.randn(2, 4), torch.randn(2, 5)))
    assert [(group.name, group.width) for group in groups.prunable] == [("left", 6)]


def test_the_model_is_left_alone(resnet) -> None:
    model = networks.build("resnet").train()
    model.bn1.eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.get_rng_state()
    find_groups(model, resnet.example)
    assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())
    assert model.training and not model.bn1.training
    assert torch.equal(state, torch.get_rng_state())


def test_dropout_does_not_use_up_the_callers_random_numbers(vgg) -> None:
    state = torch.get_rng_state()
    find_groups(vgg.model, vgg.example)
    assert torch.equal(state, torch.get_rng_state())


def test_the_same_groups_every_time(resnet) -> None:
    assert find_groups(resnet.model, resnet.example).prunable == resnet.groups


class Segmenter(nn.Module):
    """Outputs as large as the image."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(i, o, 1) for i, o in ((3, 8), (8, 6), (6, 2)))
        self.sizes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.sizes.append(x.shape[-1] * len(x))
        return self.c(self.b(self.a(x).relu()).relu())


def test_outputs_of_the_images_size_are_proved_on_small_images() -> None:
    model = Segmenter()
    sizes = model.sizes
    model.__deepcopy__ = lambda memo: shallow(model, memo, sizes)  # type: ignore[method-assign]
    found = find_groups(model, torch.randn(2, 3, 256, 256))
    assert [group.name for group in found.prunable] == ["a", "b"]
    large = [size for size in sizes if size >= 256]
    assert large.count(512) == 1 and large.count(256) == 2  # a first pass; pruned and masked


def shallow(model: nn.Module, memo: dict[int, object], sizes: list[int]) -> nn.Module:
    """A copy that notes the sizes of its inputs where the original does."""
    again = Segmenter()
    for name, parameter in model.named_parameters():
        path, _, own = name.rpartition(".")
        value = memo.get(id(parameter), parameter)
        setattr(again.get_submodule(path), own, value)
    again.sizes = sizes
    again.__deepcopy__ = lambda inner: shallow(again, inner, sizes)  # type: ignore[method-assign]
    return again.train(model.training)


def test_a_network_of_one_image_size_is_traced_at_that_size() -> None:
    """It fails on smaller images, at which others are traced."""
    layers = nn.Conv2d(1, 3, 1), nn.AvgPool2d(10), nn.Flatten(), nn.Linear(3 * 100, 2)
    found = find_groups(nn.Sequential(*layers), torch.randn(1, 1, 100, 100))
    assert [(group.name, group.width) for group in found.prunable] == [("0", 3)]
