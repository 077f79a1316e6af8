"""Applying a plan: really smaller, and the same function as the masked dense model."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import nn

from paretoprune.errors import PruningError
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.dependency.proof import random_plan
from paretoprune.pruning.groups import Group, Slot, row_of_positions
from paretoprune.pruning.scorers.data_free.random import Random
from paretoprune.pruning.structured.apply import (
    apply_plan,
    copy_with,
    kept_positions,
    removed_positions,
    slice_tensors,
)
from paretoprune.pruning.structured.coordinates import restrict_groups
from paretoprune.pruning.structured.equivalence import check_equivalence
from paretoprune.pruning.structured.masks import masked_model
from paretoprune.pruning.structured.plan import Plan, make_plan
from paretoprune.pruning.structured.rounding import widths_for
from tests.kits import networks
from tests.kits.cases import make_case


def test_groups_in_one_dimension_all_lose_their_channels() -> None:
    """DenseNet's concatenations: by hand, so that no proof hides a group that is lost."""
    model = networks.build("densenet")
    places = {"stem": (8, 0), "layers.0.conv": (4, 8), "layers.1.conv": (6, 12)}
    groups = [
        Group(
            name,
            width,
            (
                Slot(f"{name}.weight", 0, row_of_positions(width)),
                Slot("norm.weight", 0, row_of_positions(width, start=start)),
                Slot("head.weight", 1, row_of_positions(width, start=start)),
            ),
        )
        for name, (width, start) in places.items()
    ]
    plan = Plan({"stem": (1, 7), "layers.0.conv": (0,), "layers.1.conv": (2, 3)})
    gone = [1, 7, 8, 14, 15]
    removed = removed_positions(groups, plan)
    assert removed["norm.weight"] == {0: gone} and removed["head.weight"] == {1: gone}
    assert removed["layers.1.conv.weight"] == {0: [2, 3]}
    kept = [position for position in range(18) if position not in gone]
    sliced = slice_tensors(model.state_dict(), groups, plan)
    assert torch.equal(sliced["norm.weight"], model.norm.weight[kept])
    assert torch.equal(sliced["head.weight"], model.head.weight[:, kept])
    assert kept_positions(model, groups, plan)["head.weight"][1].tolist() == kept


def test_the_groups_of_concatenations_are_all_there() -> None:
    """Groups are proved by the code under test: an error in it silently reduces their number."""
    names = [group.name for group in make_case("densenet").groups]
    assert names == ["stem", "layers.0.conv", "layers.1.conv", "head"]


@pytest.mark.parametrize("seed", range(4))
def test_pruned_equals_masked(case, seed: int) -> None:
    plan = random_plan(case.groups, seed=seed)
    pruned = apply_plan(case.model, case.groups, plan)
    masked = masked_model(case.model, case.groups, plan)
    assert check_equivalence(masked, pruned, case.example) < 2e-6
    dense = [tuple(p.shape) for p in case.model.parameters()]
    assert [tuple(p.shape) for p in pruned.parameters()] != dense


def test_pruned_equals_masked_in_training_mode_too(case) -> None:
    plan = random_plan(case.groups, seed=2)
    pruned = apply_plan(case.model, case.groups, plan).train()
    masked = masked_model(case.model, case.groups, plan).train()
    for model in (pruned, masked):
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.eval()
    assert torch.allclose(pruned(case.example), masked(case.example), atol=1e-5)


def test_ratio_zero_is_bit_identical(case) -> None:
    ratios = {group.name: 0.0 for group in case.groups}
    widths = widths_for(case.groups, ratios, divisor=8, min_channels=8)
    plan = make_plan(case.groups, Random(0)(case.model, case.groups), widths)
    pruned = apply_plan(case.model, case.groups, plan)
    assert torch.equal(pruned(case.example), case.model(case.example))


def test_the_layers_know_their_new_sizes(case) -> None:
    pruned = apply_plan(case.model, case.groups, random_plan(case.groups, seed=1))
    for module in pruned.modules():
        if isinstance(module, nn.Conv2d):
            shape = (module.out_channels, module.in_channels // module.groups)
            assert module.weight.shape[:2] == shape
        if isinstance(module, nn.BatchNorm2d):
            assert {module.num_features} == {len(t) for t in (module.weight, module.running_var)}
        if isinstance(module, nn.Linear):
            assert module.weight.shape == (module.out_features, module.in_features)


def test_other_kinds_of_layers() -> None:
    model = networks.lively(
        nn.Sequential(
            nn.ConvTranspose2d(3, 6, 2),
            nn.PReLU(6),
            nn.InstanceNorm2d(6, affine=True),
            nn.Conv2d(6, 8, 1),
            nn.BatchNorm2d(8, affine=False),
            nn.Conv2d(8, 2, 1),
        )
    )
    groups = find_groups(model, networks.example()).prunable
    assert [group.name for group in groups] == ["0", "3"]
    plan = Plan({"0": (0, 4), "3": (1, 2, 7)})
    pruned = apply_plan(model, groups, plan)
    check_equivalence(masked_model(model, groups, plan), pruned, networks.example())
    assert (pruned[0].out_channels, pruned[1].num_parameters, pruned[2].num_features) == (4, 4, 4)


def test_embeddings_lose_width() -> None:
    model = nn.Sequential(nn.Embedding(10, 6), nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    words = torch.randint(10, (2, 5), generator=torch.Generator().manual_seed(0))
    groups = find_groups(model, words).prunable
    assert [group.name for group in groups] == ["0", "1"]
    plan = random_plan(groups, seed=3)
    pruned = apply_plan(model, groups, plan)
    assert pruned[0].embedding_dim == pruned[1].in_features == plan.widths(groups)["0"]
    check_equivalence(masked_model(model, groups, plan), pruned, words)


def test_mode_freezing_device_and_memory_format_are_kept(resnet) -> None:
    model = networks.build("resnet").to(memory_format=torch.channels_last).train()
    model.layer1.eval()
    model.layer2.requires_grad_(False)
    pruned = apply_plan(model, resnet.groups, random_plan(resnet.groups, seed=1))
    assert pruned.training and not pruned.layer1[0].bn1.training
    grads = {name: p.requires_grad for name, p in model.named_parameters()}
    assert {name: p.requires_grad for name, p in pruned.named_parameters()} == grads
    weight = pruned.layer1[0].conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()


def test_the_model_is_untouched_and_shares_nothing(resnet) -> None:
    model = networks.build("resnet")
    model(resnet.example).sum().backward()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    pruned = apply_plan(model, resnet.groups, random_plan(resnet.groups, seed=1))
    assert all(p.grad is None for p in pruned.parameters())
    assert all(p.grad is not None for p in model.parameters())
    with torch.no_grad():
        for tensor in pruned.state_dict().values():
            tensor.zero_()
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())


def test_a_copy_shares_nothing_unless_it_is_asked_to(vgg) -> None:
    weight = torch.zeros(8, 3, 3, 3)
    for share in (False, True):
        copied = copy_with(vgg.model, {"features.0.weight": weight}, share=share)
        same = {n for n, p in copied.named_parameters() if p is vgg.model.get_parameter(n)}
        others = {n for n, _ in vgg.model.named_parameters()} - {"features.0.weight"}
        assert same == (others if share else set())
        assert copied.features[0].weight.data_ptr() == weight.data_ptr()
    plain = copy_with(vgg.model, {})
    pairs = zip(plain.parameters(), vgg.model.parameters(), strict=True)
    assert all(one is not other and torch.equal(one, other) for one, other in pairs)


def test_a_removed_block_is_replaced_by_its_shortcut() -> None:
    model = networks.build("resnet")
    groups = find_groups(model, networks.example(), blocks=True).prunable
    plan = Plan({"layer1.0": (0,), "conv1": (1, 2)})
    pruned = apply_plan(model, groups, plan)
    check_equivalence(masked_model(model, groups, plan), pruned, networks.example())
    assert not [name for name in pruned.state_dict() if name.startswith("layer1.0.")]
    sliced = slice_tensors(model.state_dict(), groups, plan)
    assert {n: t.shape for n, t in sliced.items()} == {
        n: t.shape for n, t in pruned.state_dict().items()
    }


def test_a_weight_that_is_a_view_of_another_order_loses_its_channels_too() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    model[0].weight = nn.Parameter(torch.randn(4, 8).T)
    places = row_of_positions(8)
    names = (("0.weight", 0), ("0.bias", 0), ("2.weight", 1))
    group = Group("0", 8, tuple(Slot(name, dim, places) for name, dim in names))
    pruned = apply_plan(model, [group], Plan({"0": (1, 5)}))
    assert torch.equal(pruned[0].weight, model[0].weight[[0, 2, 3, 4, 6, 7]])
    assert not model[0].weight.is_contiguous() and pruned[0].weight.is_contiguous()


def test_hooks_of_the_copy_are_its_own(resnet) -> None:
    pruned = apply_plan(resnet.model, resnet.groups, random_plan(resnet.groups, seed=1))
    pruned.conv1.register_forward_hook(lambda *_: None)
    assert not resnet.model.conv1._forward_hooks
    assert not pruned.bn1._forward_hooks


def test_slicing_a_state_dict_gives_the_pruned_models_state(case) -> None:
    plan = random_plan(case.groups, seed=3)
    expected = apply_plan(case.model, case.groups, plan).state_dict()
    dense = case.model.state_dict()
    sliced = slice_tensors(dense, case.groups, plan)
    assert list(sliced) == list(expected)
    assert all(torch.equal(sliced[name], expected[name]) for name in expected)
    assert all(sliced[name] is dense[name] for name in ("fc.bias",) if name in dense)


def test_pruned_models_train(case) -> None:
    pruned = apply_plan(case.model, case.groups, random_plan(case.groups, seed=1)).train()
    pruned(case.example).square().mean().backward()
    assert all(p.grad is not None and p.grad.shape == p.shape for p in pruned.parameters())


def test_groups_of_another_model_are_refused(resnet, vgg) -> None:
    with pytest.raises(PruningError, match=r"no tensor `features\.0\.weight`"):
        apply_plan(resnet.model, vgg.groups, Plan({"features.0": (1,)}))


@pytest.mark.usefixtures("light_heap")
def test_two_hundred_applications_leave_nothing_behind(vgg) -> None:
    plan = random_plan(vgg.groups, seed=1)
    alive = []
    for _ in range(200):
        pruned = apply_plan(vgg.model, vgg.groups, plan)
        masked = masked_model(vgg.model, vgg.groups, plan)
        alive += [weakref.ref(thing) for thing in (pruned, masked.features, *pruned.parameters())]
    del pruned, masked
    gc.collect()
    assert not [reference for reference in alive if reference() is not None]


@pytest.mark.usefixtures("light_heap")
def test_finding_groups_leaves_nothing_behind() -> None:
    model = networks.build("resnet")
    find_groups(model, networks.example())
    gc.collect()
    before = sum(issubclass(type(thing), nn.Module) for thing in gc.get_objects())
    for _ in range(3):
        find_groups(model, networks.example())
    gc.collect()
    assert sum(issubclass(type(thing), nn.Module) for thing in gc.get_objects()) == before


def test_a_grouped_convolution_keeps_the_size_of_its_groups() -> None:
    case = make_case("resnext")
    plan = Plan({"stem": (1, 2), "blocks.0.conv1": (0, 1, 2, 3, 5)})
    pruned = apply_plan(case.model, case.groups, plan)
    shape = {
        path: (layer.in_channels, layer.out_channels, layer.groups)
        for path, layer in pruned.named_modules()
        if isinstance(layer, nn.Conv2d)
    }
    assert shape["wider"] == (4, 8, 2)
    assert shape["blocks.0.conv2"] == (2, 2, 1)
    assert shape["blocks.1.conv2"] == (12, 12, 6)
    check_equivalence(masked_model(case.model, case.groups, plan), pruned, case.example)
    again = restrict_groups(case.groups, plan)  # in the steps of a schedule
    rest = Plan({"stem": (0,), "blocks.1.conv1": (4,)})
    twice = apply_plan(pruned, again, rest)
    check_equivalence(masked_model(pruned, again, rest), twice, case.example)
    assert (twice.wider.in_channels, twice.wider.out_channels, twice.wider.groups) == (2, 4, 1)
