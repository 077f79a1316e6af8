"""`python -m src.latency`, and single runs with a latency target."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paretoprune.cli.latency import read_request
from paretoprune.errors import SettingsError
from paretoprune.measure.request import Request
from tests.kits.commands import TINY, run_latency, run_pick, run_train


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a single run to 80 % of the dense latency, picked."""
    folder = tmp_path_factory.mktemp("project")
    target = ("sparsity.latency=0.8", "allocation=score", "name=one")
    wide = ("model.width=64", "measure.latency_batch_size=16")  # so that channels cost time
    done = run_train(folder, *TINY, *target, *wide, "finetune.epochs=0")
    assert done.code == 0, done.err
    assert "latency table: on 8 whole models the error is" in done.out
    return folder


def test_a_latency_target_is_met_by_the_forecast(folder: Path) -> None:
    stored = json.loads((folder / "sweeps" / "one" / "dense" / "latency_table.json").read_text())
    assert stored["check"]["num_models"] == 8
    result = json.loads((folder / "sweeps" / "one" / "trials" / "0001" / "result.json").read_text())
    assert result["origin"] == "single"
    assert sum(result["widths"].values()) < 64 + 128


@pytest.mark.timeout(600)  # another process loads torch, which takes a while on a busy machine
def test_an_exported_model_is_measured_beside_the_dense_one(folder: Path) -> None:
    done = run_pick(folder, "one", "trial=1", "measure=latency", "batch=2", "repeats=10")
    assert done.code == 0, done.err
    assert "batch 2, torch" in done.out
    done = run_latency(folder, "sweeps/one/picked/0001", "repeats=10")
    assert done.code == 0, done.err
    rows = [line.split("│")[1].strip() for line in done.out.splitlines() if line.startswith("│")]
    assert rows == ["dense", "0001"]
    assert "batch 1, torch" in done.out


def test_what_is_not_there_is_reported_with_what_is(folder: Path) -> None:
    done = run_latency(folder, "onn")
    assert done.code == 2
    assert "`onn` is neither a sweep in sweeps/ nor an exported model; did you mean" in done.err


def test_all_wrong_options_are_reported_together() -> None:
    with pytest.raises(SettingsError) as caught:
        read_request(["batch=0", "speed=1", "device=gpu", "threads", "engine=tensorflow"])
    assert len(caught.value.mistakes) == 5
    assert "`batch=0` must be a whole number, 1 or more" in caught.value.mistakes
    engines = "torch, executorch, onnxruntime, openvino, torch.export"
    assert f"there is no engine `tensorflow`; there are: {engines}" in caught.value.mistakes


def test_picks_are_measured_in_the_same_words(folder: Path) -> None:
    for words, sentence in {
        ("batch=8",): "`batch` says how to measure; add `measure=latency`",
        ("measure=size",): "`measure=size` must be `measure=latency`",
        ("measure=latency", "engine=tensorflow"): "there is no engine `tensorflow`",
    }.items():
        done = run_pick(folder, "one", "trial=1", *words)
        assert done.code == 2
        assert sentence in done.err


def test_options_are_read_as_what_they_are() -> None:
    assert read_request([]) == Request()
    found = read_request(["batch=16", "threads=2", "trust=[mine, yours]", "sweeps_dir=there"])
    assert found == Request(batch=16, threads=2, trust=("mine", "yours"), sweeps_dir="there")


def test_a_sweep_over_latency_chains_by_the_forecast(tmp_path: Path) -> None:
    """Links fall in forecast latency, at widths that are each faster than all wider ones."""
    objectives = ("~search.objectives.macs", "+search.objectives.latency_ms=minimize")
    wide = ("model.width=32", "measure.latency_batch_size=16", "search.baseline_ratios=[0.5]")
    sweep = ("search=chain", "search.n_trials=6", "name=fast", "finetune.epochs=0")
    done = run_train(tmp_path, *TINY, *sweep, *wide, *objectives)
    assert done.code == 0, done.err
    paths = sorted((tmp_path / "sweeps" / "fast" / "trials").glob("*/result.json"))
    trials = [json.loads(path.read_text()) for path in paths]
    links = [sum(t["widths"].values()) for t in trials if t["origin"] == "chain"]
    assert links and links == sorted(links, reverse=True)
    assert all(t["metrics"]["latency_ms"] > 0 for t in trials if t["state"] == "complete")


def test_an_allocation_by_sensitivity_meets_its_target(tmp_path: Path) -> None:
    target = ("sparsity.macs=0.5", "allocation=sensitivity", "name=one")
    done = run_train(tmp_path, *TINY, *target, "finetune.epochs=0")
    assert done.code == 0, done.err
    trials = tmp_path / "sweeps" / "one" / "trials"
    macs = [
        json.loads((trials / n / "result.json").read_text())["metrics"]["macs"]
        for n in ("0000", "0001")
    ]
    assert 0.3 * macs[0] < macs[1] <= 0.5 * macs[0]
