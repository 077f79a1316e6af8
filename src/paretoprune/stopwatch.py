"""A stopwatch that attributes every second to one use, so that the uses add up to the whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

Clock = Callable[[], float]  # seconds since any fixed moment

OTHER = "other"


class Stopwatch:
    """Seconds by use since the stopwatch was made; a use within another one is taken out of it.

    The uses of a sweep are listed in `results.training.USES`. `clock` is the wall clock by
    default; benchmarks give the CPU time of the process, tests a number that they advance.
    """

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self.clock = clock
        self._seconds: dict[str, float] = {}
        self._uses = [OTHER]
        self._since = clock()

    @contextmanager
    def on(self, use: str) -> Iterator[None]:
        """Attribute the seconds inside to `use`."""
        self._charge()
        self._uses.append(use)
        try:
            yield
        finally:
            self._charge()
            self._uses.pop()

    def seconds(self) -> dict[str, float]:
        """Return the seconds by use so far."""
        self._charge()
        return dict(self._seconds)

    def seconds_since(self, earlier: Mapping[str, float]) -> dict[str, float]:
        """Return the seconds by use since an earlier answer of `seconds`, without unused ones."""
        now = self.seconds()
        spent = {use: seconds - earlier.get(use, 0.0) for use, seconds in now.items()}
        return {use: seconds for use, seconds in spent.items() if seconds > 0}

    def _charge(self) -> None:
        now, use = self.clock(), self._uses[-1]
        self._seconds[use] = self._seconds.get(use, 0.0) + now - self._since
        self._since = now
