"""Selection of the trials on a page, so that the page of a large sweep stays small."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from paretoprune.report.pictures.picture import BASELINES
from paretoprune.results import TrialResult
from paretoprune.results.trials import ModelKey

_MOST = 2000  # trials: a browser draws as many in a second
_MOST_BYTES = 3_000_000  # of their data
_BYTES_OF_TRIAL, _BYTES_OF_GROUP, _BYTES_OF_EPOCH = 450, 4, 12  # on the page, roughly
_GOLDEN = 0.6180339887498949


def shown_trials(
    results: Sequence[TrialResult], front: Collection[ModelKey], *, most: int | None = None
) -> list[TrialResult]:
    """Return all results; of more than a page can show, the front, the dense model, the baselines
    and a sample.

    The sample is even over the course of the sweep and the same at each call. Ancestors of shown
    trials are shown too, since the page links to them. `most` is the number that is enough.
    """
    most = _most(results) if most is None else most
    if len(results) <= most:
        return list(results)
    by_number = {r.number: r for r in results if not r.quantization}
    chosen: dict[ModelKey, TrialResult] = {}
    for result in results:
        if result.key in front or result.origin in ("dense", *BASELINES):
            _add(result, chosen, by_number)
    for index in sorted(range(len(results)), key=lambda index: index * _GOLDEN % 1):
        if len(chosen) >= most:
            break
        _add(results[index], chosen, by_number)
    return [result for result in results if result.key in chosen]


def omission(num_shown: int, num_results: int) -> str:
    """Return the sentence about the trials that a page does not show."""
    return (
        f"This page shows {num_shown:,} of {num_results:,} models: all of the front, the "
        "baselines, and an even sample of the others; times and failures below are those of the "
        "models shown. trials.csv holds all."
    )


def _most(results: Sequence[TrialResult]) -> int:
    if not results:
        return _MOST
    numbers = sum(_BYTES_OF_GROUP * len(r.widths) + _BYTES_OF_EPOCH * len(r.curve) for r in results)
    return min(_MOST, int(_MOST_BYTES / (_BYTES_OF_TRIAL + numbers / len(results))))


def _add(
    result: TrialResult,
    chosen: dict[ModelKey, TrialResult],
    by_number: dict[int, TrialResult],
) -> None:
    """Choose a model, the trial that it was quantized from, and those that it was started from."""
    following: TrialResult | None = result
    while following is not None and following.key not in chosen:
        chosen[following.key] = following
        before = following.number if following.quantization else following.parent
        following = None if before is None else by_number.get(before)
