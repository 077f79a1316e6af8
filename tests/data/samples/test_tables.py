"""Tables and other targets of the digits: shapes, parts and what the targets are."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from torch import Tensor

from paretoprune.data.samples.digit_targets import Target, digit_targets
from paretoprune.data.samples.module import SampleTensors
from paretoprune.data.samples.tables import table
from paretoprune.tasks.inputs import Keyed


@pytest.mark.parametrize(
    ("name", "columns", "classes"), [("diabetes", 10, 0), ("breast_cancer", 30, 2), ("wine", 13, 3)]
)
def test_tables(
    name: Literal["diabetes", "breast_cancer", "wine"], columns: int, classes: int
) -> None:
    data = table(name=name)
    x, y = data.parts["train"].inputs[0], data.parts["train"].targets
    assert data.info.input_shape == (columns,) and data.info.num_classes == classes
    torch.testing.assert_close(x.mean(0), torch.zeros(columns), atol=1e-5, rtol=0)
    torch.testing.assert_close(x.std(0), torch.ones(columns))
    assert y.dtype == (torch.int64 if classes else torch.float32)
    rows = torch.cat([part.inputs[0] for part in data.parts.values()])
    assert len(rows.unique(dim=0)) == len(rows), "no row is in two parts"


def centre(ink: Tensor) -> Tensor:
    """The mean place of the ink of an image (8, 8)."""
    places = torch.cartesian_prod(torch.arange(8), torch.arange(8)).float()
    return (places * ink.reshape(-1, 1)).sum(0) / ink.sum()


@pytest.mark.parametrize(
    ("target", "shape"), [("centre", (2,)), ("properties", (3,)), ("image", (1, 8, 8))]
)
def test_targets_of_digits(target: Target, shape: tuple[int, ...]) -> None:
    data = digit_targets(target=target)
    part = data.parts["train"]
    assert part.targets.shape[1:] == shape
    if target == "centre":
        train = data.parts["train"]
        places = torch.stack([centre(one) for one in train.inputs[0][:, 0]])
        torch.testing.assert_close(
            train.targets, (places - places.mean(0)) / places.std(0), atol=1e-4, rtol=1e-4
        )
    if target == "properties":
        assert set(part.targets.unique().tolist()) == {0.0, 1.0}


def passes(data: SampleTensors, count: int) -> list[list[Any]]:
    loader = data.train_dataloader()
    return [[*loader] for _ in range(count)]


def test_training_batches_are_shuffled_by_seed_and_epoch_with_keys() -> None:
    first, second = passes(table(seed=1), 2)
    again, _ = passes(table(seed=1), 2)
    other, _ = passes(table(seed=2), 2)
    keys = [torch.cat([batch.key for batch in each]) for each in (first, second, again, other)]
    assert torch.equal(keys[0], keys[2])
    assert not torch.equal(keys[0], keys[1]) and not torch.equal(keys[0], keys[3])
    assert keys[0].sort().values.tolist() == list(range(len(keys[0])))
    rows = table().parts["train"].inputs[0]
    assert all(isinstance(one, Keyed) and torch.equal(one.batch[0], rows[one.key]) for one in first)


def test_a_last_batch_of_one_sample_is_left_out_of_training_alone() -> None:
    data = table(batch_size=3)  # 266 = 88 * 3 + 2 training rows
    assert len(data.train_dataloader()) == 89
    left = table(batch_size=5)  # 266 = 53 * 5 + 1
    sizes = [len(batch.key) for batch in left.train_dataloader()]
    assert len(left.train_dataloader()) == len(sizes) == 53 and set(sizes) == {5}
    assert sum(len(y) for _, y in left.val_dataloader()) == len(left.parts["validation"])
