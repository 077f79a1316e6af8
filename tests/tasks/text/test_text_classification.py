"""Classification of token ids: the kit, the forms of batches, padding, wrong input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from sklearn.metrics import f1_score
from torch import Tensor, nn
from torch.nn.functional import pad, softmax
from torch.utils.data import DataLoader

from paretoprune.data.data_info import describe
from paretoprune.data.given import as_datamodule
from paretoprune.errors import DataError
from paretoprune.models.text.lstm import lstm_classifier
from paretoprune.models.text.transformer import transformer_classifier
from paretoprune.results import DataInfo
from paretoprune.tasks.guess import Auto
from paretoprune.tasks.interface import Batch
from paretoprune.tasks.text.text_classification import TextClassification
from tests.tasks.kit import TaskCase, check_all, check_padding

TOKENS, CLASSES, LENGTH = 20, 3, 9


def batch_of(count: int, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, LENGTH + 1, (count, 1), generator=generator)
    mask = (torch.arange(LENGTH) < lengths).long()
    ids = torch.randint(1, TOKENS, (count, LENGTH), generator=generator) * mask
    labels = torch.randint(0, CLASSES, (count,), generator=generator)
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def padded(batch: Batch) -> Batch:
    longer = {name: pad(batch[name], (0, 4)) for name in ("input_ids", "attention_mask")}
    longer["input_ids"][:, LENGTH:] = 7  # any id may stand at padding
    return {**longer, "labels": batch["labels"]}


def logits_of(model: nn.Module, batch: Batch) -> Tensor:
    logits: Tensor = model(batch["input_ids"], batch["attention_mask"])
    return logits


def plain_loss(model: nn.Module, batch: Batch) -> Tensor:
    shares = softmax(logits_of(model, batch), 1)
    chosen = [row[label] for row, label in zip(shares, batch["labels"], strict=True)]
    return -torch.stack(chosen).log().mean()


def plain_qualities(model: nn.Module, batches: Sequence[Batch]) -> Mapping[str, float]:
    logits = torch.cat([logits_of(model, batch) for batch in batches])
    labels = torch.cat([batch["labels"] for batch in batches])
    found = logits.argmax(1)
    nats = [float(plain_loss(model, batch)) * len(batch["labels"]) for batch in batches]
    return {
        "accuracy": 100.0 * float((found == labels).float().mean()),
        "f1": 100.0 * f1_score(labels, found, average="macro"),
        "loss": sum(nats) / len(labels),
    }


def plain_distance(student: Tensor, teacher: Tensor, batch: Batch, temperature: float) -> Tensor:
    wanted, given = (softmax(one / temperature, 1) for one in (teacher, student))
    return temperature**2 * (wanted * (wanted / given).log()).sum(1).mean()


class Focused(TextClassification):
    """The task with the two qualities that the plain loop computes, and the loss."""

    @property
    def qualities(self) -> Any:
        kept = ("accuracy", "f1", "loss")
        return tuple(one for one in super().qualities if one.name in kept)


def models() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    return {
        "lstm": lstm_classifier(CLASSES, TOKENS, width=8, hidden=12),
        "transformer": transformer_classifier(
            CLASSES, TOKENS, LENGTH + 4, width=16, layers=1, heads=2
        ),
    }


@pytest.mark.parametrize("name", ["lstm", "transformer"])
def test_it_is_a_task(name: str) -> None:
    check_all(
        TaskCase(
            Focused(),
            models()[name],
            [batch_of(8, 0), batch_of(8, 1), batch_of(3, 2)],
            plain_loss,
            plain_qualities,
            plain_distance,
            padded,
        )
    )


def test_without_the_mask_padding_would_matter() -> None:
    """The kit's check of padding can fail."""

    class Blind(Focused):
        def valid(self, batch: Batch) -> None:
            return None

    case = TaskCase(
        Blind(), models()["transformer"].eval(), [batch_of(8, 0)], plain_loss, plain_qualities,
        plain_distance,
    )  # fmt: skip
    with pytest.raises(AssertionError):
        check_padding(case, padded)


BATCH = batch_of(4, 0)
IDS, MASK, LABELS = BATCH["input_ids"], BATCH["attention_mask"], BATCH["labels"]


@pytest.mark.parametrize(
    "batch",
    [
        BATCH,
        ({"input_ids": IDS, "attention_mask": MASK}, LABELS),
        ((IDS, MASK), LABELS),
        ((IDS, MASK.bool()), LABELS),
    ],
)
def test_all_forms_of_batches_mean_the_same(batch: Batch) -> None:
    task, model = TextClassification(), models()["lstm"].eval()
    assert torch.equal(task.loss(model, batch), task.loss(model, BATCH))
    assert_mask(task, batch)
    guessed, reason = Auto().choose(batch, None)
    assert isinstance(guessed, TextClassification) and "token ids of (4, 9)" in reason


def test_padding_without_a_mask_is_known_by_its_id() -> None:
    assert TextClassification().valid((IDS, LABELS)) is None
    assert_mask(TextClassification(padding_id=0), (IDS, LABELS))


def test_token_types_are_no_mask() -> None:
    types = torch.zeros_like(IDS)
    types[:, 5:] = 1
    assert TextClassification().valid(((IDS, types), LABELS)) is None
    named = {"input_ids": IDS, "token_type_ids": types, "attention_mask": MASK, "labels": LABELS}
    assert_mask(TextClassification(), named)


def assert_mask(task: TextClassification, batch: Batch) -> None:
    valid = task.valid(batch)
    assert valid is not None and torch.equal(valid, MASK.bool())


def described(batches: Sequence[Batch], **stated: Any) -> DataInfo:
    loader: DataLoader[Batch] = DataLoader(batches, batch_size=None)  # type: ignore[arg-type]
    data = as_datamodule([loader] * 3)
    for name, value in stated.items():
        setattr(data, name, value)
    return describe(data, TextClassification())


def test_vocabulary_and_longest_text_come_from_the_data() -> None:
    ids = torch.tensor([[3, 4, 5], [6, 1, 2]])
    info = described([(ids, torch.tensor([0, 1])), (ids[:, :2], torch.tensor([2, 1]))])
    assert TextClassification().fits(info) == {"num_classes": 3, "vocab_size": 7, "max_length": 3}
    assert described([(ids, torch.tensor([0, 1]))], vocab_size=50).vocab_size == 50


@pytest.mark.parametrize(
    ("batch", "stated", "message"),
    [
        ((torch.rand(2, 4), torch.tensor([0, 1])), {}, "must be token ids, int64 of shape"),
        ((IDS - 1, LABELS), {}, "must be 0 or more, got -1"),
        ((IDS * 0, LABELS), {}, "all token ids are 0, which is usually padding"),
        ((IDS, LABELS), {"vocab_size": 5}, "must be below `vocab_size`, 5"),
        ((IDS, LABELS.float()), {}, "labels must be int64 class numbers"),
    ],
)
def test_wrong_input_is_named(batch: Batch, stated: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        described([batch], **stated)
    assert len(str(caught.value).splitlines()) == 1
