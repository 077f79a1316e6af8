"""Whole residual blocks: found, gone from the model, from its size, its plan and its file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu

from paretoprune.errors import PruningError
from paretoprune.measure.macs import count_macs, macs_per_layer
from paretoprune.measure.params import count_params
from paretoprune.problem.forms import load_delivered
from paretoprune.pruning.candidate import PrunedCandidate
from paretoprune.pruning.dependency.blocks import Skipped, find_blocks
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.groups import Block, Groups
from paretoprune.pruning.scorers.data_free.magnitude import Magnitude
from paretoprune.pruning.scorers.data_free.random import Random
from paretoprune.pruning.scorers.gradient.gates import GateScores
from paretoprune.pruning.scorers.interface import score_groups
from paretoprune.pruning.scorers.parts.block_influence import block_influence
from paretoprune.pruning.scorers.parts.normalise import normalise
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.checkpoint import save_state
from paretoprune.pruning.structured.equivalence import check_equivalence
from paretoprune.pruning.structured.file_size import FileSize
from paretoprune.pruning.structured.masks import masked_model
from paretoprune.pruning.structured.plan import Plan
from paretoprune.pruning.structured.rounding import widths_for
from paretoprune.pruning.structured.size import SizeModel
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.classification import Classification
from paretoprune.tasks.interface import Batch
from tests.kits import families, networks
from tests.kits.networks import example, lively
from tests.kits.tasks import bound


class Twice(nn.Module):
    """Attention and MLP, both behind LayerNorm: a block of two branches that takes a position."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(families.WIDTH), families.Fused()
        self.norm2, self.fc1 = nn.LayerNorm(families.WIDTH), nn.Linear(families.WIDTH, 16)
        self.fc2 = nn.Linear(16, families.WIDTH)

    def forward(self, x: Tensor, position: Tensor, *, scale: float) -> Tensor:
        x = x + self.attention(self.norm1(x) + position)
        return x + scale * self.fc2(gelu(self.fc1(self.norm2(x))))


class Stack(nn.Module):
    """Patches, three such blocks, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, families.WIDTH, 4, stride=4)
        self.position = nn.Parameter(torch.randn(4, families.WIDTH))
        self.blocks = nn.ModuleList(Twice() for _ in range(3))
        self.head = nn.Linear(families.WIDTH, 5)

    def forward(self, images: Tensor) -> Tensor:
        x = self.patches(images).flatten(2).transpose(1, 2)
        for block in self.blocks:
            x = block(x, self.position, scale=0.5)
        return self.head(x.mean(1))


BUILDERS: dict[str, Callable[[], nn.Module]] = {
    **{name: networks.PRUNABLE[name] for name in ("resnet", "resnext", "mobilenet")},
    "stack": Stack,
}
BLOCKS = {  # those whose shortcut is the input itself
    "resnet": ["layer1.0", "layer1.1", "layer2.1"],
    "resnext": ["blocks.0", "blocks.1"],
    "mobilenet": ["blocks.0"],
    "stack": ["blocks.0", "blocks.1", "blocks.2"],
}


def build(name: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return lively(BUILDERS[name](), seed)


@cache
def groups_of(name: str, channels: bool = True) -> Groups:
    return find_groups(build(name), example(), channels=channels, blocks=True)


def some_plan(groups: Groups, seed: int) -> Plan:
    """A third of the channels, and every block with an even chance."""
    generator = torch.Generator().manual_seed(seed)
    removed = {}
    for group in groups.prunable:
        order = torch.randperm(group.width, generator=generator).tolist()
        coin = int(torch.randint(2, (), generator=generator))
        removed[group.name] = tuple(order[: coin if group.block else group.width // 3])
    return Plan(removed)


@pytest.mark.parametrize("name", BLOCKS)
def test_the_blocks_with_a_true_shortcut_are_found(name: str) -> None:
    alone, beside = groups_of(name, channels=False), groups_of(name)
    assert [group.name for group in alone.prunable] == BLOCKS[name]
    assert [g.name for g in beside.prunable if g.block] == BLOCKS[name]
    channels = find_groups(build(name), example())
    assert tuple(g for g in beside.prunable if not g.block) == channels.prunable


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", BLOCKS)
def test_what_is_left_equals_the_masked_model_and_is_counted_exactly(name: str, seed: int) -> None:
    model, groups = build(name), groups_of(name).prunable
    plan = some_plan(groups_of(name), seed)
    pruned = apply_plan(model, groups, plan)
    assert check_equivalence(masked_model(model, groups, plan), pruned, example()) < 1e-4
    shapes = {path: tuple(p.shape) for path, p in model.named_parameters()}
    size = SizeModel(groups, shapes, macs_per_layer(model, example()))
    cost = size.cost(plan.widths(groups))
    gone = [group.name for group in groups if group.block and plan.removed.get(group.name)]
    assert size.blocks_gone(plan.widths(groups)) == gone
    assert (cost.params, cost.macs) == (count_params(pruned), count_macs(pruned, example()))
    tensors, left = len(model.state_dict()), len(pruned.state_dict())
    sizes = FileSize(groups, model.state_dict(), bytes_of(model) + 90 * tensors)
    assert sizes.bytes_of(plan.widths(groups)) == bytes_of(pruned) + 90 * left


def bytes_of(model: nn.Module) -> int:
    """Of all tensors."""
    return sum(t.numel() * t.element_size() for t in model.state_dict().values())


def test_the_activation_behind_the_shortcut_stays() -> None:
    model, groups = build("resnet"), groups_of("resnet").prunable
    pruned = apply_plan(model, groups, Plan({"layer1.0": (0,)}))
    block = pruned.get_submodule("layer1.0")
    assert isinstance(block, Skipped)
    x = torch.randn(2, 8, 4, 4).relu()
    assert torch.equal(block(x), (torch.zeros_like(x) + x).relu())
    assert not any(name.startswith("layer1.0.") for name in pruned.state_dict())


@pytest.mark.parametrize("name", BLOCKS)
def test_a_saved_model_is_back_from_plain_data(name: str, tmp_path: Path) -> None:
    groups, plan = groups_of(name), some_plan(groups_of(name), 1)
    pruned = apply_plan(build(name), groups.prunable, plan)
    save_state(tmp_path / "model.safetensors", pruned)
    again = Groups.from_json(json.loads(json.dumps(groups.to_json())))
    assert again == groups
    loaded = load_delivered(
        build(name, seed=1),
        again,
        Plan.from_json(json.loads(json.dumps(plan.to_json()))),
        tmp_path / "model.safetensors",
    )
    assert torch.equal(loaded.eval()(example()), pruned(example()))


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_may_go_before_or_after_channels(name: str) -> None:
    """In steps or at once, the same is left, and what lay in the block is asked for no more."""
    model, groups = build(name), groups_of(name).prunable
    dense = PrunedCandidate(model, Plan({}), groups)
    first = BLOCKS[name][0]
    scores = {g.name: torch.arange(g.width, 0.0, -1) for g in groups}
    widths = {g.name: g.width if g.block else g.width - g.width // 3 for g in groups}
    at_once = dense.prune(scores, {**widths, first: 0}, proof=example())
    before = dense.prune(scores, {first: 0}, proof=example())
    left = {name: score[: before.widths()[name]] for name, score in scores.items()}
    stepped = before.prune(left, {**widths, first: 0}, proof=example())
    assert stepped.widths() == at_once.widths()
    assert torch.equal(stepped.model(example()), at_once.model(example()))
    rescored = stepped.score(Magnitude(), bound([(example(), torch.tensor([0, 1]))]))
    assert {n: len(s) for n, s in rescored.items()} == stepped.widths()


def test_a_block_needs_no_channel_to_stay_and_is_removed_beyond_a_half() -> None:
    groups = groups_of("resnet").prunable
    widths = widths_for(groups, {"layer1.0": 0.51, "layer1.1": 0.5}, divisor=4, min_channels=2)
    assert (widths["layer1.0"], widths["layer1.1"], widths["layer2.1"]) == (0, 1, 1)
    with pytest.raises(PruningError, match="at least one must stay"):
        Plan({"layer1.0.conv1": tuple(range(8))}).check(groups)


def test_the_influence_of_a_block_is_the_angle_it_turns() -> None:
    """Written out sample by sample; a block that adds nothing has none."""
    model, groups = build("resnet"), groups_of("resnet", channels=False).prunable
    blocks = [group.block for group in groups if group.block]
    with torch.no_grad():
        model.layer1[1].bn2.weight.zero_()
        model.layer1[1].bn2.bias.zero_()
    x = torch.randn(5, 3, 8, 8)
    with torch.no_grad():
        stream = [model.bn1(model.conv1(x)).relu()]
        for block in model.layer1:
            stream.append(block(stream[-1]))
    expected = [
        1 - torch.stack([a.flatten() @ b.flatten() / a.norm() / b.norm() for a, b in pairs]).mean()
        for pairs in (zip(*stream[:2], strict=True), zip(*stream[1:3], strict=True))
    ]
    found = block_influence(model, blocks, bound([(x[:3],), (x[3:],)]))
    assert found[:2] == pytest.approx([float(one) for one in expected], abs=1e-6)
    assert found[1] == pytest.approx(0, abs=1e-6)
    with pytest.raises(PruningError, match="at least one batch"):
        block_influence(model, blocks, [])


def test_every_scorer_scores_blocks_and_random_draws_them() -> None:
    model, groups = build("resnet"), groups_of("resnet").prunable
    batches = bound([(example(), torch.tensor([0, 1]))])
    scores = score_groups(Magnitude(), model, groups, iter(batches))
    only = [group for group in groups if not group.block]
    plain = Magnitude()(model, only, batches)
    assert all(torch.equal(scores[name], plain[name]) for name in plain)
    drawn = score_groups(Random(3), model, groups, iter(batches))
    blocks = [group.name for group in groups if group.block]
    expected = torch.rand(len(blocks), generator=torch.Generator().manual_seed(3))
    assert torch.equal(torch.cat([drawn[name] for name in blocks]), expected)
    ranked = normalise(scores)
    assert sum(float(ranked[name]) for name in blocks) / len(blocks) == pytest.approx(1)


def test_the_gate_of_a_block_is_the_slope_of_its_branch() -> None:
    model, groups = build("resnet").double(), groups_of("resnet", channels=False).prunable
    x, y = example().double(), torch.tensor([0, 1])
    gates = GateScores(model, groups)
    cross_entropy(model(x), y).backward()
    gates()
    for group in groups:
        assert group.block is not None
        losses = []
        for h in (1e-5, -1e-5):
            scaled = build("resnet").double()
            with torch.no_grad():
                for name in group.block.zeroed_params:
                    scaled.get_parameter(name).mul_(1 + h)
            losses.append(cross_entropy(scaled(x), y).item())
        slope = (losses[0] - losses[1]) / 2e-5
        assert gates.scores()[group.name].item() == pytest.approx(slope**2, rel=1e-3, abs=1e-10)


def test_a_network_without_shortcuts_has_no_block() -> None:
    with pytest.raises(PruningError, match="nothing in this model can be pruned"):
        find_groups(networks.build("vgg"), example(), channels=False, blocks=True)


class Around(nn.Module):
    """A residual block around another, by a sum or with a second result."""

    def __init__(self, form: str, inner: nn.Module | None = None) -> None:
        super().__init__()
        self.inner, self.form = inner or nn.Linear(4, 4), form
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor | None = None, *, y: Tensor | None = None) -> object:
        if self.form == "keyword":
            assert y is not None
            return y + self.layer(self.inner(y))
        assert x is not None
        if self.form == "wider":  # equal to its input only if broadcast
            return torch.stack([x + self.layer(x), x + self.inner(x)])
        found = x + self.layer(self.inner(x))
        return (found, found.mean()) if self.form == "pair" else found


class Forms(nn.Module):
    """A part that is no block, one block inside another, and one after them."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.other = Around(form)
        self.outer = Around("sum", Around("sum"))
        self.later = Around("sum")

    def forward(self, x: Tensor) -> Tensor:
        found = self.other(y=x) if self.other.form == "keyword" else self.other(x)
        found = found[0] if isinstance(found, tuple) else found
        return self.later(self.outer(found)).sum(-1)


@pytest.mark.parametrize("form", ["keyword", "pair", "wider"])
def test_what_is_no_block_leaves_the_blocks_beside_it(form: str) -> None:
    torch.manual_seed(0)
    found = find_groups(Forms(form), torch.randn(2, 4), channels=False, blocks=True)
    assert [group.name for group in found.prunable] == ["outer.inner", "later"]


@dataclass(frozen=True)
class Masked(Classification):
    """Batches (x, y, valid)."""

    def valid(self, batch: Batch) -> Tensor | None:
        found: Tensor = batch[2]
        return found


@pytest.mark.parametrize("shape", [(4, 3, 5), (4, 5)], ids=["tokens", "vectors"])
def test_padding_has_no_part_in_the_influence_of_a_block(shape: tuple[int, ...]) -> None:
    model = nn.Sequential(nn.Linear(5, 5))
    valid = torch.tensor([[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 1, 0]]).bool()
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))

    def influence(inputs: Tensor) -> float:
        batch = TaskBatch(Masked(), (inputs, torch.zeros(4).long(), valid))
        [found] = block_influence(model, [Block("0", "Linear", ())], [batch])
        return found

    with torch.no_grad():
        y = model(x)
    if len(shape) == 3:
        other = torch.where(valid[:, :, None], x, 7.0)
        assert influence(other) == pytest.approx(influence(x), abs=1e-6)
        x, y = x * valid[:, :, None], y * valid[:, :, None]
    expected = 1 - torch.cosine_similarity(x.flatten(1), y.flatten(1)).mean()
    assert influence(x) == pytest.approx(float(expected), abs=1e-6)


class Chain(nn.Module):
    """A branch of two layers without biases, either of which ends it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = (nn.Conv2d(4, 4, 1, bias=False) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = x + self.last(self.first(x))
        return found


def test_a_branch_ends_with_its_last_layer() -> None:
    network = nn.Sequential(Chain(), Chain())
    found = find_blocks(network, torch.randn(2, 4, 3, 3))
    assert [group.block for group in found] == [
        Block(path, "Identity", (f"{path}.last.weight",)) for path in "01"
    ]
