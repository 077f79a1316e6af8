"""A training of limited time comes to the end of its schedule in time."""

from __future__ import annotations

import itertools

import pytest

from paretoprune.finetune.progress import Progress


class Clock:
    """Seconds that a test advances."""

    def __init__(self) -> None:
        self.now = 7.0

    def __call__(self) -> float:
        return self.now


def places(num_steps: int, seconds: float | None, durations: list[float]) -> list[int]:
    """Return the place after each step until the end; the last duration repeats."""
    clock = Clock()
    progress, found = Progress(num_steps, seconds, clock), []
    for duration in itertools.chain(durations, itertools.repeat(durations[-1])):
        clock.now += duration
        progress.advance()
        found.append(progress.place)
        if progress.done:
            return found
    raise AssertionError


@pytest.mark.parametrize("seconds", [None, 40.0])
def test_with_enough_time_each_step_is_a_place(seconds: float | None) -> None:
    assert places(4, seconds, [9.0]) == [1, 2, 3, 4]


def test_a_slow_training_passes_over_places_and_ends_in_time() -> None:
    assert places(10, 6.0, [1.0]) == [1, 3, 5, 6, 8, 10]


@pytest.mark.parametrize("durations", [[1.0], [5.0, 0.1], [0.1] * 50 + [3.0], [30.0]])
def test_it_ends_within_a_step_of_its_time(durations: list[float]) -> None:
    taken = places(1000, 20.0, durations)
    spent = sum((durations + [durations[-1]] * len(taken))[: len(taken)])
    assert abs(spent - 20) <= max(durations)
    assert taken[-1] == 1000
