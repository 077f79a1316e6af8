"""The dependency graph read into slots: where the channels lie, layer kind by layer kind."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from paretoprune.errors import PruningError
from paretoprune.problem.forms import load_delivered
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.dependency.graph import discover_groups
from paretoprune.pruning.dependency.proof import random_plan
from paretoprune.pruning.groups import Group, Groups, row_of_positions
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.checkpoint import save_state
from paretoprune.pruning.structured.equivalence import check_equivalence
from paretoprune.pruning.structured.masks import masked_model
from paretoprune.pruning.structured.plan import Plan
from tests.kits import families, networks

NORM = ("weight", "bias", "running_mean", "running_var")


def places(group: Group) -> dict[tuple[str, int], tuple[tuple[int, ...], ...]]:
    return {(slot.tensor, slot.dim): slot.positions for slot in group.slots}


def find(model: nn.Module, *shape: int) -> dict[str, Group]:
    groups = discover_groups(model, torch.randn(shape or (2, 3, 8, 8)))
    return {group.name: group for group in groups.prunable}


def reasons(model: nn.Module, *shape: int) -> dict[str, str]:
    groups = discover_groups(model, torch.randn(shape or (2, 3, 8, 8)))
    return {group.name: group.reason for group in groups.kept}


def test_a_flatten_gives_a_channel_several_inputs() -> None:
    found = places(find(networks.Vgg())["features.4"])
    same = row_of_positions(12)
    assert found == {
        ("features.4.weight", 0): same,
        ("features.4.bias", 0): same,
        **{(f"features.5.{t}", 0): same for t in ("weight", "bias", "running_mean", "running_var")},
        ("classifier.0.weight", 1): row_of_positions(12, size=4),
    }


def test_a_concatenation_shifts_channels() -> None:
    found = places(find(networks.DenseNet())["layers.1.conv"])
    assert found[("norm.running_var", 0)] == row_of_positions(6, start=12)
    assert found[("head.weight", 1)] == row_of_positions(6, start=12)


def test_a_residual_stream_is_one_group_named_after_its_first_layer() -> None:
    found = find(networks.ResNet())
    outputs = {slot.tensor for slot in found["conv1"].slots if slot.dim == 0}
    assert {"conv1.weight", "layer1.0.conv2.weight", "layer1.1.conv2.weight"} < outputs
    assert list(found) == [
        "conv1",
        "layer1.0.conv1",
        "layer1.1.conv1",
        "layer2.0.conv1",
        "layer2.0.conv2",
        "layer2.1.conv1",
    ]


def test_a_depthwise_convolution_belongs_to_the_group_before_it() -> None:
    found = places(find(networks.MobileNet())["blocks.0.conv.0"])
    assert found[("blocks.0.conv.3.weight", 0)] == row_of_positions(16)
    assert ("blocks.0.conv.3.weight", 1) not in found


def test_whole_groups_of_a_grouped_convolution_go_on_both_sides() -> None:
    found = find(networks.ResNeXt())
    pairs = row_of_positions(6, size=2)
    assert places(found["blocks.0.conv1"]) == {
        ("blocks.0.conv1.weight", 0): pairs,
        **{(f"blocks.0.bn1.{t}", 0): pairs for t in NORM},
        ("blocks.0.conv2.weight", 0): pairs,
        **{(f"blocks.0.bn2.{t}", 0): pairs for t in NORM},
        ("blocks.0.conv3.weight", 1): pairs,
    }


def test_a_grouped_convolution_may_have_more_outputs_than_inputs() -> None:
    found = find(networks.ResNeXt())
    assert list(found) == ["stem", "blocks.0.conv1", "blocks.1.conv1"]
    stream = places(found["stem"])
    assert stream[("stem.weight", 0)] == row_of_positions(4, size=2)
    assert stream[("blocks.1.conv3.weight", 0)] == row_of_positions(4, size=2)
    assert stream[("wider.weight", 0)] == row_of_positions(4, size=4)
    assert stream[("fc.weight", 1)] == row_of_positions(4, size=4)
    assert ("wider.weight", 1) not in stream


def test_a_depthwise_convolution_may_multiply_its_channels() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 12, 3, groups=4), nn.Conv2d(12, 2, 1))
    assert places(find(model)["0"]) == {
        ("0.weight", 0): row_of_positions(4),
        ("0.bias", 0): row_of_positions(4),
        ("1.weight", 0): row_of_positions(4, size=3),
        ("1.bias", 0): row_of_positions(4, size=3),
        ("2.weight", 1): row_of_positions(4, size=3),
    }


def test_a_grouped_convolution_at_the_end_keeps_what_it_ties_to_the_outputs() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 6, 1), nn.ReLU(), nn.Conv2d(6, 8, 1), nn.Conv2d(8, 4, 1, groups=2)
    )
    assert list(find(model)) == ["0"]
    assert not reasons(model)  # as of the outputs themselves


def test_grouped_convolutions_can_tie_everything_together() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 6, 1),
        nn.Conv2d(6, 6, 1, groups=2),
        nn.Conv2d(6, 6, 1, groups=3),
        nn.Conv2d(6, 2, 1),
    )
    assert reasons(model) == {"0": "all its channels depend on each other"}


def test_a_transposed_convolution_has_its_channels_the_other_way_round() -> None:
    model = nn.Sequential(nn.ConvTranspose2d(3, 6, 2), nn.PReLU(6), nn.ConvTranspose2d(6, 4, 2))
    assert places(find(model)["0"]) == {
        ("0.weight", 1): row_of_positions(6),
        ("0.bias", 0): row_of_positions(6),
        ("1.weight", 0): row_of_positions(6),
        ("2.weight", 0): row_of_positions(6),
    }


class Scaled(nn.Module):
    """A convolution whose channels are scaled by a bare parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 1)
        self.scale = nn.Parameter(torch.ones(1, 6, 1, 1))
        self.last = nn.Conv2d(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x) * self.scale)


def test_a_bare_parameter_is_a_slot() -> None:
    assert places(find(Scaled())["first"])[("scale", 1)] == row_of_positions(6)


def test_outputs_of_the_network_are_in_no_group(case) -> None:
    groups = discover_groups(case.model, case.example)
    head = {"fc", "classifier.3", "classifier.2"}
    assert not head & {group.name for group in (*groups.prunable, *groups.kept)}
    assert not [
        s for g in groups.prunable for s in g.slots if s.tensor == "fc.weight" and not s.dim
    ]


def test_no_position_is_in_two_groups(case) -> None:
    seen: set[tuple[str, int, int]] = set()
    for group in discover_groups(case.model, case.example).prunable:
        for slot in group.slots:
            for position in (p for channel in slot.positions for p in channel):
                assert (slot.tensor, slot.dim, position) not in seen
                seen.add((slot.tensor, slot.dim, position))


@pytest.mark.parametrize(
    ("layer", "width"),
    [
        (nn.GroupNorm(4, 8), 4),
        (nn.Conv2d(8, 4, 1, groups=4), 4),
        (nn.ConvTranspose2d(8, 8, 1, groups=2), 2),
        (nn.InstanceNorm2d(8), 8),
    ],
)
def test_layers_of_groups_lose_whole_groups(layer: nn.Module, width: int) -> None:
    outputs = getattr(layer, "out_channels", 8)
    assert find(nn.Sequential(nn.Conv2d(3, 8, 1), layer, nn.Conv2d(outputs, 2, 1)))["0"].width == (
        width
    )


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.GroupNorm(1, 8), r"`1` (native_group_norm) reduces over its channels"),
        (nn.Softmax(1), r"`1` (softmax) reduces over its channels"),
        (nn.utils.parametrizations.weight_norm(nn.Conv2d(8, 8, 1)), "of fixed size"),
    ],
)
def test_what_cannot_go_is_kept_with_a_reason(layer: nn.Module, words: str) -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 1), layer, nn.Conv2d(8, 2, 1))
    assert words in reasons(model)["0"]


def test_tied_tensors_are_kept() -> None:
    model = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 4), nn.Linear(4, 6), nn.Linear(6, 2))
    model[2].weight = model[0].weight
    assert "`0.weight` is shared with `2.weight`" in reasons(model, 2, 4).values()


def test_equal_parts_of_a_split_lose_equally() -> None:
    class Split(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Conv2d(3, 8, 1), nn.Conv2d(4, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            left, right = self.first(x).chunk(2, 1)
            return self.last(left) + self.last(right.relu())

    found = places(find(Split())["first"])
    assert found[("first.weight", 0)] == ((0, 4), (1, 5), (2, 6), (3, 7))
    assert found[("last.weight", 1)] == row_of_positions(4)


def test_frozen_models_have_groups_too_and_stay_as_they_are(resnet) -> None:
    model = networks.build("resnet").requires_grad_(False).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert len(discover_groups(model, resnet.example).prunable) == len(resnet.groups)
    assert model.training and not any(p.requires_grad for p in model.parameters())
    assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())
    assert not any(m._forward_hooks for m in model.modules())


def test_a_wrong_example_is_reported_in_a_sentence() -> None:
    with pytest.raises(PruningError, match=r"does not run on an input of shape \(2, 1, 8, 8\)"):
        discover_groups(networks.ResNet(), torch.randn(2, 1, 8, 8))


def test_the_collector_of_garbage_is_left_as_it_was() -> None:
    for enabled in (True, False):
        try:
            (gc.enable if enabled else gc.disable)()
            discover_groups(networks.build("vgg"), networks.example())
            assert gc.isenabled() is enabled
        finally:
            gc.enable()


class TwoNames(nn.Module):
    """Stages kept as attributes and in a list as well, each used once."""

    def __init__(self) -> None:
        super().__init__()
        self.stage1, self.stage2 = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 6, 1)
        self.stages = nn.ModuleList([self.stage1, self.stage2])
        self.fc = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        for stage in self.stages:
            x = stage(x).relu()
        return self.fc(x.mean((2, 3)))


def test_a_module_of_two_names_is_pruned_under_both() -> None:
    found = find(TwoNames())
    assert {name: group.width for name, group in found.items()} == {"stage1": 8, "stage2": 6}
    tensors = {(slot.tensor, slot.dim) for slot in found["stage1"].slots}
    assert {("stage1.weight", 0), ("stages.0.weight", 0), ("stages.1.weight", 1)} < tensors


def test_a_module_of_two_names_is_saved_and_comes_back_under_both(tmp_path: Path) -> None:
    model, example = TwoNames().eval(), torch.randn(2, 3, 8, 8)
    groups = find_groups(model, example).prunable
    plan = random_plan(groups, seed=0)
    pruned = apply_plan(model, groups, plan)
    check_equivalence(masked_model(model, groups, plan), pruned, example)
    assert pruned.stages[0] is pruned.stage1
    save_state(tmp_path / "w.safetensors", pruned)
    again = load_delivered(TwoNames().eval(), Groups(groups), plan, tmp_path / "w.safetensors")
    assert torch.equal(again(example), pruned(example))


def test_two_modules_that_share_a_weight_stay() -> None:
    model = nn.Sequential(*(nn.Conv2d(i, o, 1) for i, o in ((3, 8), (8, 8), (8, 8), (8, 2))))
    model[2].weight = model[1].weight
    assert "is shared with" in reasons(model)["0"] and not find(model)


@pytest.mark.parametrize("norm", ["weight_norm", "spectral_norm", "orthogonal"])
def test_a_parametrized_layer_is_named(norm: str) -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 6, 1), nn.Conv2d(6, 4, 1))
    getattr(torch.nn.utils.parametrizations, norm)(model[0])
    kept = reasons(model)
    assert "`0` computes its weight by a parametrization" in kept["0"]
    assert "remove_parametrizations" in kept["0"]
    assert list(find(model)) == ["1"]


@pytest.mark.filterwarnings("ignore:.torch.nn.utils.weight_norm:FutureWarning")
def test_the_old_weight_norm_is_named_or_reported() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 6, 1), nn.Conv2d(6, 4, 1))
    torch.nn.utils.weight_norm(model[1])
    with torch.no_grad():
        model(torch.randn(2, 3, 8, 8))  # its weight is computed from leaves, and can be copied
    kept = reasons(model)
    assert "0" in kept  # the norm reduces over its channels


def test_a_part_compiled_by_torchscript_is_reported() -> None:
    with pytest.warns(FutureWarning):
        part = torch.jit.script(nn.Conv2d(3, 8, 1))
    with pytest.raises(PruningError, match="compiled by TorchScript"):
        discover_groups(nn.Sequential(part, nn.Conv2d(8, 4, 1)), torch.randn(2, 3, 8, 8))


class Stacked(nn.Module):
    """Two views of a layer's channels stacked along the last dimension, counted from the end."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        return self.last(torch.stack([y, y.relu()], dim=-1).mean(-1))


def test_a_stack_along_a_dimension_counted_from_the_end() -> None:
    assert places(find(Stacked())["first"]).keys() == {
        ("first.weight", 0),
        ("first.bias", 0),
        ("last.weight", 1),
    }


def test_products_of_attention_shrink_with_their_channels() -> None:
    groups = discover_groups(families.Transformer(families.Separate()), networks.example())
    shares = [one for group in groups.prunable for one in group.scaled_matmuls]
    assert shares and all(path == "attention" and 0 < share <= 1 for path, share in shares)
    owners = {group.name for group in groups.prunable if group.scaled_matmuls}
    assert all(name.startswith("attention.") for name in owners) and len(groups.prunable) > 1


class Product(nn.Module):
    """The product of two embeddings, as of recommenders, or its cosine; `shift` is added first."""

    def __init__(self, *, cosine: bool = False, shift: float = 0.0) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(9, 8), nn.Embedding(11, 8)
        self.cosine, self.shift = cosine, shift

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        user, item = self.users(users), self.items(items)
        if self.cosine:
            user, item = nn.functional.normalize(user), nn.functional.normalize(item)
        return ((user + self.shift) * (item + self.shift)).sum(1)


@pytest.mark.parametrize("cosine", [False, True])
def test_channels_that_are_summed_can_be_removed(cosine: bool) -> None:
    ids = torch.tensor([1, 2, 3]), torch.tensor([5, 0, 7])
    model = Product(cosine=cosine)
    [group] = find_groups(model, ids).prunable
    assert group.width == 8 and {slot.tensor for slot in group.slots} == {
        "users.weight",
        "items.weight",
    }
    plan = Plan({group.name: (0, 3, 6)})
    pruned = apply_plan(model, [group], plan)
    torch.testing.assert_close(pruned(*ids), masked_model(model, [group], plan)(*ids))


def test_channels_that_are_not_zero_in_a_sum_are_kept() -> None:
    ids = torch.tensor([1, 2, 3]), torch.tensor([5, 0, 7])
    with pytest.raises(PruningError, match="removing its channels changes the outputs"):
        find_groups(Product(shift=1.0), ids)


class Recurrent(nn.Module):
    """Two layers in two directions."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(3, 6, num_layers=2, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(x)[0].mean(1))


def test_layers_and_directions_of_a_recurrent_module_have_one_width() -> None:
    [group] = find(Recurrent(), 2, 5, 3).values()
    assert (group.name, group.width) == ("rnn", 6)
    hidden = {slot.tensor for slot in group.slots if slot.dim == 1 and "_hh_" in slot.tensor}
    ends = ("l0", "l0_reverse", "l1", "l1_reverse")
    assert hidden == {f"rnn.weight_hh_{end}" for end in ends}
    assert places(group)[("fc.weight", 1)] == tuple((n, n + 6) for n in range(6))
