"""Tables: what they hold, and that a CSV file gives back exactly what was written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretoprune.errors import SweepError
from paretoprune.report.tables import front_table, load_sweep, trials_table, write_tables
from paretoprune.results import TrialResult
from paretoprune.results.trials import QuantizedResult, models_of
from tests.report.kit import DENSE, OBJECTIVES, front_of, sweep, trial

MIXED = [
    trial(3, None, None, state="failed", reason='ran out of "memory", line 1\nline 2'),
    trial(0, 90.0, 1_000_000, origin="uniform"),
    trial(1, 96.123456789, 10_000_000, latency_ms=2.5),
    trial(2, 90.0, 1_000_000, state="duplicate", duplicate_of=0),
    trial(4, None, 60_000_000, state="infeasible", reason="NA"),
]


def table_of(results: list[TrialResult], front: set[int]) -> pd.DataFrame:
    return trials_table(results, front=front, dense=DENSE, objectives=OBJECTIVES)


def test_one_row_per_trial_with_everything_measured() -> None:
    table = table_of(MIXED, {1})
    assert [*table.columns] == [
        "number",
        "state",
        "origin",
        "front",
        "accuracy",
        "macs",
        "params",
        "latency_ms",
        "epochs_total",
        "gain_over_uniform",
        "gain_note",
        "ratio/layer1",
        "ratio/layer2",
        "width/layer1",
        "width/layer2",
        "seconds_total",
        "seed",
        "duplicate_of",
        "reason",
    ]
    assert [*table["number"]] == [0, 1, 2, 3, 4]
    assert [*table["front"]] == [False, True, False, False, False]
    assert table.loc[1, "accuracy"] == 96.123456789
    assert table.loc[0, "gain_over_uniform"] == 0.0
    assert table.loc[2, "duplicate_of"] == 0
    assert table.loc[3, ["accuracy", "macs", "gain_over_uniform"]].isna().all()
    assert [*table["seconds_total"]] == [3.0] * 5


def test_training_in_total_is_a_column_and_gains_of_the_more_trained_are_marked(
    tmp_path: Path,
) -> None:
    results = [
        replace(trial(0, 90.0, 1_000_000, origin="uniform"), epochs=4.0),
        replace(trial(1, 96.0, 8_000_000, origin="chain"), epochs=4.0),
        replace(trial(2, 94.0, 1_000_000, origin="chain"), epochs=3.0, parent=1),
    ]
    write_tables(tmp_path, results, front={1, 2}, dense=DENSE, objectives=OBJECTIVES)
    table = load_sweep(tmp_path)
    assert [*table["epochs_total"]] == [4.0, 4.0, 7.0]
    assert table.loc[2, "gain_over_uniform"] == 4.0
    assert [*table["gain_note"].fillna("")] == ["", "more trained", "more trained"]


def test_files_give_back_the_table(tmp_path: Path) -> None:
    write_tables(tmp_path, MIXED, front={0, 1}, dense=DENSE, objectives=OBJECTIVES)
    assert {path.name for path in tmp_path.iterdir()} == {"trials.csv", "front.csv"}
    loaded = load_sweep(str(tmp_path))
    pd.testing.assert_frame_equal(loaded, table_of(MIXED, {0, 1}))
    assert "1000000," in (tmp_path / "trials.csv").read_text()  # no 1000000.0
    assert [*pd.read_csv(tmp_path / "front.csv")["number"]] == [1, 0]


RISKY = [
    "=cmd|' /C calc'!A0",
    "+1",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "  =1",
    "'=1",
    "''-x",
    "'plain",
    "plain",
]


def test_no_cell_begins_a_formula(tmp_path: Path) -> None:
    failed = [trial(n, None, None, state="failed", reason=text) for n, text in enumerate(RISKY)]
    results = [*failed, trial(99, -1.5, 1_000_000)]
    write_tables(tmp_path, results, front={99}, dense=DENSE, objectives=OBJECTIVES)
    written = pd.read_csv(tmp_path / "trials.csv", dtype=str, keep_default_na=False)
    beginnings = {text.strip()[:1] for text in written["reason"]}
    assert not beginnings & set("=+-@")
    assert [*written["accuracy"]][-1] == "-1.5"  # a number is one
    assert [*load_sweep(tmp_path)["reason"]][:-1] == RISKY


@settings(max_examples=25)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=5))
def test_no_digit_is_lost(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    folder = tmp_path_factory.mktemp("sweep")
    results = [trial(number, value, 10) for number, value in enumerate(values)]
    write_tables(folder, results, front=set(), dense=DENSE, objectives=OBJECTIVES)
    assert [*load_sweep(folder)["accuracy"]] == values


def test_the_front_is_ordered_from_the_largest_model() -> None:
    results = sweep(40)
    front = set(front_of(results, OBJECTIVES))
    rows = front_table(table_of(results, front), OBJECTIVES)
    assert set(rows["number"]) == front
    assert rows["macs"].is_monotonic_decreasing
    assert rows["accuracy"].is_monotonic_decreasing


def test_a_sweep_without_trials_has_empty_tables(tmp_path: Path) -> None:
    write_tables(tmp_path, [], front=set(), dense=DENSE, objectives=OBJECTIVES)
    loaded = load_sweep(tmp_path)
    assert len(loaded) == 0
    assert {"number", "front", "accuracy", "macs"} <= {*loaded.columns}


def test_missing_sweeps_are_reported(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="there is no sweep folder"):
        load_sweep(tmp_path / "nothing")
    with pytest.raises(SweepError, match=r"holds no trials\.csv"):
        load_sweep(tmp_path)
    for content in (
        b"",
        b"a,b\n1,2\n",
        b"number,seed,front\nx,1,True\n",
        b"number,seed,front\n1,1,x\n",
        b"\xff\xfe\x00",
    ):
        (tmp_path / "trials.csv").write_bytes(content)
        with pytest.raises(SweepError, match="is damaged"):
            load_sweep(tmp_path)


def test_quantized_models_have_rows_of_their_own(tmp_path: Path) -> None:
    parent = trial(1, 95.0, 20_000_000)
    int8 = QuantizedResult("int8", 8.0, replace(parent.metrics, size_bytes=10), 1.0)
    models = models_of(
        [trial(0, 98.3, 41_000_000, origin="dense"), replace(parent, quantized=(int8,))]
    )
    write_tables(tmp_path, models, front=["1-int8"], dense=DENSE, objectives=OBJECTIVES)
    table = load_sweep(tmp_path)
    assert list(table["number"]) == [0, 1, 1]
    assert list(table["quantization"].fillna("")) == ["", "", "int8"]
    assert list(table["front"]) == [False, False, True]
    assert table["bits"].iloc[2] == 8 and table["size_bytes"].iloc[2] == 10
    plain = trials_table([parent], front=[1], dense=DENSE, objectives=OBJECTIVES)
    assert "quantization" not in plain and "bits" not in plain
