"""The latency table of a task: measured once, cached by all that decides it, checked."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from paretoprune.config.load import load_settings
from paretoprune.measure.latency.layers import trace_layers
from paretoprune.measure.latency.table import LatencyTable
from paretoprune.problem.latency_table import fingerprint_of, needs_forecast, with_forecast
from paretoprune.problem.problem import Problem, make_problem
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.plan import Plan
from tests.config.test_load import composed
from tests.kits.commands import OWN, TINY


def task_with(folder: Path, *overrides: str) -> Problem:
    values = [*TINY, f"cache_dir={folder}", *overrides]
    chosen = ("tracking", "search", "model", "granularity")
    groups = [v for v in values if v.partition("=")[0] in chosen]
    if "model=resnet20" in overrides:
        values = [v for v in values if v not in ("model.width=8", TINY[0])]
    config = composed(*groups, *(f"++{value}" for value in values if value not in groups))
    return make_problem(load_settings(config, trust=[OWN]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def problem(folder: Path) -> Problem:
    problem = with_forecast(task_with(folder, "sparsity.latency=0.5"))
    assert not any(folder.iterdir()), "nothing is written before it is kept"
    problem.cache.disk.commit()
    return problem


def tables(folder: Path) -> list[Path]:
    return sorted((folder / "latency").glob("*.json"))


def test_candidates_have_a_forecast(problem: Problem) -> None:
    dense = problem.costs.cost_of({})
    half = problem.costs.cost_of({group.name: 0.5 for group in problem.groups.prunable})
    assert dense.latency_ms is not None and half.latency_ms is not None
    assert half.latency_ms > 0
    assert problem.costs.forecast is not None
    assert dense.latency_error == problem.costs.forecast.check.worst_error
    known = dense.at_least()
    assert known.latency_ms == pytest.approx(dense.latency_ms * (1 - dense.latency_error))
    assert (known.params, known.macs) == (dense.params, dense.macs)


def test_the_forecast_is_the_calibrated_sum_at_the_pruned_widths(problem: Problem) -> None:
    """The same, by hand, for the first convolution, the second and the classifier."""
    assert problem.costs.forecast is not None
    ratios = {group.name: 0.5 for group in problem.groups.prunable}
    table, calibration = problem.costs.forecast.table, problem.costs.forecast.calibration
    at = [table.surfaces[layer.shape].at for layer in table.layers]
    layers_ms = at[0](1, 4) + at[1](4, 8) + at[2](8, 10)
    elements = 64 * 4 + 16 * 8 + 10
    expected = (
        calibration.fixed_ms
        + calibration.layers * layers_ms
        + calibration.per_element_ms * elements
    )
    assert problem.costs.cost_of(ratios).latency_ms == pytest.approx(expected)


def test_blocks_that_are_gone_take_no_time(tmp_path: Path) -> None:
    """The forecast is the table's, of the layers of the model that is really cut."""
    problem = with_forecast(
        task_with(
            tmp_path,
            "model=resnet20",
            "granularity=depth",
            "sparsity.latency=0.5",
        )
    )
    assert problem.costs.forecast is not None
    table, groups = problem.costs.forecast.table, problem.groups.prunable
    plan = Plan({group.name: (0,) for group in groups[::2]})
    layers = trace_layers(apply_plan(problem.model, groups, plan), problem.example[:1])
    expected = LatencyTable(layers, table.surfaces).parts({})
    assert len(layers) == len(table.layers) - 2 * 4
    found = problem.costs.cost_at(plan.widths(groups)).latency_ms
    assert found == pytest.approx(problem.costs.forecast.calibration.predict(expected))


def test_the_second_time_it_comes_from_the_cache(folder: Path, problem: Problem) -> None:
    [path] = tables(folder)
    stamp = path.stat().st_mtime_ns
    again = with_forecast(task_with(folder, "sparsity.max_latency_ms=1000"))
    assert again.costs.forecast == problem.costs.forecast
    assert path.stat().st_mtime_ns == stamp


def test_what_decides_a_time_decides_which_table(folder: Path, problem: Problem) -> None:
    def digest(*overrides: str, batch: int = 1) -> str:
        other = task_with(folder, "sparsity.latency=0.5", *overrides)
        fingerprint = fingerprint_of(other, trace_layers(other.model, other.example[:batch]))
        return f"{fingerprint.family}-{fingerprint.key}"

    assert digest() == tables(folder)[0].stem == digest("seed=1", "finetune.epochs=3")
    changed = [
        digest("measure.latency_threads=2"),
        digest("measure.latency_batch_size=2", batch=2),
        digest(batch=2),
        digest("sparsity.divisor=2"),
        digest("model.width=9"),
    ]
    assert len({digest(), *changed}) == 6


@pytest.mark.parametrize("damage", ["", "[]", '{"table": []}', '{"table": {}, "check": 1}'])
def test_a_damaged_cache_is_measured_again(
    folder: Path, problem: Problem, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    [path] = tables(folder)
    whole = path.read_text()
    path.write_text(damage)
    logger = logging.getLogger("paretoprune")
    logger.addHandler(caplog.handler)
    try:
        again = with_forecast(replace(problem, costs=replace(problem.costs, forecast=None)))
        again.cache.disk.commit()
    finally:
        logger.removeHandler(caplog.handler)
        written = path.read_text()
        path.write_text(whole)
    assert "is damaged" in caplog.text
    assert again.costs.forecast is not None
    kept = json.loads(written)
    del kept["sha256"], kept["fingerprint"]
    assert kept == json.loads(json.dumps(again.costs.forecast.to_json()))


@pytest.mark.parametrize(
    ("overrides", "needed"),
    [
        ((), False),
        (("sparsity.macs=0.5",), False),
        (("sparsity.max_latency_ms=3",), True),
        (("search=chain", "name=x"), False),
        (("search=chain", "name=x", "search.objectives.latency_ms=minimize"), True),
        (("search=chain", "name=x", "search.objectives.measured_speedup=maximize"), True),
    ],
)
def test_a_table_is_measured_where_something_depends_on_it(
    folder: Path, overrides: tuple[str, ...], needed: bool
) -> None:
    problem = task_with(folder, *overrides)
    assert needs_forecast(problem.settings) is needed
    if not needed:
        assert with_forecast(problem) is problem
