"""The table of the latency command: digits, spread, and what a busy machine leaves unsaid."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from paretoprune.cli.display.running import print_running
from paretoprune.pick.running import RunningTable
from paretoprune.results.measurements import Latency, RunningCost


def printed(latency: Latency) -> str:
    stream = StringIO()
    console = Console(file=stream, width=160)
    costs = {"0003": RunningCost(latency, peak_memory_bytes=None, energy_mj=None)}
    print_running(console, RunningTable(costs, "a processor", batch=1, engine="torch"))
    return stream.getvalue()


def test_columns_are_left_out_rather_than_cut_off() -> None:
    stream = StringIO()
    cost = RunningCost(
        Latency(12.3456, 15.0, 81000.0, 2.5, speedup=2.0123, spread=0.0003, contention=1.1),
        peak_memory_bytes=2**27,
        energy_mj=123.4,
    )
    table = RunningTable({"dense": cost, "0003": cost}, "a processor", batch=1, engine="torch")
    for width, last in ((120, "mJ a pass"), (66, "samples/s"), (44, "spread")):
        stream.truncate(0)
        print_running(Console(file=stream, width=width), table)
        lines = stream.getvalue().splitlines()
        assert "…" not in stream.getvalue()
        [heading] = [line for line in lines if "model" in line]
        assert heading.strip(" ┃").endswith(last) and len(heading.strip()) <= width


def test_times_have_the_digits_that_their_spread_allows() -> None:
    text = printed(Latency(1.23456, 1.5, 810.0, 2.5, speedup=2.0123, spread=0.03, contention=1.1))
    assert "1.23 ms" in text and "2.01 " in text and "3 %" in text
    assert "busy" not in text and "no counter that may be read" in text


def test_what_spreads_too_far_is_not_printed_and_a_busy_machine_is_reported() -> None:
    text = printed(Latency(1.23456, 1.5, 810.0, 2.5, speedup=2.0123, spread=1.3, contention=4.0))
    assert text.count("unsure") == 4 and "1.2" not in text and "130 %" in text
    assert "The machine was busy" in text
    assert "a counter would include what other programs use" in text
