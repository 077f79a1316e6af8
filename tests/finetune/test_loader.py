"""Passes that are no whole number, and the beginning of a loader."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from paretoprune.finetune.loader import FirstBatches, Rounds


class Counting:
    """Ten batches, each with its number and the number of its pass."""

    def __init__(self) -> None:
        self.passes = 0

    def __len__(self) -> int:
        return 10

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        number = self.passes
        self.passes += 1
        for batch in range(10):
            yield torch.tensor(number), torch.tensor(batch)


def served(rounds: Rounds) -> list[list[tuple[int, int]]]:
    return [[(int(p), int(b)) for p, b in rounds] for _ in range(rounds.num_rounds)]


@pytest.mark.parametrize(
    ("epochs", "rounds", "length"), [(1, 1, 10), (3, 3, 10), (0.25, 1, 2), (1.5, 2, 8), (2.2, 3, 7)]
)
def test_rounds_are_equally_long(epochs: float, rounds: int, length: int) -> None:
    found = Rounds(Counting(), epochs)
    assert (found.num_rounds, len(found)) == (rounds, length)
    assert [len(batches) for batches in served(found)] == [length] * rounds


def test_whole_epochs_are_the_passes_of_the_loader() -> None:
    assert served(Rounds(Counting(), 2)) == [[(p, b) for b in range(10)] for p in (0, 1)]


def test_a_round_continues_where_the_last_one_ended() -> None:
    flat = [entry for batches in served(Rounds(Counting(), 1.6)) for entry in batches]
    assert flat == [(0, b) for b in range(10)] + [(1, b) for b in range(6)]


def test_the_beginning_is_the_same_each_time() -> None:
    beginning = FirstBatches(Counting(), 3)
    assert len(beginning) == 3
    assert [int(b) for _, b in beginning] == [int(b) for _, b in beginning] == [0, 1, 2]
    assert len(FirstBatches(Counting(), 30)) == 10
