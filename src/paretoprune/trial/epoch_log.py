"""A message for each epoch of a long training, with the time that is left."""

from __future__ import annotations

import logging
from collections.abc import Callable

from paretoprune.results import EpochRecord

_log = logging.getLogger(__name__)


def epoch_log(what: str, num_epochs: int) -> Callable[[EpochRecord], None]:
    """Return a function that logs each epoch of the training of `what`.

    The record's attribute `step` is (epochs done, epochs in all): a terminal shows a bar of it.
    """
    seconds: list[float] = []

    def tell(record: EpochRecord) -> None:
        seconds.append(record.seconds)
        left = sum(seconds) / len(seconds) * (num_epochs - record.epoch)
        _log.info(
            "%s: epoch %d of %d, %.4g; about %s left",
            what,
            record.epoch,
            num_epochs,
            record.quality,
            _duration(left),
            extra={"step": (record.epoch, num_epochs)},
        )

    return tell


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
