"""PyTorch's own attention: its heads go however it is called, unless its weights are used."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.dependency.proof import random_plan
from paretoprune.pruning.groups import Groups
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.attention import FewerHeads
from paretoprune.pruning.structured.equivalence import check_equivalence
from paretoprune.pruning.structured.masks import masked_model
from paretoprune.pruning.structured.plan import Plan
from tests.kits import families, networks

WIDTH, HEADS = 16, 4
TOKENS = torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(1))


class Own(nn.Module):
    """A user's network, which calls the attention as most do: without `need_weights`."""

    def __init__(self, uses: str = "", *, batch_first: bool = True, **given: object) -> None:
        super().__init__()
        self.uses, self.batch_first = uses, batch_first
        self.inner, self.keys = nn.Linear(6, WIDTH), nn.Linear(6, given.get("kdim") or WIDTH)
        self.values = nn.Linear(6, given.get("vdim") or WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=batch_first, **given)
        self.norm = nn.LayerNorm(WIDTH)
        self.fc = nn.Sequential(nn.Linear(WIDTH, 7), nn.ReLU(), nn.Linear(7, 5))

    def forward(self, tokens: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        x = tokens if self.batch_first else tokens.transpose(0, 1)
        y, weights = self.attention(self.inner(x), self.keys(x), self.values(x))
        y = self.norm(self.inner(x) + y)
        y = self.fc(y if self.batch_first else y.transpose(0, 1))
        if self.uses == "mixed":
            y = weights @ y
        if self.uses == "number":
            y = y * float(weights.squeeze().max())
        return (y, weights) if self.uses == "returned" else y


def proved(model: nn.Module, *inputs: Tensor) -> Groups:
    """The groups of the model; removing some of each is as masking them."""
    model = networks.lively(model)
    groups = find_groups(model, inputs)
    plan = random_plan(groups.prunable, seed=3)
    pruned = apply_plan(model, groups.prunable, plan)
    assert check_equivalence(masked_model(model, groups.prunable, plan), pruned, inputs) < 1e-5
    return groups


def heads_of(groups: Groups) -> list[int]:
    return [group.width for group in groups.prunable if group.name.endswith(("attention", "attn"))]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"bias": False},
        {"batch_first": False},
        {"add_bias_kv": True},
        {"kdim": 8, "vdim": 12},
        {"kdim": 8, "vdim": 12, "bias": False, "batch_first": False},
    ],
    ids=lambda given: " ".join(given) or "defaults",
)
def test_heads_go_though_their_mean_is_returned_to_the_network(given: dict[str, object]) -> None:
    assert heads_of(proved(Own(**given), TOKENS)) == [HEADS]


@pytest.mark.parametrize("uses", ["mixed", "number", "returned"])
def test_a_mean_over_heads_that_is_used_keeps_them_and_says_so(uses: str) -> None:
    groups = proved(Own(uses), TOKENS)
    kept = {kept.name: kept.reason for kept in groups.kept}
    assert not heads_of(groups)
    assert "`attention` (mean) reduces over its channels" in kept["attention"]


class Layer(nn.Module):
    """One of PyTorch's layers of a transformer; a decoder's looks at what it is given."""

    def __init__(self, kind: type[nn.Module], **given: bool) -> None:
        super().__init__()
        self.inner = nn.Linear(6, WIDTH)
        self.layer = kind(WIDTH, HEADS, 24, **given)
        self.decodes, self.fc = kind is nn.TransformerDecoderLayer, nn.Linear(WIDTH, 5)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.inner(tokens)
        return self.fc(self.layer(x, x.flip(0, 1)) if self.decodes else self.layer(x))


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("kind", [nn.TransformerEncoderLayer, nn.TransformerDecoderLayer])
def test_layers_of_a_transformer_lose_heads_and_hidden_units(
    kind: type[nn.Module], batch_first: bool, bias: bool, norm_first: bool
) -> None:
    model = Layer(kind, batch_first=batch_first, bias=bias, norm_first=norm_first)
    groups = proved(model, TOKENS)
    attentions = 2 if kind is nn.TransformerDecoderLayer else 1
    assert heads_of(groups) == [HEADS] * attentions
    assert [group.width for group in groups.prunable[attentions:]] == [24]


class Translator(nn.Module):
    """The whole of `nn.Transformer`, with a causal mask for its targets."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.fc = nn.Linear(6, WIDTH), nn.Linear(WIDTH, 5)
        self.transformer = nn.Transformer(WIDTH, HEADS, 1, 1, 24, batch_first=True)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        mask = torch.ones(target.shape[1], target.shape[1]).triu(1).bool()
        x = self.transformer(self.inner(source), self.inner(target), tgt_mask=mask)
        return self.fc(x)


def test_a_whole_transformer_loses_the_heads_of_all_its_attentions() -> None:
    assert heads_of(proved(Translator(), TOKENS, TOKENS[:, :3])) == [HEADS] * 3


class Padded(nn.Module):
    """Sentences of different lengths, padded with zeros and read by their first token, or by all.

    In evaluation mode the dense encoder runs in PyTorch's fused layers, on nested tensors.
    """

    def __init__(self, *, reads_all: bool = False) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 24, batch_first=True)
        self.inner, self.encoder = nn.Embedding(9, WIDTH), nn.TransformerEncoder(layer, 2)
        self.fc, self.reads_all = nn.Linear(WIDTH, 5), reads_all

    def forward(self, words: Tensor) -> Tensor:
        x = self.encoder(self.inner(words), src_key_padding_mask=words == 0)
        return self.fc(x.mean(1) if self.reads_all else x[:, 0])


WORDS = torch.tensor([[3, 1, 4, 1, 5], [2, 7, 0, 0, 0]])


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_a_padding_mask_does_not_keep_the_heads_that_it_is_repeated_for() -> None:
    groups = proved(Padded(), WORDS)
    assert heads_of(groups) == [HEADS] * 2
    model = networks.lively(Padded())
    pruned = apply_plan(model, groups.prunable, random_plan(groups.prunable, seed=3))
    assert (model.encoder.use_nested_tensor, pruned.encoder.use_nested_tensor) == (True, False)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_what_reads_the_padding_keeps_its_heads() -> None:
    """PyTorch's fused layers give zeros there, its plain ones do not."""
    groups = proved(Padded(reads_all=True), WORDS)
    assert not heads_of(groups)
    assert (
        "changes the outputs"
        in {kept.name: kept.reason for kept in groups.kept}["encoder.layers.0.self_attn"]
    )


def test_pytorchs_own_attention_keeps_its_names_and_its_place() -> None:
    model = families.build("attention_torch")
    groups = find_groups(model, networks.example()).prunable
    mha = apply_plan(model, groups, Plan({"attention.mha": (0, 1, 3)})).attention.mha
    assert isinstance(mha, nn.MultiheadAttention)
    assert (mha.num_heads, mha.embed_dim, mha.head_dim) == (1, 12, 3)
    assert set(mha.state_dict()) == set(model.attention.mha.state_dict())
    x = torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(3))
    assert mha(x, x, x)[1].shape == (2, 5, 5)
    assert mha(x[0], x[0], x[0])[0].shape == (5, 12)


def test_masks_mean_what_they_mean_to_pytorch() -> None:
    """With as many heads as ever, the class that may lose some is PyTorch's to rounding."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(2, 5, 12, generator=generator)
    padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
    causal = torch.ones(5, 5).triu(1).bool()
    plain = networks.lively(nn.MultiheadAttention(12, 4, batch_first=True, add_bias_kv=True))
    other = networks.lively(nn.MultiheadAttention(12, 4, batch_first=True, add_bias_kv=True))
    FewerHeads.fit(other)
    scores = torch.randn(5, 5, generator=generator)
    each = torch.rand(8, 5, 5, generator=generator) > 0.7  # of each sample and head
    for masks in (
        {},
        {"attn_mask": causal},
        {"attn_mask": scores},
        {"attn_mask": each},
        {"attn_mask": each * -2.0},
        {"key_padding_mask": padding},
        {"key_padding_mask": padding, "attn_mask": causal},
        {"attn_mask": causal, "average_attn_weights": False},
    ):
        for one, two in zip(plain(x, x, x, **masks), other(x, x, x, **masks), strict=True):
            assert torch.allclose(one, two, atol=1e-5)
