"""Language models: the kit, the forms of batches, targets, the unigram predictor, wrong input."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import pad, softmax
from torch.utils.data import DataLoader

from paretoprune.data.data_info import describe
from paretoprune.data.given import as_datamodule
from paretoprune.errors import DataError
from paretoprune.models.text.gpt import gpt
from paretoprune.results import DataInfo
from paretoprune.tasks.guess import Auto
from paretoprune.tasks.interface import Batch
from paretoprune.tasks.text.language_model import LanguageModel
from tests.tasks.kit import TaskCase, check_all

TOKENS, LENGTH = 12, 7
TASK = LanguageModel()


def batch_of(count: int, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, LENGTH + 1, (count, 1), generator=generator)
    mask = (torch.arange(LENGTH) < lengths).long()
    ids = torch.randint(1, TOKENS, (count, LENGTH), generator=generator) * mask
    return {"input_ids": ids, "attention_mask": mask}


def padded(batch: Batch) -> Batch:
    longer = {name: pad(one, (0, 3)) for name, one in batch.items()}
    longer["input_ids"][:, LENGTH:] = 5  # any id may stand at padding
    return longer


def network() -> nn.Module:
    torch.manual_seed(0)
    model = gpt(TOKENS, LENGTH + 3, width=16, layers=1, heads=2)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model


def counted(batch: Batch) -> list[tuple[int, int]]:
    """The text and the position of every token that is followed by one."""
    lengths = batch["attention_mask"].sum(1).tolist()
    return [(row, place) for row, length in enumerate(lengths) for place in range(length - 1)]


def plain_nats(model: nn.Module, batch: Batch) -> Tensor:
    shares = softmax(model(batch["input_ids"]), 2)
    ids = batch["input_ids"]
    chosen = [shares[row, place, ids[row, place + 1]] for row, place in counted(batch)]
    return -torch.stack(chosen).log()


def plain_loss(model: nn.Module, batch: Batch) -> Tensor:
    return plain_nats(model, batch).mean()


def plain_qualities(model: nn.Module, batches: Sequence[Batch]) -> Mapping[str, float]:
    nats = torch.cat([plain_nats(model, batch) for batch in batches])
    right = [
        bool(model(one["input_ids"])[row, place].argmax() == one["input_ids"][row, place + 1])
        for one in batches
        for row, place in counted(one)
    ]
    return {
        "perplexity": math.exp(nats.mean()),
        "token_accuracy": 100.0 * sum(right) / len(right),
        "loss": float(nats.mean()),
    }


def plain_distance(student: Tensor, teacher: Tensor, batch: Batch, temperature: float) -> Tensor:
    found = []
    for row, place in counted(batch):
        wanted, given = (softmax(one[row, place] / temperature, 0) for one in (teacher, student))
        found.append((wanted * (wanted / given).log()).sum())
    return temperature**2 * torch.stack(found).mean()


def test_it_is_a_task() -> None:
    batches = [batch_of(6, 0), batch_of(6, 1), batch_of(2, 2)]
    check_all(
        TaskCase(TASK, network(), batches, plain_loss, plain_qualities, plain_distance, padded)
    )


BATCH = batch_of(4, 0)
IDS, MASK = BATCH["input_ids"], BATCH["attention_mask"]
LABELS = IDS.masked_fill(MASK == 0, -100)
FOLLOWING = torch.cat([LABELS[:, 1:], torch.full((4, 1), -100)], 1)


@pytest.mark.parametrize(
    "batch",
    [
        BATCH,
        {**BATCH, "labels": IDS},
        {**BATCH, "labels": LABELS},
        {"input_ids": IDS, "labels": LABELS},
        (IDS, LABELS),
        (IDS, FOLLOWING),
        ({"input_ids": IDS, "attention_mask": MASK}, FOLLOWING),
    ],
)
def test_all_forms_of_batches_mean_the_same(batch: Batch) -> None:
    assert torch.equal(TASK.targets(batch), FOLLOWING)
    assert isinstance(Auto().choose(batch, None)[0], LanguageModel)
    assert describe_of(batch).vocab_size == TOKENS


@pytest.mark.parametrize("batch", [IDS, (IDS,), [IDS], {"input_ids": IDS}])
def test_without_a_mask_all_tokens_count_but_those_of_the_padding_id(batch: Batch) -> None:
    everything = torch.cat([IDS[:, 1:], torch.full((4, 1), -100)], 1)
    assert torch.equal(TASK.targets(batch), everything)
    assert torch.equal(LanguageModel(padding_id=0).targets(batch), FOLLOWING)
    assert isinstance(Auto().choose(batch, None)[0], LanguageModel)


def test_padding_on_the_left_is_not_asked_for_the_first_token() -> None:
    batch = {
        "input_ids": torch.tensor([[0, 0, 3, 4]]),
        "attention_mask": torch.tensor([[0, 0, 1, 1]]),
    }
    assert TASK.targets(batch).tolist() == [[-100, -100, 4, -100]]


def test_a_text_of_one_token_has_a_loss_of_zero() -> None:
    assert TASK.loss(network(), torch.tensor([[3]])).item() == 0.0


def test_the_trivial_predictor_knows_the_shares_of_the_training_tokens() -> None:
    train, validation = [torch.tensor([[9, 1, 1, 1, 2]])], [torch.tensor([[9, 1, 2, 1]])]
    found = TASK.trivial(train, validation)
    assert found is not None
    # With one added to each of the ids 0, 1 and 2: 1, 4 and 2 of 7.
    nats = -(2 * math.log(4 / 7) + math.log(2 / 7)) / 3
    assert found == pytest.approx(
        {"perplexity": math.exp(nats), "token_accuracy": 200 / 3, "loss": nats}
    )


def test_the_teacher_keeps_no_logits() -> None:
    assert not TASK.caches_teacher


def describe_of(batch: Batch) -> DataInfo:
    loader: DataLoader[Batch] = DataLoader([batch], batch_size=None)  # type: ignore[arg-type]
    return describe(as_datamodule([loader] * 3), TASK)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ((IDS, IDS.flip(1)), "targets must be the ids themselves or the tokens that follow"),
        ((IDS, IDS[:, 1:]), r"targets must be int64 tokens of shape \(4, 7\)"),
        (torch.rand(3, 4), "inputs must be token ids"),
        ([IDS, MASK.bool()], r"targets must be int64 tokens"),
        ((IDS, torch.full_like(IDS, -100)), "no token of the first batch is predicted"),
        (IDS[:, :1], "no token of the first batch is predicted"),
    ],
)
def test_wrong_input_is_named(batch: Batch, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        describe_of(batch)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "outputs", [torch.zeros(4, 12), torch.zeros(4, 7, 11), torch.zeros(3, 7, 12)]
)
def test_other_outputs_than_logits_of_all_tokens_are_refused(outputs: Tensor) -> None:
    info = describe_of(BATCH)
    wanted = TASK.check_outputs(outputs, 4, info)
    assert wanted == "be logits (4, length, tokens) for 12 tokens"
    assert TASK.check_outputs({"logits": torch.zeros(4, 7, 12)}, 4, info) is None
