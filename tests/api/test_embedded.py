"""A model's own vectors as the targets of its embeddings."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader

from paretoprune.api.embedded import embedded
from paretoprune.results import DataInfo
from tests.tasks.test_embedding import SIZE, TASK, encoder, texts


def test_a_model_agrees_with_its_own_vectors() -> None:
    dense = encoder().train()
    loader = DataLoader([{n: one[0] for n, one in texts(1, seed).items()} for seed in range(9)], 4)
    data = embedded(dense, (loader, loader))
    assert dense.training
    batches = [*data.val_dataloader()]
    assert [len(vectors) for _, vectors in batches] == [4, 4, 1]
    task = TASK.fitted({"train": batches, "validation": batches, "test": None})
    assert task.fits(DataInfo(0, (), 1, 1, 0, ""))["num_outputs"] == SIZE
    dense.eval()
    with torch.no_grad():
        own = task.measure(dense, batches, torch.device("cpu")).compute()
        other = task.measure(encoder(1), batches, torch.device("cpu")).compute()
    assert own["cosine_similarity"] == pytest.approx(1.0, abs=1e-6)
    assert other["cosine_similarity"] < 0.9
    torch.autograd.backward(task.loss(encoder(1), batches[0]))  # targets may be trained against
