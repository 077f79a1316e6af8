"""Single runs of every target and granularity, as a user starts them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import paretoprune
from paretoprune.config.load import load_settings
from paretoprune.errors import SettingsError
from paretoprune.problem.problem import Problem, make_problem
from paretoprune.pruning.scorers.data_free.magnitude import Magnitude
from paretoprune.retained import retained
from paretoprune.search.allocation.sensitivity import Sensitivity
from paretoprune.sweep.baselines import first_proposals, reject_unmeetable
from tests.config.test_load import composed
from tests.kits.commands import OWN, TINY, run_pick, run_train

FAST = (*TINY, "measure.latency=false")


def task_of(folder: Path, *overrides: str) -> Problem:
    values = [*FAST, f"cache_dir={folder}", *overrides]
    groups = [
        v for v in values if v == "tracking=none" or v.startswith(("granularity=", "allocation="))
    ]
    config = composed(*groups, *(f"++{value}" for value in values if value not in groups))
    return make_problem(load_settings(config, trust=[OWN]))


def sensitivity() -> Sensitivity:
    names = ("features.0", "features.3", "classifier")
    return Sensitivity((0.0, 1.0), dict.fromkeys(names, (0.0, 1.0)))


def proposed(problem: Problem) -> Mapping[str, float]:
    groups = problem.groups.prunable
    if problem.space.layers:
        scores = {g.name: [float(i % 97) for i in range(g.width)] for g in groups}
    else:
        found = Magnitude()(problem.model, groups)
        scores = {name: values.tolist() for name, values in found.items()}
    return first_proposals(problem, scores, sensitivity)[1].ratios


@pytest.mark.parametrize("granularity", ["channels", "weights"])
@pytest.mark.parametrize("quantity", ["params", "macs", "bytes"])
@pytest.mark.parametrize("allocation", ["uniform", "global", "lamp", "erk", "score", "sensitivity"])
def test_a_target_is_met_and_not_by_more_than_a_step(
    tmp_path_factory: pytest.TempPathFactory, granularity: str, quantity: str, allocation: str
) -> None:
    """At most what was asked for is left; one width more of the last group would be too much."""
    folder = tmp_path_factory.getbasetemp() / "ways"
    share = 0.8 if quantity == "bytes" else 0.6
    problem = task_of(
        folder,
        f"sparsity.{quantity}={share}",
        f"allocation={allocation}",
        f"granularity={granularity}",
        "model.width=16",
    )
    ratios = proposed(problem)
    left = problem.costs.quantity_of(ratios, quantity) / problem.costs.quantity_of({}, quantity)
    widths = problem.costs.widths_of(ratios)
    step = max(
        problem.costs.size_at({**widths, name: widths[name] + 1}, quantity)
        - problem.costs.size_at(widths, quantity)
        for name, width in problem.costs.widths_of({}).items()
        if widths[name] < width
    ) / problem.costs.quantity_of({}, quantity)
    coarse = 0.02 if granularity == "weights" else step  # 64 widths of a layer, or single channels
    assert share - max(coarse, step) <= left <= share


def test_caps_hold_by_pattern_and_in_every_rounding(tmp_path: Path) -> None:
    problem = task_of(tmp_path, "sparsity.caps={features.0:0.3,*.3:0.5}", "sparsity.divisor=4")
    for ratio in (0.2, 0.5, 0.99):
        widths = problem.costs.widths_of(dict.fromkeys(("features.0", "features.3"), ratio))
        assert widths["features.0"] >= 8 * 0.7 and widths["features.3"] >= 16 * 0.5


def test_ratios_by_pattern_the_last_that_matches_counts(tmp_path: Path) -> None:
    problem = task_of(tmp_path, "sparsity.ratios={features.*:0.5,features.3:0.25}")
    assert proposed(problem) == {"features.0": 0.5, "features.3": 0.25}


@pytest.mark.parametrize("setting", ["caps", "ratios"])
def test_a_pattern_that_names_nothing_is_reported(tmp_path: Path, setting: str) -> None:
    problem = task_of(tmp_path, f"sparsity.{setting}={{layer9.*:0.3}}")
    with pytest.raises(SettingsError, match=f"`sparsity.{setting}` names layer9"):
        reject_unmeetable(problem)


def test_zeros_survive_training_and_export(tmp_path: Path) -> None:
    """From the command to the loaded model; the report says what zeros are worth."""
    run = run_train(
        tmp_path, *FAST, "name=zeros", "granularity=weights", "sparsity.ratio=0.75",
        "seed=1",
    )  # fmt: skip
    assert run.code == 0, run.err
    assert "zeros alone make nothing faster here" in run.out and "compressed" in run.out
    result = json.loads((tmp_path / "sweeps/zeros/trials/0001/result.json").read_text())
    metrics: dict[str, Any] = result["metrics"]
    assert metrics["compressed_bytes"] < metrics["size_bytes"]
    picked = run_pick(tmp_path, "zeros", "trial=1")
    assert picked.code == 0, picked.err
    folder = tmp_path / "sweeps/zeros/picked/0001"
    model = paretoprune.load_model(folder, trust=["tests.kits"])
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            left = int((parameter != 0).sum())
            assert left == round(0.25 * parameter.numel()), name
    assert "Weights are set to zero" in (folder / "README.md").read_text()


def results_of(sweep: Path) -> list[dict[str, Any]]:
    return [json.loads(p.read_text()) for p in sorted(sweep.glob("trials/*/result.json"))]


def test_an_accuracy_drop_is_met_by_bisection(tmp_path: Path) -> None:
    run = run_train(tmp_path, *FAST, "model.width=4", "name=drop", "sparsity.accuracy_drop=100")
    assert run.code == 0, run.err
    smallest = min(results_of(tmp_path / "sweeps/drop"), key=lambda one: one["metrics"]["params"])
    assert smallest["widths"] == {"features.0": 1, "features.3": 1}  # everything is good enough


def test_a_share_of_the_quality_is_met_by_bisection(tmp_path: Path) -> None:
    """A probe that retains enough is followed by a smaller one, another by a larger one."""
    more = ("model.width=8", "name=drop", "sparsity.max_drop=50%", "model.train.epochs=4")
    run = run_train(tmp_path, *FAST, *more)
    assert run.code == 0, run.err
    folder = tmp_path / "sweeps/drop"
    trivial = json.loads((folder / "dense/qualities.json").read_text())["trivial"]["accuracy"]
    dense, *probes = [result["metrics"] for result in results_of(folder)]
    assert dense["accuracy"] > trivial and len(probes) > 2
    for probe, following in pairwise(probes):
        share = retained(probe["accuracy"], trivial, dense["accuracy"])
        assert (following["params"] < probe["params"]) == (share >= 0.5)


@pytest.mark.parametrize(
    ("schedule", "epochs"),
    [
        (("schedule=at_init", "scorer=snip"), 2),
        (("schedule=lottery", "schedule.steps=2"), 4),
        (("schedule=lottery", "schedule.steps=3", "schedule.rewind_epoch=1"), 3),
        (("schedule=one_shot",), 1),
    ],
    ids=["at_init", "lottery", "lottery, late", "one_shot"],
)
def test_what_is_trained_anew_gets_the_dense_models_training(
    tmp_path: Path, schedule: tuple[str, ...], epochs: int
) -> None:
    """Two epochs in each round, less those before the weights that it rewinds to."""
    run = run_train(tmp_path, *FAST, "name=anew", "sparsity.params=0.5", *schedule)
    assert run.code == 0, run.err
    result = json.loads((tmp_path / "sweeps/anew/trials/0001/result.json").read_text())
    assert (result["epochs"], len(result["curve"])) == (epochs, epochs)
