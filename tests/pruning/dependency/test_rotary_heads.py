"""Heads with rotary positions and grouped queries: a key head is removed with its query heads."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from paretoprune.errors import PruningError
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.plan import make_plan

SIZE, WIDTH = 4, 16  # of a head, and of the model


class Grouped(nn.Module):
    """Attention as in Llama (Touvron et al. 2023): rotary positions, several queries for a key.

    `norms` are those of queries and keys over each head, as in Qwen3.
    """

    def __init__(
        self, heads: int, keys: int, *, is_stored: bool = False, norms: bool = False
    ) -> None:
        super().__init__()
        self.norms = nn.ModuleList([Norm(), Norm()] if norms else [nn.Identity()] * 2)
        self.repeats = heads // keys
        self.query = nn.Linear(WIDTH, heads * SIZE)
        self.key = nn.Linear(WIDTH, keys * SIZE)
        self.value = nn.Linear(WIDTH, keys * SIZE)
        self.out = nn.Linear(heads * SIZE, WIDTH)
        rates = 1.0 / 100 ** (torch.arange(0, SIZE, 2) / SIZE)
        self.register_buffer("rates", rates, persistent=is_stored)

    def forward(self, states: Tensor) -> Tensor:
        place = torch.arange(states.shape[1], dtype=torch.float32)
        assert isinstance(self.rates, Tensor)
        angles = (place[:, None] * self.rates).repeat(1, 2)
        query, key, value = (
            layer(states).unflatten(2, (-1, SIZE)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        query, key = self.norms[0](query), self.norms[1](key)
        query, key = (one * angles.cos() + _turned(one) * angles.sin() for one in (query, key))
        key, value = (one.repeat_interleave(self.repeats, 1) for one in (key, value))
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return out


class Norm(nn.Module):
    """RMSNorm over the places of a head, with a weight that all heads share."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(SIZE) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


def _turned(states: Tensor) -> Tensor:
    first, second = states.chunk(2, -1)
    return torch.cat((-second, first), -1)


@pytest.mark.parametrize("norms", [False, True])
@pytest.mark.parametrize(("heads", "keys"), [(4, 4), (4, 2), (6, 2)])
def test_heads_are_removed_with_their_key(heads: int, keys: int, norms: bool) -> None:
    torch.manual_seed(0)
    model, example = Grouped(heads, keys, norms=norms).eval(), torch.randn(2, 5, WIDTH)
    found = find_groups(model, example)
    [group] = found.prunable
    assert group.width == keys
    scores = {group.name: torch.arange(keys, 0.0, -1)}
    pruned = apply_plan(model, [group], make_plan([group], scores, {group.name: 1}))
    widths = {
        name: module.out_features
        for name, module in pruned.named_modules()
        if isinstance(module, nn.Linear)
    }
    assert widths == {"query": heads // keys * SIZE, "key": SIZE, "value": SIZE, "out": WIDTH}
    with torch.no_grad():
        model.out.weight[:, heads // keys * SIZE :] = 0.0
        torch.testing.assert_close(pruned(example), model(example))


def test_a_buffer_that_is_stored_is_a_weight() -> None:
    """Its entries may be removed, at the same places in all heads; here no rule finds these."""
    with pytest.raises(PruningError, match="`query`"):
        find_groups(Grouped(4, 2, is_stored=True).eval(), torch.randn(2, 5, WIDTH))
