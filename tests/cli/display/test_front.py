"""The front on the terminal: gains with the training behind them, and what a sweep did not show."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from paretoprune.cli.display.front import print_front
from paretoprune.results import TrialResult
from paretoprune.results.trials import QuantizedResult
from tests.report.kit import DENSE, OBJECTIVES, trial

DENSE_TRIAL = replace(trial(0, None, None, origin="dense"), metrics=DENSE)
UNIFORM = [
    replace(trial(1, 90.0, 1_000_000, origin="uniform"), epochs=4.0),
    replace(trial(2, 95.0, 8_000_000, origin="uniform"), epochs=4.0),
]


def printed(*results: TrialResult, width: int = 200) -> str:
    stream = StringIO()
    console = Console(file=stream, width=width)
    with TemporaryDirectory() as place:
        (Path(place) / "config.yaml").write_text("name: x\n")  # which the advice to pick reads
        print_front(console, [DENSE_TRIAL, *UNIFORM, *results], OBJECTIVES, Path(place))
    return stream.getvalue()


def chain(number: int, accuracy: float, epochs: float) -> TrialResult:
    return replace(trial(number, accuracy, 1_000_000, origin="chain"), epochs=epochs)


def test_a_gain_at_equal_training_stands_alone() -> None:
    text = printed(chain(3, 93.0, 4.0))
    assert "+3.00" in text and "more trained" not in text and "No searched model" not in text


def test_a_gain_of_the_more_trained_says_so_and_so_does_the_sweep() -> None:
    text = printed(chain(3, 93.0, 16.0))
    assert "+3.00, more trained" in text
    assert [cell for cell in text.split() if cell == "16"]
    assert "compared with uniform pruning at equal training: all with a gain are more" in text


def test_a_sweep_that_gains_nothing_says_so() -> None:
    smaller = replace(
        chain(3, 80.0, 4.0), metrics=replace(DENSE, quality={"accuracy": 80.0}, macs=500_000)
    )
    assert "has a size at which uniform pruning was measured" in printed(smaller)
    larger = replace(
        chain(3, 90.5, 4.0), metrics=replace(DENSE, quality={"accuracy": 91.0}, macs=2_000_000)
    )
    assert "No searched model of the front beats uniform pruning of its size" in printed(larger)
    assert "every front member is uniform" in printed(chain(3, 80.0, 4.0))


def test_times_of_a_busy_machine_are_reported_with_the_digits_they_have() -> None:
    metrics = replace(
        chain(3, 93.0, 4.0).metrics, measured_speedup=1.98765, time_spread=0.1, contention=4.2
    )
    text = printed(replace(chain(3, 93.0, 4.0), metrics=metrics))
    assert " 2 " in text and "1.98" not in text
    assert "The machine was busy while latency was measured: up to 4.2 times" in text


def test_the_table_fits_the_console_without_cutting_a_word() -> None:
    found = replace(chain(3, 93.0, 16.0), number=12345)
    narrow, wide = printed(found, width=80), printed(found)
    lines = [line for line in narrow.splitlines() if line[:1] in "┏┃┡│└"]
    assert lines and all(len(line) <= 80 for line in lines)
    assert "…" not in narrow and "+3.00, more trained" in narrow
    headings = [one.strip() for one in lines[1].strip("┃").split("┃")]
    every = next(line for line in wide.splitlines() if line.startswith("┃"))
    assert {*headings} < {one.strip() for one in every.strip("┃").split("┃")}
    assert headings[:4] == ["trial", "origin", "accuracy", "macs"]


def test_the_dense_model_is_the_first_row() -> None:
    better = replace(
        chain(3, 99.0, 4.0), metrics=replace(DENSE, quality={"accuracy": 99.0}, macs=1_000_000)
    )
    rows = [line for line in printed(better).splitlines() if line.startswith("│")]
    assert [row.split()[1:4:2] for row in rows] == [["0", "dense"], ["3", "chain"]]


def quantized(parent: TrialResult) -> TrialResult:
    metrics = replace(parent.metrics, quality={"accuracy": 99.0}, macs=900_000)
    return replace(parent, quantized=(QuantizedResult("int8", 8.0, metrics, 1.0),))


def test_a_quantized_model_is_a_row_and_counts_as_searched_with_its_trial() -> None:
    text = printed(quantized(chain(3, 80.0, 4.0)))
    assert "3-int8" in text and "every front member is uniform" not in text
    uniform = quantized(replace(chain(3, 80.0, 4.0), origin="uniform"))
    assert "every front member is uniform" in printed(uniform)
    assert "4 complete" in text
