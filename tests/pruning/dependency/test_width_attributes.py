"""Numbers that follow a group: heads, split sizes, and what is worked out once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.dependency.width_attributes import likeness, with_numbers
from paretoprune.pruning.groups import Block, Group, Number, Slot, row_of_positions
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.equivalence import check_equivalence
from paretoprune.pruning.structured.masks import masked_model
from paretoprune.pruning.structured.plan import Plan
from tests.kits import families, networks


def test_heads_and_their_joint_width_follow() -> None:
    model = families.build("attention_fused")
    groups = find_groups(model, networks.example()).prunable
    assert set(groups[0].numbers) == {
        Number("attention", "num_heads", 1),
        Number("attention", "attn_dim", families.HEAD),
    }
    pruned = apply_plan(model, groups, Plan({"attention.qkv": (0, 2)}))
    assert (pruned.attention.num_heads, pruned.attention.attn_dim) == (2, 2 * families.HEAD)
    assert (model.attention.num_heads, model.attention.head_dim) == (4, families.HEAD)


def test_queries_follow_the_heads_of_keys() -> None:
    model = families.build("attention_grouped_query")
    groups = find_groups(model, networks.example()).prunable
    pruned = apply_plan(model, groups, Plan({"attention.q": (1,)}))
    assert (pruned.attention.heads, pruned.attention.kv_heads) == (2, 1)


class Conv1D(nn.Module):
    """A linear layer with a weight (inputs, outputs), as transformers' of GPT-2."""

    def __init__(self, nf: int, nx: int) -> None:
        super().__init__()
        self.nf, self.nx = nf, nx
        self.weight = nn.Parameter(torch.empty(nx, nf))
        self.bias = nn.Parameter(torch.zeros(nf))

    def forward(self, x: Tensor) -> Tensor:
        found = torch.addmm(self.bias, x.view(-1, x.shape[-1]), self.weight)
        return found.view(*x.shape[:-1], self.nf)


class GPT2Attention(nn.Module):
    """Queries, keys and values by one layer, split by a number of its own."""

    def __init__(self, width: int = 16, heads: int = 4) -> None:
        super().__init__()
        self.num_heads, self.head_dim = heads, width // heads
        self.embed_dim = self.split_size = width
        self.c_attn, self.c_proj = Conv1D(3 * width, width), Conv1D(width, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.c_attn(x).split(self.split_size, dim=2)
        q, k, v = (one.view(*one.shape[:-1], -1, self.head_dim).transpose(1, 2) for one in parts)
        mixed = (q @ k.transpose(2, 3) / self.head_dim**0.5).softmax(-1) @ v
        found: Tensor = self.c_proj(mixed.transpose(1, 2).reshape(*x.shape[:-1], -1))
        return found


def test_heads_of_a_fused_layer_of_gpt_2_can_be_removed() -> None:
    model, x = networks.lively(GPT2Attention()), torch.randn(2, 5, 16)
    [group] = find_groups(model, x).prunable
    assert group.width == 4 and set(group.numbers) == {Number("", "split_size", 4)}
    plan = Plan({group.name: (1, 2)})
    pruned = apply_plan(model, [group], plan)
    assert pruned.c_attn.weight.shape == (16, 24) and pruned.c_proj.weight.shape == (8, 16)
    assert (pruned.c_attn.nx, pruned.c_attn.nf, pruned.c_proj.nx) == (16, 24, 8)
    check_equivalence(masked_model(model, [group], plan), pruned, x)


class Sizes(nn.Module):
    """A split by numbers of its own into unequal parts, one of which scales parts of the other."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes = (6, 10)
        self.first, self.left, self.right = nn.Linear(4, 16), nn.Linear(6, 3), nn.Linear(10, 3)

    def forward(self, x: Tensor) -> Tensor:
        one, other = self.first(x).split(self.sizes, -1)
        return self.left(one.relu()) + self.right(other.relu())


def test_the_sizes_of_a_split_lose_what_lies_in_their_part() -> None:
    model, x = networks.lively(Sizes()), torch.randn(3, 4)
    groups = find_groups(model, x).prunable
    assert [(group.width, group.numbers) for group in groups] == [
        (6, (Number("", "sizes", 1, 0),)),
        (10, (Number("", "sizes", 1, 1),)),
    ]
    plan = Plan({groups[0].name: (1, 5), groups[1].name: (0, 1, 9)})
    pruned = apply_plan(model, groups, plan)
    assert pruned.sizes == (4, 7)
    check_equivalence(masked_model(model, groups, plan), pruned, x)


class Cached(families.Fused):
    """Position biases by head, worked out once in evaluation mode."""

    def __init__(self) -> None:
        super().__init__()
        self.biases = nn.Parameter(torch.zeros(families.HEADS, 4))
        self.cache: dict[str, Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        if "biases" not in self.cache:
            self.cache["biases"] = self.biases[:, [[0, 1], [2, 3]]].sum((1, 2))
        n, t, _ = x.shape
        qkv = self.qkv(x).reshape(n, t, 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4)
        scores = qkv[0] @ qkv[1].transpose(-2, -1) * self.cache["biases"].view(-1, 1, 1)
        return self.proj((scores.softmax(-1) @ qkv[2]).transpose(1, 2).reshape(n, t, self.attn_dim))


def test_what_is_worked_out_once_is_worked_out_again() -> None:
    model, x = families.lively(families.Transformer(Cached())), networks.example()
    with torch.no_grad():
        model(x)
    groups = find_groups(model, x).prunable
    assert {group.name: group.width for group in groups} == {"attention.qkv": 4, "mlp.0": 20}
    plan = Plan({groups[0].name: (0, 3)})
    pruned = apply_plan(model, groups, plan)
    assert not pruned.attention.cache and model.attention.cache
    check_equivalence(masked_model(model, groups, plan), pruned, x)


def test_a_model_without_such_numbers_offers_none() -> None:
    model = networks.build("vgg")
    (group, *_) = find_groups(model, networks.example()).prunable
    assert list(with_numbers(model, group)) == []


def test_blocks_and_modules_of_torch_have_no_structure_in_common() -> None:
    layers = nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 3))
    slots = Slot("0.weight", 0, ()), Slot("1.weight", 1, ())
    assert likeness(layers, Group("0", 4, slots)) == ()
    around = networks.Leak(0.0)
    assert likeness(around, Group("b", 1, (), block=Block("conv", "Identity", ()))) == ()
    own = likeness(around, networks.leaky_group())
    assert own[0] is networks.Leak and own[1:] == tuple(
        (slot.tensor, slot.dim) for slot in networks.leaky_group().slots
    )


class Parts(nn.Module):
    """The sizes of some parts of a layer, after attributes that sum to nothing."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.layer, self.reader = nn.Linear(4, 16), nn.Linear(3, 2)
        self.whole, self.others, self.one = 16, (7, 8), [16]
        self.sizes = [*sizes]


def parts_of(*positions: tuple[int, ...], sizes: tuple[int, ...] = (5, 5, 6)) -> tuple[Number, ...]:
    """Return the first attributes that are tried for channels at these positions of the layer."""
    places = row_of_positions(len(positions))
    slots = Slot("reader.weight", 1, places), Slot("layer.weight", 0, positions)
    group = Group("a", len(positions), slots)
    tried = (one.numbers for one in with_numbers(Parts(sizes), group))
    return next((numbers for numbers in tried if any(n.attribute == "sizes" for n in numbers)), ())


def test_each_part_of_a_split_loses_the_positions_in_it() -> None:
    first, second, third = (0,), (5,), (15,)
    assert parts_of(first, (4,)) == (Number("", "sizes", 1, 0),)
    assert parts_of(second, (9,)) == (Number("", "sizes", 1, 1),)
    assert parts_of((10,), third) == (Number("", "sizes", 1, 2),)
    assert parts_of((0,), (4,), sizes=(5, 11)) == (Number("", "sizes", 1, 0),)
    assert parts_of((5, 6), (7, 15), sizes=(5, 11)) == (Number("", "sizes", 2, 1),)
    across = parts_of((0, 5, 6), (1, 7, 8))  # one position in the first part, two in the second
    assert across == (Number("", "sizes", 1, 0), Number("", "sizes", 2, 1))


def test_parts_from_which_channels_take_unequally_do_not_follow() -> None:
    assert parts_of((0,), (5,)) == ()
    assert parts_of((0,), (1,), (5,)) == ()
    assert parts_of((5,), (0,), (5,)) == ()


def test_candidates_are_few_and_none_is_tried_twice() -> None:
    model = Parts((5, 11))
    for number in range(9):
        setattr(model, f"more_{number}", 4)
    places = row_of_positions(4)
    slots = Slot("reader.weight", 1, places), Slot("layer.weight", 0, places)
    tried = [frozenset(one.numbers) for one in with_numbers(model, Group("a", 4, slots))]
    assert len(set(tried)) == len(tried) == 12
    few = [frozenset(n.numbers) for n in with_numbers(Parts((4, 12)), Group("a", 4, slots))]
    assert len(set(few)) == len(few) < 12
