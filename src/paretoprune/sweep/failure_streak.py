"""Failures in a row with one cause, after which the sweep stops."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence

from paretoprune.errors import TrialsFailedError
from paretoprune.results import TrialResult

_MOST = 10  # failures in a row with the same cause


class FailureStreak:
    """Counts failures in a row with the same cause."""

    def __init__(self) -> None:
        self._causes: deque[str | None] = deque(maxlen=_MOST)

    def add(self, result: TrialResult) -> None:
        """Count a result.

        Raises TrialsFailedError, with the cause, if it is the tenth in a row to fail with it.
        """
        if _was_tried(result):
            self._causes.append(_cause(result))
        if _is_streak(self._causes):
            raise TrialsFailedError(
                f"the last {_MOST} trials all failed with the same cause, so the sweep stops: "
                f"{result.reason}\nonce that is mended, the same command runs them again"
            )


def refuse_all_failed(results: Sequence[TrialResult]) -> None:
    """Raises TrialsFailedError if trials failed and none but the dense model's is complete."""
    tried = [result for result in results if _was_tried(result)]
    failed = [result for result in tried if result.state == "failed"]
    if failed and all(result in failed or result.origin == "dense" for result in tried):
        raise TrialsFailedError(
            f"all {len(failed)} trials failed, the last one because of: {failed[-1].reason}\n"
            "once that is mended, give the sweep another `name`, or remove its folder"
        )


def without_streak(results: Sequence[TrialResult]) -> list[TrialResult]:
    """Return the results without the last failures, which stopped the sweep and run again."""
    tried = [result for result in results if _was_tried(result)][-_MOST:]
    if not _is_streak([_cause(result) for result in tried]):
        return list(results)
    dropped = {result.number for result in tried}
    return [result for result in results if result.number not in dropped]


def _was_tried(result: TrialResult) -> bool:
    return result.state == "failed" or bool(result.seconds)


def _cause(result: TrialResult) -> str | None:
    """Return the reason of a failure without its numbers, which depend on the trial; else None."""
    return re.sub(r"\d+", "0", result.reason or "") if result.state == "failed" else None


def _is_streak(causes: Iterable[str | None]) -> bool:
    causes = list(causes)
    return len(causes) == _MOST and len(set(causes)) == 1 and causes[0] is not None
