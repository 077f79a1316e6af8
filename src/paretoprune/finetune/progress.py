"""Progress of a training of limited time: by its steps, or by the clock if that is ahead."""

from __future__ import annotations

from paretoprune.stopwatch import Clock


class Progress:
    """The place of a training in its schedule of `num_steps` steps, advanced by `advance`.

    Without a limit each step is one place. With `seconds`, a place is reached after the same share
    of the time at the latest, so that the schedule ends in time: a slow training passes over places
    and has fewer steps. At the end the place is `num_steps` in any case.
    """

    def __init__(self, num_steps: int, seconds: float | None, clock: Clock) -> None:
        self.num_steps = num_steps
        self.place = 0
        self.num_taken = 0  # steps
        self._seconds, self._clock = seconds, clock
        self._begun = self._last = clock()

    @property
    def done(self) -> bool:
        """True once the schedule has come to its end."""
        return self.place >= self.num_steps

    @property
    def share(self) -> float:
        """The share of the schedule that is done."""
        return self.place / self.num_steps

    def advance(self) -> int:
        """Count a step; return by how many places the schedule moves on."""
        before = self.place
        self.num_taken += 1
        self.place = min(self.num_steps, max(before + 1, self._by_clock()))
        return self.place - before

    def _by_clock(self) -> int:
        """The place by the time; the last one if another step as long as this would be too late."""
        if self._seconds is None:
            return 0
        now = self._clock()
        step, self._last = now - self._last, now
        if now - self._begun + step > self._seconds:
            return self.num_steps
        return int(self.num_steps * (now - self._begun) / self._seconds)
