"""A regression of a user's own, from the sweep to the comparison: a smaller quality is better."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from paretoprune import load_model
from paretoprune.report.tables import load_sweep
from tests.kits.commands import OWN, Run, run_compare, run_pick, run_train

SWEEP = (
    "task._target_=tests.kits.regression.Ink",
    "model._target_=tests.kits.regression.Net",
    "data=npz",
    "data._target_=tests.kits.regression.Images",
    f"trust=[{OWN}]",
    "model.train.epochs=8",
    "model.train.learning_rate=0.05",
    "finetune.epochs=1",
    "finetune.tune_learning_rate=false",
    "search=random",
    "search.n_trials=6",
    "search.baseline_ratios=[0.5]",
    "sparsity.divisor=1",
    "measure.latency=false",
    "tracking=none",
)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Run]]:
    folder = tmp_path_factory.mktemp("ink")
    yield folder, run_train(folder, *SWEEP, "name=ink")


def test_the_front_is_of_the_first_quality_without_being_asked(swept: tuple[Path, Run]) -> None:
    folder, run = swept
    assert run.code == 0, run.err
    trials = load_sweep(folder / "sweeps/ink")
    assert [*trials.columns[4:6]] == ["rmse", "macs"] and "accuracy" not in trials.columns
    points = [*zip(trials["rmse"], trials["macs"], strict=True)]
    best = [all(r > p[0] or m > p[1] or (r, m) == p for r, m in points) for p in points]
    assert trials["front"].tolist() == best
    assert "accuracy" not in run.out and "class" not in run.out


def test_the_best_epoch_has_the_smallest_error(swept: tuple[Path, Run]) -> None:
    folder, _ = swept
    for file in (folder / "sweeps/ink/trials").glob("*/result.json"):
        result = json.loads(file.read_text())
        if result["curve"]:
            assert result["metrics"]["rmse"] <= min(r["quality"] for r in result["curve"]) + 1e-6


def test_the_summary_and_the_comparison_count_from_the_mean(swept: tuple[Path, Run]) -> None:
    folder, _ = swept
    trivial = json.loads((folder / "sweeps/ink/dense/qualities.json").read_text())["trivial"]
    page = (folder / "sweeps/ink/report.html").read_text()
    assert f"ignores the input: {trivial['rmse']:.4g}." in page
    assert "of the quality retained" in page and "classes" not in page
    compared = run_compare(folder, "ink", "ink")
    assert compared.code == 0, compared.err
    assert f"which ignores the input ({trivial['rmse']:.4g})" in " ".join(compared.out.split())


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("+search.objectives.f1=maximize", "which this task does not measure"),
        ("sparsity.min_accuracy=50", "set `sparsity.min_quality`, which is about its rmse"),
        ("sparsity.min_quality=1e-9", "worse than `sparsity.min_quality=1e-09`"),
    ],
)
def test_qualities_of_another_task_are_reported(
    tmp_path: Path, setting: str, sentence: str
) -> None:
    run = run_train(tmp_path, *SWEEP, "name=x", "search.n_trials=1", setting)
    assert sentence in run.err + run.out


def test_such_a_model_is_exported_in_words_of_its_task(swept: tuple[Path, Run]) -> None:
    run = run_pick(swept[0], "ink", f"trust=[{OWN}]", "rule=best")
    assert run.code == 0, run.err
    [folder] = (swept[0] / "sweeps/ink/picked").iterdir()
    card = (folder / "README.md").read_text()
    assert "takes `images` (batch x 1 x 8 x 8, float32)" in card
    assert "accuracy" not in card + run.out and "class" not in card + run.out
    figures = json.loads((folder / "metrics.json").read_text())
    assert figures["test"]["pruned"]["rmse"] > 0 and figures["test"]["comparison"] is None
    load_model(folder, trust=[OWN])(torch.zeros(2, 1, 8, 8))
