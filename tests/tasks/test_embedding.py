"""Embeddings: the kit, pooling and padding, the trivial predictor, data made by a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from paretoprune.errors import DataError, SettingsError
from paretoprune.models.text.transformer import Block
from paretoprune.results import DataInfo
from paretoprune.tasks.embedding import Embedding
from paretoprune.tasks.interface import Batch
from paretoprune.testing import check_task
from tests.tasks.kit import TaskCase, check_all

TOKENS, SIZE, LENGTH = 20, 8, 9
TASK = Embedding()


class Encoder(nn.Module):
    """A transformer block whose states are returned as by an encoder of transformers."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(TOKENS, SIZE)
        self.blocks = nn.ModuleList([Block(SIZE, 2)])

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        states = self.embedding(input_ids)
        for block in self.blocks:
            states = block(states, attention_mask.bool()[:, None, None, :])
        return {"last_hidden_state": states, "pooler_output": states[:, 0]}


def encoder(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return Encoder().eval()


def texts(count: int, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, LENGTH + 1, (count, 1), generator=generator)
    mask = (torch.arange(LENGTH) < lengths).long()
    ids = torch.randint(1, TOKENS, (count, LENGTH), generator=generator) * mask
    return {"input_ids": ids, "attention_mask": mask}


def batch_of(count: int, seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return texts(count, seed), torch.randn(count, SIZE, generator=generator)


def padded(batch: Batch) -> Batch:
    longer = {name: pad(one, (0, 4)) for name, one in batch[0].items()}
    longer["input_ids"][:, LENGTH:] = 7  # any id may stand at padding
    return longer, batch[1]


def plain_cosines(model: nn.Module, batch: Batch) -> Tensor:
    states, found = model(**batch[0])["last_hidden_state"], []
    for row, mask, wanted in zip(states, batch[0]["attention_mask"], batch[1], strict=True):
        mean = row[: int(mask.sum())].mean(0)
        found.append(mean @ wanted / (mean.norm() * wanted.norm()))
    return torch.stack(found)


def plain_qualities(model: nn.Module, batches: Sequence[Batch]) -> Mapping[str, float]:
    mean = float(torch.cat([plain_cosines(model, batch) for batch in batches]).mean())
    return {"cosine_similarity": mean, "loss": 1 - mean}


def plain_distance(student: Tensor, teacher: Tensor, batch: Batch, temperature: float) -> Tensor:
    norms = student.norm(dim=1) * teacher.norm(dim=1)
    found: Tensor = 1 - ((student * teacher).sum(1) / norms).mean()
    return found


def test_the_kits() -> None:
    batches = [batch_of(6, 0), batch_of(3, 1)]
    check_all(
        TaskCase(
            TASK,
            encoder(),
            batches,
            lambda model, batch: 1 - plain_cosines(model, batch).mean(),
            plain_qualities,
            plain_distance,
            padded,
        )
    )
    check_task(TASK, encoder(), batches)


@pytest.mark.parametrize("tuple_of", [False, True])
def test_states_are_pooled_and_vectors_are_not(tuple_of: bool) -> None:
    batch, states = batch_of(2, 0), torch.randn(2, LENGTH, SIZE)
    given: Any = (states, states[:, 0]) if tuple_of else {"last_hidden_state": states}
    first = Embedding(pooling="first").pooled(given, batch)
    assert torch.equal(first, states[:, 0])
    count = int(batch[0]["attention_mask"][1].sum())
    torch.testing.assert_close(TASK.pooled(given, batch)[1], states[1, :count].mean(0))
    for vectors in (states[:, 0], {"sentence_embedding": states[:, 0]}):
        assert torch.equal(TASK.pooled(vectors, batch), states[:, 0])
    with pytest.raises(SettingsError, match="must return vectors"):
        TASK.pooled({"logits": states[:, 0]}, batch)


def test_the_trivial_answer_is_the_mean_direction() -> None:
    train, validation = [batch_of(20, 0)], [batch_of(7, 1), batch_of(3, 2)]
    found = TASK.trivial(train, validation)
    assert found is not None
    unit = train[0][1] / train[0][1].norm(dim=1, keepdim=True)
    wanted = torch.cat([vectors for _, vectors in validation])
    wanted = wanted / wanted.norm(dim=1, keepdim=True)
    mean = unit.mean(0) / unit.mean(0).norm()
    assert found["cosine_similarity"] == pytest.approx(float((wanted @ mean).mean()), rel=1e-5)
    assert found["loss"] == pytest.approx(1 - found["cosine_similarity"])
    assert TASK.trivial([], validation) is None


@pytest.mark.parametrize(
    ("targets", "reason"),
    [
        (torch.zeros(2, dtype=torch.int64), "vectors must be finite"),
        (torch.full((2, SIZE), torch.nan), "vectors must be finite"),
        (torch.eye(2, SIZE) * torch.tensor([[1.0], [0.0]]), "vectors must not be zero"),
        (torch.zeros(3, SIZE), r"shape \(2, D\), got \(3, 8\)"),
    ],
)
def test_wrong_vectors_are_refused(targets: Tensor, reason: str) -> None:
    batches = [(texts(2, 0), targets)]
    with pytest.raises(DataError, match=reason):
        TASK.fitted({"train": batches, "validation": batches, "test": None})


def test_inputs_alone_are_refused_with_what_makes_vectors() -> None:
    batches = [texts(2, 0)]
    with pytest.raises(DataError, match=r"paretoprune\.api\.embedded"):
        TASK.fitted({"train": batches, "validation": batches, "test": None})


def test_outputs_of_another_size_are_refused() -> None:
    task = Embedding(size=SIZE)
    info = DataInfo(0, (), 1, 1, 0, "")
    assert task.check_outputs(torch.zeros(2, SIZE), 2, info) is None
    assert task.check_outputs({"last_hidden_state": torch.zeros(2, 3, SIZE)}, 2, info) is None
    assert task.check_outputs(torch.zeros(2, 5), 2, info) is not None
    assert task.check_outputs({"logits": torch.zeros(2, SIZE)}, 2, info) is not None
