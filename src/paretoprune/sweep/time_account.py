"""The seconds of a sweep by use, over all its runs, kept in the sweep's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from paretoprune.results import TrialResult
from paretoprune.results.training import TRAIN_DENSE, USES
from paretoprune.stopwatch import Stopwatch
from paretoprune.storage.atomic import read_json, write_json

_FILE = "seconds.json"
_LEARNING = ("finetune", "validate", "measure")


class TimeAccount:
    """The seconds of a sweep by use: those of earlier runs, and those of `watch`.

    Written by `save` after every trial, so that a resumed sweep knows the time that was spent
    before it was killed.
    """

    def __init__(self, folder: Path, watch: Stopwatch) -> None:
        self._path, self._watch = folder / _FILE, watch
        self._earlier: Mapping[str, float] = {}
        if self._path.is_file():
            self._earlier = read_json(self._path)

    def spent(self) -> float:
        """Return the seconds of the budget that are spent: all but the dense model's training."""
        return sum(self.by_use().values())

    def by_use(self) -> dict[str, float]:
        """Return the seconds by use; they add up to `spent`."""
        now = self._watch.seconds()
        uses = {**self._earlier, **now}
        return {
            use: self._earlier.get(use, 0.0) + now.get(use, 0.0)
            for use in uses
            if use != TRAIN_DENSE
        }

    def save(self) -> None:
        """Write the seconds so far."""
        write_json(self._path, self.by_use())

    # As a watcher of the sweep

    def begun(self, results: Sequence[TrialResult]) -> None:
        """Take the trials of a sweep whose earlier runs kept no account."""
        if results and not self._earlier:
            self._earlier = _sum_of(results)

    def finished(self, result: TrialResult, results: Sequence[TrialResult]) -> None:
        """Write the time that is spent, after a trial."""
        self.save()


def in_words(seconds: Mapping[str, float], budget_s: float | None = None) -> str:
    """Return where the seconds went, the largest use first."""
    whole = sum(seconds.values())
    parts = [
        f"{USES.get(use, use)} {value:.3g} ({value / whole:.0%})"
        for use, value in sorted(seconds.items(), key=lambda item: -item[1])
        if value >= 0.0005 * whole
    ]
    of = "" if budget_s is None else f" of {budget_s:.4g}"
    return (
        f"{whole:.4g}{of} s: {', '.join(parts)}; {learning_share(seconds):.0%} trained or validated"
    )


def learning_share(seconds: Mapping[str, float]) -> float:
    """Return the share of the seconds that trained or validated models."""
    whole = sum(seconds.values())
    return sum(seconds.get(use, 0.0) for use in _LEARNING) / whole if whole else 0.0


def _sum_of(results: Sequence[TrialResult]) -> dict[str, float]:
    found: dict[str, float] = {}
    for result in results:
        for use, seconds in result.seconds.items():
            found[use] = found.get(use, 0.0) + seconds
    return found
