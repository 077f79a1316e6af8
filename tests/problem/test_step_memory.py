"""Batches whose training step does not fit in memory."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from paretoprune.errors import DataError
from paretoprune.problem.step_memory import check_step_memory, kept_bytes
from paretoprune.tasks.bound import TaskBatch
from tests.kits.tasks import CLASSES

CPU = torch.device("cpu")


@dataclass
class Loader:
    """A loader with a batch size and a data set, which are all that the check reads."""

    batch_size: int
    dataset: range


def model() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 1000), nn.ReLU(), nn.Linear(1000, 3))


def samples(count: int = 4) -> TaskBatch:
    return TaskBatch(CLASSES, (torch.randn(count, 1, 8, 8), torch.zeros(count, dtype=torch.long)))


def test_each_sample_keeps_its_activations() -> None:
    """64 inputs, the outputs of ReLU (input of the last layer), log-probabilities, and a label."""
    few, more = (kept_bytes(model(), samples(count)) for count in (2, 4))
    assert (more - few) / 2 == 4 * (64 + 1000 + 3) + 8


def test_a_batch_beyond_the_memory_is_refused_with_one_that_fits() -> None:
    many = 10**9
    with pytest.raises(
        DataError, match=r"on 1000000000 samples keeps about 4\.\d+e\+03 GB"
    ) as caught:
        check_step_memory(model(), samples(), Loader(many, range(many)), CPU)  # type: ignore[arg-type]
    fitting = int(str(caught.value).rsplit(" ", 1)[-1])
    check_step_memory(model(), samples(), Loader(fitting, range(many)), CPU)  # type: ignore[arg-type]


def test_a_batch_is_no_larger_than_its_data_and_other_loaders_are_not_asked() -> None:
    check_step_memory(model(), samples(), Loader(10**9, range(50)), CPU)  # type: ignore[arg-type]
    check_step_memory(model(), samples(), [], CPU)
    check_step_memory(model(), samples(), None, CPU)


def test_nothing_changes_in_the_model() -> None:
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 3)).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    check_step_memory(network, samples(), Loader(2, range(9)), CPU)  # type: ignore[arg-type]
    assert network.training
    assert all(torch.equal(one, before[name]) for name, one in network.state_dict().items())
