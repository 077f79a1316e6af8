"""Seconds by use add up to the time of the clock."""

from __future__ import annotations

from contextlib import suppress

import pytest

from paretoprune.stopwatch import Stopwatch


class Hand:
    """A clock that is moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_use_within_another_is_taken_out_of_it() -> None:
    clock = Hand()
    watch = Stopwatch(clock)
    clock.now += 1
    with watch.on("finetune"):
        clock.now += 2
        with watch.on("teacher"):
            clock.now += 4
        clock.now += 8
    assert watch.seconds() == {"other": 1, "finetune": 10, "teacher": 4}
    before = watch.seconds()
    with watch.on("teacher"):
        clock.now += 16
    assert watch.seconds_since(before) == {"teacher": 16}
    assert sum(watch.seconds().values()) == clock.now - 100


def test_a_use_ends_with_an_error() -> None:
    clock = Hand()
    watch = Stopwatch(clock)
    with suppress(ValueError), watch.on("finetune"):
        clock.now += 2
        raise ValueError
    clock.now += 1
    assert watch.seconds() == pytest.approx({"other": 1, "finetune": 2})
