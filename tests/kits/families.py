"""Small networks of other families than `networks.py` has: attention, recurrence, splits, norms.

Input: (N, 3, 8, 8), as there.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.kits.networks import lively

WIDTH, HEADS, HEAD = 12, 4, 3


class Fused(nn.Module):
    """Attention with queries, keys and values from one layer, and an attribute for the heads."""

    def __init__(self) -> None:
        super().__init__()
        self.num_heads, self.head_dim, self.attn_dim = HEADS, HEAD, HEADS * HEAD
        self.qkv = nn.Linear(WIDTH, 3 * self.attn_dim)
        self.proj = nn.Linear(self.attn_dim, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        n, t, _ = x.shape
        qkv = self.qkv(x).reshape(n, t, 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        weights = (q @ k.transpose(-2, -1) * self.head_dim**-0.5).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(n, t, self.attn_dim))


class Separate(nn.Module):
    """Attention with three layers; grouped-query attention if there are fewer keys than queries."""

    def __init__(self, kv_heads: int = HEADS) -> None:
        super().__init__()
        self.heads, self.kv_heads = HEADS, kv_heads
        self.q = nn.Linear(WIDTH, HEADS * HEAD)
        self.k = nn.Linear(WIDTH, kv_heads * HEAD)
        self.v = nn.Linear(WIDTH, kv_heads * HEAD, bias=False)
        self.out = nn.Linear(HEADS * HEAD, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        q = self.q(x).unflatten(-1, (self.heads, HEAD)).transpose(1, 2)
        k, v = (
            layer(x)
            .unflatten(-1, (self.kv_heads, HEAD))
            .transpose(1, 2)
            .repeat_interleave(self.heads // self.kv_heads, 1)
            for layer in (self.k, self.v)
        )
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Biased(Fused):
    """Attention with a bias for each head and position, computed once from a parameter, as in
    LeViT."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_biases = nn.Parameter(torch.randn(HEADS, 4))
        self.cache: dict[str, Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        if "bias" not in self.cache:
            self.cache["bias"] = self.attention_biases.detach()[:, None, :].clone()
        n, t, _ = x.shape
        qkv = self.qkv(x).reshape(n, t, 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        weights = (q @ k.transpose(-2, -1) * self.head_dim**-0.5 + self.cache["bias"]).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(n, t, self.attn_dim))


class MultiQuery(nn.Module):
    """Multi-query attention: one key and one value for all queries, shared by all heads."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k = nn.Linear(WIDTH, HEADS * HEAD), nn.Linear(WIDTH, HEAD)
        self.v, self.out = nn.Linear(WIDTH, HEAD), nn.Linear(HEADS * HEAD, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        q = self.q(x).unflatten(-1, (HEADS, HEAD)).transpose(1, 2)
        k, v = self.k(x).unsqueeze(1), self.v(x).unsqueeze(1)
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Torch(nn.Module):
    """PyTorch's own attention."""

    def __init__(self) -> None:
        super().__init__()
        self.mha = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.mha(x, x, x, need_weights=False)[0]


class Transformer(nn.Module):
    """Patches, attention and an MLP after LayerNorm on a residual stream, and a classifier."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, 4, stride=4)
        self.norm1, self.attention = nn.LayerNorm(WIDTH), attention
        self.norm2 = nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 20), nn.GELU(), nn.Linear(20, WIDTH))
        self.fc = nn.Linear(WIDTH, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = x + self.attention(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return self.fc(x.mean(1))


class Recurrent(nn.Module):
    """A recurrent layer over the rows of the image, then a linear layer on its last step."""

    def __init__(self, layer: nn.RNNBase, outputs: int) -> None:
        super().__init__()
        self.inner, self.layer, self.fc = nn.Linear(24, 9), layer, nn.Linear(outputs, 5)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.inner(x.permute(0, 2, 1, 3).flatten(2)).relu()
        return self.fc(self.layer(rows)[0][:, -1])


class Cells(nn.Module):
    """Recurrent cells called step by step, one with an initial state created in `forward`."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.hidden = nn.Linear(24, 9), 7
        self.gru, self.lstm = nn.GRUCell(9, 7), nn.LSTMCell(7, 6)
        self.fc = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.inner(x.permute(0, 2, 1, 3).flatten(2)).relu()
        hidden, state = rows.new_zeros(rows.shape[0], self.hidden), None
        for row in rows.unbind(1)[:3]:
            hidden = self.gru(row, hidden)
            state = self.lstm(hidden, state)
        return self.fc(state[0])


class SqueezeExcite(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.squeeze, self.excite = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.hardswish(self.norm(self.stem(x)))
        gate = self.excite(self.squeeze(x.mean((2, 3), keepdim=True)).relu()).sigmoid()
        return self.fc((x * gate).mean((2, 3)))


class Split(nn.Module):
    """A gated unit, in which half of the channels scale the other half, then a slice
    of fixed size."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.part = nn.Conv2d(3, 12, 1), 4
        self.conv = nn.Conv2d(6, 10, 1)
        self.left, self.right = nn.Linear(4, 5), nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.stem(x).chunk(2, 1)
        x = self.conv(value * gate.sigmoid()).mean((2, 3))
        return self.left(x[:, : self.part]) + self.right(x[:, self.part :])


class GroupNorms(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 12, 3, padding=1), nn.GroupNorm(4, 12)
        self.up = nn.ConvTranspose2d(12, 6, 2, stride=2)
        self.each = nn.InstanceNorm2d(6, affine=True)
        self.fc = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.each(self.up(self.norm(self.stem(x)).relu())).relu()
        return self.fc(x.square().mean((2, 3)))


class Blurred(nn.Module):
    """A depthwise filter that is a buffer, and an empty slice without effect."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.channels = nn.Conv2d(3, 8, 3, padding=1), 8
        self.register_buffer("filter", torch.ones(8, 1, 3, 3) / 9)
        self.head = nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images).relu()
        x = torch.cat([x[:, :, :0], x], 2)
        x = F.conv2d(x, self.filter, stride=2, padding=1, groups=self.channels)
        return self.head(x.mean((2, 3)))


class ConvNeXt(nn.Module):
    """A depthwise convolution, LayerNorm and a scaled MLP on a residual stream."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.depthwise = nn.Conv2d(3, 8, 2, 2), nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.norm, self.scale = nn.LayerNorm(8), nn.Parameter(torch.ones(8))
        self.mlp = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.mlp(self.norm(self.depthwise(x).permute(0, 2, 3, 1))) * self.scale
        return self.fc((x + y.permute(0, 3, 1, 2)).mean((2, 3)))


class Shuffle(nn.Module):
    """A channel shuffle behind a grouped convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.grouped = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 12, 3, padding=1, groups=2)
        self.last, self.fc = nn.Conv2d(12, 9, 1), nn.Linear(9, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.channel_shuffle(self.grouped(self.stem(x).relu()), 2)
        return self.fc(self.last(x).relu().mean((2, 3)))


FAMILIES = {
    "attention_fused": lambda: Transformer(Fused()),
    "attention_separate": lambda: Transformer(Separate()),
    "attention_grouped_query": lambda: Transformer(Separate(kv_heads=2)),
    "attention_multi_query": lambda: Transformer(MultiQuery()),
    "attention_torch": lambda: Transformer(Torch()),
    "blurred": Blurred,
    "lstm": lambda: Recurrent(nn.LSTM(9, 7, num_layers=2, batch_first=True), 7),
    "gru": lambda: Recurrent(nn.GRU(9, 6, batch_first=True, bidirectional=True), 12),
    "cells": Cells,
    "squeeze_excite": SqueezeExcite,
    "split": Split,
    "group_norm": GroupNorms,
    "convnext": ConvNeXt,
    "shuffle": Shuffle,
}

# Expected groups of each network: widths by group name.
WIDTHS = {
    "attention_fused": {"attention.qkv": 4, "mlp.0": 20},
    "attention_separate": {"attention.q": 4, "mlp.0": 20},
    "attention_grouped_query": {"attention.q": 2, "mlp.0": 20},
    "attention_multi_query": {"attention.v": 3, "mlp.0": 20},
    "attention_torch": {"attention.mha": 4, "mlp.0": 20},
    "blurred": {"stem": 8},
    "lstm": {"inner": 9, "layer": 7},
    "gru": {"inner": 9, "layer": 6},
    "cells": {"inner": 9, "gru": 7, "lstm": 6},
    "squeeze_excite": {"stem": 8, "squeeze": 4},
    "split": {"stem": 6, "conv": 4, "conv.part2": 6},
    "group_norm": {"stem": 4, "up": 6},
    "convnext": {"mlp.0": 16},
    "shuffle": {"last": 9},
}


def build(name: str, seed: int = 0) -> nn.Module:
    return lively(FAMILIES[name](), seed)
