"""How a chain's time is divided among its sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from paretoprune.results import SKETCH, Job, TrialResult
from paretoprune.search.budget.time_allocation import time_weights
from paretoprune.testing import formula
from paretoprune.testing.formula_sweep import QUALITY, SIZES


def trial(origin: str, ratio: float, accuracy: float) -> TrialResult:
    ratios: Mapping[str, float] = {group.name: ratio for group in formula.GROUPS}
    result = formula.evaluate(Job(0, origin, ratios, formula.widths_of(ratios), 0))
    return replace(result, metrics=replace(result.metrics, quality={"accuracy": accuracy}))


DENSE = trial("dense", 0.0, 90.0)
HALF, LITTLE = trial(SKETCH, 0.5, 81.0), trial(SKETCH, 0.75, 74.0)


def sizes_of(*results: TrialResult) -> list[float]:
    return [SIZES.size_of(result.ratios) for result in results]


def test_time_goes_with_the_square_root_of_what_a_cut_loses() -> None:
    at = [SIZES.dense, *sizes_of(HALF, LITTLE)]
    assert time_weights(at, [DENSE, HALF, LITTLE], SIZES, QUALITY)[1:] == [3.0, 4.0]


def test_no_other_division_has_a_smaller_sum() -> None:
    """Of what is left if training for a time t leaves L / t."""
    at = [SIZES.dense, *sizes_of(HALF, LITTLE)]
    _, half, little = time_weights(at, [DENSE, HALF, LITTLE], SIZES, QUALITY)
    best = half / (half + little)

    def left(share: float) -> float:
        return 9 / share + 16 / (1 - share)

    assert all(left(best) <= left(number / 1000) for number in range(1, 1000))


def test_losses_between_the_sketch_are_linear_in_the_logarithm_and_flat_beyond() -> None:
    dense, half = sizes_of(DENSE, HALF)
    at = [dense, (dense * half**3) ** 0.25, half, half / 4]
    found = time_weights(at, [DENSE, HALF], SIZES, QUALITY)
    assert found[1:] == pytest.approx([6.75**0.5, 3, 3])


def test_no_size_gets_less_than_a_quarter_of_another() -> None:
    at = [SIZES.dense, *sizes_of(HALF, LITTLE)]
    results = [DENSE, replace(HALF, metrics=DENSE.metrics), LITTLE]
    assert time_weights(at, results, SIZES, QUALITY)[1:] == [1.0, 4.0]


def test_the_largest_gets_its_equal_share_and_more_if_it_loses_more() -> None:
    at = [SIZES.dense, *sizes_of(HALF, LITTLE)]
    assert time_weights(at, [DENSE, HALF, LITTLE], SIZES, QUALITY)[0] == 3.5
    better = replace(LITTLE, metrics=DENSE.metrics)
    assert time_weights(at[1:], [DENSE, HALF, better], SIZES, QUALITY) == [3.0, 0.75]
    assert time_weights(at[2:], [DENSE, HALF, LITTLE], SIZES, QUALITY) == [4.0]


@pytest.mark.parametrize(
    "results",
    [[], [DENSE], [HALF], [DENSE, replace(HALF, metrics=DENSE.metrics)]],
    ids=["nothing", "no sketch", "no dense model", "nothing lost"],
)
def test_without_losses_all_sizes_get_the_same(results: list[TrialResult]) -> None:
    assert time_weights([40.0, 20.0], results, SIZES, QUALITY) == [1.0, 1.0]
