"""Sizes of a search over bits and channels, ranks or weights: expected bytes of compact files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paretoprune.config.load import load_settings
from paretoprune.problem.problem import Problem, make_problem
from paretoprune.quantization.allocation import TYPICAL_BITS, predicted_bytes
from paretoprune.results import Metrics
from paretoprune.results.trials import QuantizedResult
from paretoprune.sweep.strategies import _quality, _sizes
from tests.config.test_load import composed
from tests.kits.commands import OWN, TINY
from tests.search.front.test_gaps import trial

BYTES = "search.objectives={accuracy: maximize, size_bytes: minimize}"


def problem_of(bits: str, *overrides: str) -> Problem:
    groups = ("search=auto", "quantization=mixed", "tracking=none", "name=x", *overrides)
    values = (*(value for value in TINY if value not in groups), BYTES, f"quantization.bits={bits}")
    config = composed(*groups, *(f"++{value}" for value in values))
    return make_problem(load_settings(config, trust=[OWN]))


@pytest.mark.parametrize(
    "overrides",
    [
        ("granularity=channels",),
        ("granularity=weights",),
        ("low_rank=spatial", "low_rank.min_width=8", "low_rank.divisor=1"),
    ],
)
def test_sizes_are_expected_bytes_where_bits_are_searched(overrides: tuple[str, ...]) -> None:
    problem = problem_of("auto", *overrides)
    sizes = _sizes(problem)
    params = problem.costs.cost_of({}).params
    assert sizes.dense == predicted_bytes(params, TYPICAL_BITS)
    for group, ratios in sizes.choices.items():
        along = [sizes.size_of({group: ratio}) for ratio in ratios]
        assert along == sorted(along, reverse=True)
    assert 0 < sizes.least < sizes.dense


def test_zeros_take_a_bit_each() -> None:
    problem = problem_of("auto", "granularity=weights")
    half = {group.name: 0.5 for group in problem.groups.prunable}
    params, left = (problem.costs.cost_of(ratios).params for ratios in ({}, half))
    assert _sizes(problem).size_of(half) == predicted_bytes(left, TYPICAL_BITS, zeros=params - left)


def test_sizes_are_macs_where_bits_are_named() -> None:
    problem = problem_of("[4,3]")
    assert _sizes(problem).dense == problem.costs.cost_of({}).macs


def test_the_front_is_that_of_complete_quantized_models() -> None:
    models = [("mixed8", "complete", 90.0), ("mixed3", "failed", 0.0), ("mixed2", "complete", 70.0)]
    quantized = tuple(
        QuantizedResult(name, 3.0, Metrics({"accuracy": value}, size_bytes=100), 0.0, state=state)  # type: ignore[arg-type]
        for name, state, value in models
    )
    result = replace(trial(1, 0.5, 95), quantized=quantized)
    axis = _quality({"accuracy": "maximize", "size_bytes": "minimize"}, {}, "size_bytes")
    assert axis.quantized is not None
    assert axis.quantized(result) == [(100, 90.0), (100, 70.0)]
    plain = _quality({"accuracy": "maximize", "size_bytes": "minimize"}, {}, None)
    assert plain.quantized is None
