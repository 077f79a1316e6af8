"""The tools that the strategies are compared with: sizes, learning rate, seconds, and a run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A function that imports a program of `benchmarks/`; they import each other by name."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield import_module
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).parent == BENCHMARKS:
            del sys.modules[name]


def test_sizes_of_a_chain_are_even_in_their_logarithm(benchmark: Any) -> None:
    shares = benchmark("peer_sweep").even_shares(1 / 128, 7)
    assert shares == pytest.approx([1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128])


def test_the_peak_rate_grows_as_models_shrink(benchmark: Any) -> None:
    peak_rate = benchmark("peer_sweep").peak_rate
    assert peak_rate(0.004, 1.0) == 0.004
    assert peak_rate(0.004, 1 / 16) == pytest.approx(0.032)  # 16 ** 0.75 is 8


@pytest.mark.parametrize(
    ("left", "models", "measuring", "expected"),
    [(100, 4, 5, 20), (100, 1, 5, 95), (10, 2, 9, 0.25), (0, 2, 9, 0)],
)
def test_models_share_the_seconds_equally(
    benchmark: Any, left: float, models: int, measuring: float, expected: float
) -> None:
    seconds = benchmark("peer_sweep").training_seconds(
        left, models_left=models, measuring=measuring
    )
    assert seconds == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore")  # of the other tool
@pytest.mark.parametrize("strategy", ["tp_l2", "tp_taylor"])
def test_a_chain_of_torch_pruning_is_recorded_as_a_run(
    benchmark: Any, tmp_path: Path, strategy: str
) -> None:
    pytest.importorskip("torch_pruning", reason="needs the extra `peers`")
    benchmark("peer_cuts").NUM_SIZES = 2
    options = argparse.Namespace(
        data=tmp_path,
        cache=tmp_path / "cache",
        override=["model.train.epochs=1"],
        learning_rate=0.02,
    )
    task = benchmark("tasks").TASKS["digits-hard"]
    run = benchmark("peers").measure(task, strategy, seed=0, budget_seconds=2.0, options=options)
    assert run.members[0].share == 1
    sizes = benchmark("peer_sweep").even_shares(run.least_share, 2)
    for member, size in zip(run.members[1:], sizes, strict=True):
        assert size / 2 < member.share <= size
        assert member.test is not None
    assert sum(run.seconds.values()) == run.spent_seconds
    assert run.spent_seconds < 3
    assert run.seconds["finetune"] > 0
    assert run.epochs > 0
    path = tmp_path / "runs.jsonl"
    scores = benchmark("front_scores")
    scores.write_run(path, run)
    assert scores.read_runs(path) == [run]
