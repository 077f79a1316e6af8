"""Batches whose training step does not fit in memory."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from paretoprune.config.load import load_settings
from paretoprune.config.settings import Settings
from paretoprune.config.target import Target
from paretoprune.errors import DataError
from paretoprune.models.available_memory import available_bytes
from paretoprune.problem.step_memory import (
    StepMemory,
    batch_size_of,
    check_step_memory,
    kept_bytes,
    step_memory,
)
from paretoprune.tasks.bound import TaskBatch
from tests.config.test_load import composed
from tests.kits.tasks import CLASSES

CPU = torch.device("cpu")
MANY = 10**9
FULL = ('++finetune.precision="32"', '++model.train.precision="32"')


@dataclass
class Loader:
    """A loader with a batch size and a data set, which are all that is read of it."""

    batch_size: int | None
    dataset: range


def model() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 1000), nn.ReLU(), nn.Linear(1000, 3))


def samples(count: int = 4) -> TaskBatch:
    return TaskBatch(CLASSES, (torch.randn(count, 1, 8, 8), torch.zeros(count, dtype=torch.long)))


def settings(*overrides: str) -> Settings:
    return load_settings(composed(*FULL, *overrides))


def refusal(size: int, *overrides: str) -> str:
    with pytest.raises(DataError) as caught:
        check_step_memory(model(), samples(), size, settings(*overrides), CPU)
    return str(caught.value)


def test_each_sample_keeps_its_activations() -> None:
    """64 inputs, the outputs of ReLU (input of the last layer), log-probabilities, and a label."""
    few, more = (kept_bytes(model(), samples(count)) for count in (2, 4))
    assert (more - few) / 2 == 4 * (64 + 1000 + 3) + 8


def test_a_network_takes_its_weights_gradients_and_the_state_of_its_optimizer() -> None:
    weights = sum(one.nbytes for one in model().parameters())
    assert step_memory(model(), samples(), settings(), CPU).network == weights * (3 + 1 + 1)
    adamw = settings("finetune.optimizer=adamw")
    assert step_memory(model(), samples(), adamw, CPU).network == weights * (3 + 1 + 2)
    frozen = model().requires_grad_(False)
    frozen[3].requires_grad_(True)
    trained = sum(one.nbytes for one in frozen[3].parameters())
    found = step_memory(frozen, samples(), settings(), CPU).network
    assert found == weights * 3 + trained * 2


def test_a_batch_beyond_the_memory_is_refused_with_one_that_fits() -> None:
    sentence = refusal(MANY)
    assert re.match(r"a training step on 1000000000 samples takes about 4\.\d+e\+03 GB", sentence)
    [fitting] = re.findall(r"write `data\.batch_size=(\d+)`$", sentence)
    assert 1000 < int(fitting) < MANY
    check_step_memory(model(), samples(), int(fitting), settings(), CPU)


def test_half_precision_halves_the_activations() -> None:
    narrow = settings("++finetune.precision=bf16", "++model.train.precision=bf16")
    full = step_memory(model(), samples(), settings(), CPU).sample
    assert 0.5 < step_memory(model(), samples(), narrow, CPU).sample / full < 0.8


def test_workers_share_the_memory() -> None:
    alone, shared = (
        refusal(MANY, *workers) for workers in ((), ("executor=processes", "executor.workers=4"))
    )
    assert "are available for each of 4 workers" in shared
    assert shared.endswith(", or set a smaller `executor.workers` than 4")
    sizes = [int(re.findall(r"data\.batch_size=(\d+)", one)[0]) for one in (alone, shared)]
    assert 3 < sizes[0] / sizes[1] < 5


def test_a_loader_of_the_users_own_is_named_where_no_setting_has_its_size() -> None:
    own = replace(settings(), data=Target(path="tests.kits.own_data.Stripes", trust=("tests",)))
    with pytest.raises(DataError, match=r"have the training loader yield batches of at most \d+"):
        check_step_memory(model(), samples(), MANY, own, CPU)


def test_where_nothing_is_trained_any_batch_fits(tmp_path: Path) -> None:
    given = replace(settings().model, weights=tmp_path / "some.pt")
    trained = replace(settings("finetune.epochs=0"), model=given)
    check_step_memory(model(), samples(), MANY, trained, CPU)
    check_step_memory(model(), samples(2), MANY, settings(), CPU)  # too few to measure


def test_no_batch_fits_where_the_network_alone_does_not() -> None:
    need = StepMemory(network=100, sample=2)
    assert need.of(10) == 120
    assert need.most_samples(200) == 40
    assert need.most_samples(50) == 0


def test_a_batch_is_no_larger_than_its_data() -> None:
    assert batch_size_of(Loader(MANY, range(50)), usual=3) == 50
    assert batch_size_of(Loader(20, range(50)), usual=3) == 20
    assert batch_size_of(Loader(None, range(50)), usual=3) == 3
    assert batch_size_of([], usual=3) == batch_size_of(None, usual=3) == 3


def test_nothing_changes_in_the_model() -> None:
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 3)).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    check_step_memory(network, samples(), 2, settings(), CPU)
    assert network.training
    assert all(torch.equal(one, before[name]) for name, one in network.state_dict().items())


def test_the_limit_of_a_process_counts() -> None:
    resource = pytest.importorskip("resource")
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, before[1]))
    try:
        assert available_bytes() <= 2**28
        sentence = refusal(10**6)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    [fitting] = re.findall(r"data\.batch_size=(\d+)", sentence)
    assert int(fitting) < 2**28 / 4000
