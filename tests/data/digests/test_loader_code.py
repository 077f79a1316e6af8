"""The code that samples come from: found wherever an object of a loader holds it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset, default_collate

from paretoprune.data.digests.loader_code import code_of_loader


class Samples(Dataset[Tensor]):
    def __init__(self, **held: Any) -> None:
        self.held = held

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Tensor:
        return torch.zeros(1)


class Noise:
    def __call__(self, x: Tensor) -> Tensor:
        return x

    def add(self, x: Tensor) -> Tensor:
        return x


def add(x: Tensor) -> Tensor:
    return x


def around(inner: Any) -> Any:
    def call(x: Tensor) -> Any:
        return inner(x)

    return call


@pytest.mark.parametrize(
    ("held", "code"),
    [
        (Noise(), Noise),
        ([1, (2, Noise())], Noise),
        ({"train": {"noise": Noise()}}, Noise),
        (Noise().add, Noise),
        (partial(add), add),
        (partial(print, end=add), add),
        (around(add), add),
        (Noise, Noise),
        (Samples(inner=add), add),
    ],
)
def test_what_a_data_set_holds_is_found(held: Any, code: object) -> None:
    for dataset in (Samples(held=held), ConcatDataset([Subset(Samples(held=held), [0])])):
        found = code_of_loader(DataLoader(dataset))
        assert code in found
        assert {Samples, DataLoader} <= {*found}


def test_what_makes_batches_is_found() -> None:
    found = code_of_loader(DataLoader(Samples(), collate_fn=add, worker_init_fn=around(add)))
    assert add in found
    assert default_collate in code_of_loader(DataLoader(Samples()))


def test_data_are_no_code() -> None:
    data = Samples(images=torch.rand(3), names=["a"] * 10_000, of=torch)
    data.held["self"] = data
    assert Samples in (found := code_of_loader([data]))
    assert found == (Samples,)
