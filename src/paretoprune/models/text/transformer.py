"""A transformer encoder for texts (Vaswani et al. 2017; norms as in Xiong et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from paretoprune.models.text.pooling import mean_of_tokens

_DROPOUT = 0.2  # of embeddings


def transformer_classifier(
    num_classes: int = 2,
    vocab_size: int = 1000,
    max_length: int = 128,
    width: int = 64,
    layers: int = 2,
    heads: int = 4,
) -> nn.Module:
    """Transformer encoder: token ids (N, L), optionally a mask -> (N, num_classes) logits.

    Texts have `max_length` tokens or fewer; `width` is divisible by `heads`.
    """
    return TransformerClassifier(
        num_classes,
        vocab_size=vocab_size,
        max_length=max_length,
        width=width,
        layers=layers,
        heads=heads,
    )


class TransformerClassifier(nn.Module):
    """Embeddings of tokens and positions, blocks, the mean over the tokens, a linear layer."""

    def __init__(
        self,
        num_classes: int,
        *,
        vocab_size: int,
        max_length: int,
        width: int,
        layers: int,
        heads: int,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, width)
        self.dropout = nn.Dropout(_DROPOUT)
        self.positions = nn.Embedding(max_length, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        place = torch.arange(input_ids.shape[1], device=input_ids.device)
        states = self.dropout(self.embedding(input_ids) + self.positions(place))
        seen = None if attention_mask is None else attention_mask.bool()[:, None, None, :]
        for block in self.blocks:
            states = block(states, seen)
        logits: Tensor = self.classifier(mean_of_tokens(self.norm(states), attention_mask))
        return logits


class Block(nn.Module):
    """Self-attention and a network of two layers, each behind a norm and beside a shortcut."""

    def __init__(self, width: int, heads: int, *, is_causal: bool = False) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads, is_causal=is_causal)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, states: Tensor, seen: Tensor | None = None) -> Tensor:
        states = states + self.attention(self.norm1(states), seen)
        out: Tensor = states + self.down(gelu(self.up(self.norm2(states))))
        return out


class Attention(nn.Module):
    """Multi-head attention; `is_causal`: a position sees itself and those before it."""

    def __init__(self, width: int, heads: int, *, is_causal: bool = False) -> None:
        super().__init__()
        self.size = width // heads  # of each head, whatever their number
        self.is_causal = is_causal
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, states: Tensor, seen: Tensor | None = None) -> Tensor:
        query, key, value = (
            layer(states).unflatten(2, (-1, self.size)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        mixed = scaled_dot_product_attention(
            query, key, value, attn_mask=seen, is_causal=self.is_causal
        )
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return out
