"""A small causal transformer that predicts the next token (Radford et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paretoprune.models.text.transformer import Block


def gpt(
    vocab_size: int = 128, max_length: int = 64, width: int = 64, layers: int = 2, heads: int = 4
) -> nn.Module:
    """GPT: token ids (N, L) -> logits (N, L, vocab_size) for the token after each position.

    Texts have `max_length` tokens or fewer; `width` is divisible by `heads`. The weight of the
    output layer is that of the embedding.
    """
    return GPT(vocab_size, max_length=max_length, width=width, layers=layers, heads=heads)


class GPT(nn.Module):
    """Embeddings of tokens and positions, causal blocks, and an output layer that is tied.

    A position sees those before it alone, so that padding behind a text changes nothing, and the
    mask is not used.
    """

    def __init__(
        self, vocab_size: int, *, max_length: int, width: int, layers: int, heads: int
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, width)
        self.positions = nn.Embedding(max_length, width)
        self.blocks = nn.ModuleList(Block(width, heads, is_causal=True) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocab_size, bias=False)
        for embedding in (self.embedding, self.positions):
            nn.init.normal_(embedding.weight, std=0.02)  # logits of the tied layer begin small
        self.head.weight = self.embedding.weight

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        place = torch.arange(input_ids.shape[1], device=input_ids.device)
        states = self.embedding(input_ids) + self.positions(place)
        for block in self.blocks:
            states = block(states)
        logits: Tensor = self.head(self.norm(states))
        return logits
