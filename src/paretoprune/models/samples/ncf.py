"""Neural collaborative filtering: embeddings of users and items, their product, and an MLP.

He et al. 2017, Neural Collaborative Filtering, with one pair of embeddings for both parts.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_STD = 0.1  # of initial embeddings


def ncf(num_users: int = 100, num_items: int = 100, width: int = 32, hidden: int = 32) -> nn.Module:
    """Ids of users and items (N,) each -> ratings or scores (N,); `width` of the embeddings."""
    return Ncf(num_users, num_items, width, hidden)


class Ncf(nn.Module):
    """A linear layer on the product of two embeddings, and on an MLP of both."""

    def __init__(self, num_users: int, num_items: int, width: int, hidden: int) -> None:
        super().__init__()
        self.users = nn.Embedding(num_users, width)
        self.items = nn.Embedding(num_items, width)
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=_STD)
        self.hidden = nn.Sequential(
            nn.Linear(2 * width, hidden), nn.ReLU(), nn.Linear(hidden, hidden // 2), nn.ReLU()
        )
        self.head = nn.Linear(width + hidden // 2, 1)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        user, item = self.users(users), self.items(items)
        both = self.hidden(torch.cat([user, item], dim=1))
        found: Tensor = self.head(torch.cat([user * item, both], dim=1)).squeeze(1)
        return found
