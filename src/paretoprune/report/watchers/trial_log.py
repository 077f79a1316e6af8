"""A sweep's trials as lines of the log."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from paretoprune.number_format import written, written_of
from paretoprune.results import TrialResult

_log = logging.getLogger(__name__)


class TrialLog:
    """A watcher that logs a line for each trial."""

    def __init__(self, objectives: Iterable[str]) -> None:
        self._objectives = tuple(objectives)

    def begun(self, results: Sequence[TrialResult]) -> None:
        """The sweep starts, or continues after these trials."""
        if results:
            _log.info("going on after %d trials that are on record", len(results))

    def finished(self, result: TrialResult, results: Sequence[TrialResult]) -> None:
        """Log the trial that has ended."""
        _log.info(describe_trial(result, self._objectives))


def describe_trial(result: TrialResult, objectives: Iterable[str]) -> str:
    """One line: number, origin, and the objectives or the reason of a failure."""
    head = f"trial {result.number:4d}  {result.origin:8s}"
    if result.state == "failed":
        return f"{head} failed: {result.reason}"
    measured, objectives = result.metrics.measured(), tuple(objectives)
    values = "  ".join(
        f"{name} {written_of(name, measured)}" for name in objectives if name in measured
    )
    note = f"  ({result.state}: {result.reason})" if result.reason else ""
    if result.metrics.compressed_bytes is not None:
        values += f"  compressed {written('compressed_bytes', result.metrics.compressed_bytes)}"
    for model in result.quantized:
        measured = model.metrics.measured()
        values_of_one = [f"{n} {written_of(n, measured)}" for n in objectives if n in measured]
        values += f"  {model.name}: {model.reason or '  '.join(values_of_one)}"
    if "loss_after" in result.compensation:
        before, after = (result.compensation[f"loss_{when}"] for when in ("before", "after"))
        values += f"  (compensation: loss {before:.3g} -> {after:.3g})"
    parts = max((record.parts for record in result.curve), default=1)
    if parts > 1:
        note += f"  (out of memory: gradient accumulation over {parts} micro-batches)"
    return f"{head} {values}  {sum(result.seconds.values()):.1f} s{note}"
