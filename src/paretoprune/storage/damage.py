"""One error of ours for whatever the damaged file of a sweep leads to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paretoprune.errors import ParetopruneError, SweepError

_MOST_LETTERS = 200  # of the cause


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Read files of a sweep's folder in the block, and make values of them.

    Raises SweepError, with the cause, for a file that is missing, unreadable, truncated or of other
    content than was written.
    """
    try:
        yield
    except ParetopruneError:
        raise
    except Exception as error:  # a damaged file can raise any exception
        cause = f"{type(error).__name__}: {error}"[:_MOST_LETTERS]
        raise SweepError(
            f"{folder} is damaged ({cause}); the sweep's command, run again, restores what it can"
        ) from error
