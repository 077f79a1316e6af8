"""Batches of the arguments of a model that computes its own loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from paretoprune.tasks.text.transformers import Transformers
from paretoprune.testing import check_task

NUM_WORDS, NUM_LABELS = 12, 3


class Tagger(nn.Module):
    """Labels each text, as the models of transformers do: the loss is among the outputs."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(NUM_WORDS, 8)
        self.head = nn.Linear(8, NUM_LABELS)

    def forward(self, input_ids: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        logits = self.head(self.embedding(input_ids).mean(1))
        if labels is None:
            return {"logits": logits}
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def batch(size: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(size)
    words = torch.randint(NUM_WORDS, (size, 5), generator=generator)
    return {"input_ids": words, "labels": torch.arange(size) % NUM_LABELS}


def test_the_task_keeps_the_contract() -> None:
    check_task(Transformers(), Tagger(), [batch(6), batch(4)])
