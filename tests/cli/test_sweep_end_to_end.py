"""A whole sweep through the commands: searched, continued, refused, picked, exported, loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

import paretoprune
from paretoprune.errors import SettingsError, WeightsError
from paretoprune.storage.sweep_folder import SweepFolder
from tests.kits.commands import SWEEP, TINY, Run, run_pick, run_train


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the tiny sweep was run."""
    folder = tmp_path_factory.mktemp("project")
    done = run_train(folder, *SWEEP)
    assert done.code == 0, done.err
    return folder


@pytest.fixture(scope="module")
def picked(folder: Path) -> Run:
    done = run_pick(folder, "tiny", "rule=min_macs")
    assert done.code == 0, done.err
    return done


def trials(folder: Path) -> pd.DataFrame:
    return paretoprune.load_sweep(folder / "sweeps" / "tiny")


def test_a_sweep_leaves_tables_pictures_settings_and_study(folder: Path) -> None:
    names = {path.name for path in (folder / "sweeps" / "tiny").iterdir()}
    assert {"front.csv", "trials.csv", "report.html", "front.html", "front.png"} <= names
    assert {"config.yaml", "study.db", "sweep.log"} <= names
    config = yaml.safe_load((folder / "sweeps" / "tiny" / "config.yaml").read_text())
    assert config["model"]["width"] == 8
    assert config["search"]["n_trials"] == 8


def test_the_front_is_that_of_brute_force(folder: Path) -> None:
    table = trials(folder)
    complete = table[table["state"] == "complete"]
    points = list(zip(complete["number"], complete["accuracy"], complete["macs"], strict=True))
    expected = {
        n
        for n, accuracy, macs in points
        if not any(a >= accuracy and m <= macs and (a, m) != (accuracy, macs) for _, a, m in points)
    }
    front = pd.read_csv(folder / "sweeps" / "tiny" / "front.csv")
    found = set(front["number"])
    assert found <= expected
    values = {(row.accuracy, row.macs) for row in front.itertuples()}
    assert values == {(a, m) for n, a, m in points if n in expected}


def test_sizes_are_those_of_the_closed_form(folder: Path) -> None:
    """Two convolutions of widths a and b on 8x8 digits, the second with stride 2."""
    for row in trials(folder).to_dict("records"):
        a, b = row["width/features.0"], row["width/features.3"]
        assert row["params"] == 9 * a + 2 * a + 9 * a * b + 2 * b + 10 * b + 10
        assert row["macs"] == 64 * 9 * a + 16 * 9 * a * b + 10 * b


def test_the_baselines_are_among_the_trials(folder: Path) -> None:
    origins = trials(folder)["origin"].tolist()
    assert origins[0] == "dense"
    assert origins.count("uniform") == 4
    assert origins.count("global") == 4


def test_the_same_command_again_runs_nothing(folder: Path) -> None:
    before = trials(folder)
    done = run_train(folder, *SWEEP)
    assert done.code == 0
    assert "going on after" in done.out
    pd.testing.assert_frame_equal(trials(folder), before)


def test_the_learning_rate_is_looked_for_once_and_before_the_first_training(tmp_path: Path) -> None:
    overrides = ("search=auto", "search.budget=60ep", "search.baseline_ratios=[]", "name=tiny")
    sweep = SweepFolder(tmp_path / "sweeps" / "tiny")
    times = []
    for _ in range(2):
        done = run_train(tmp_path, *TINY, *overrides, "finetune.tune_learning_rate=true")
        assert done.code == 0, done.err
        times.append((sweep.dense / "prepared.json").stat().st_mtime_ns)
    assert times[0] == times[1]
    table = trials(tmp_path)

    def finished(*origins: str) -> list[int]:
        numbers = table[table["origin"].isin(origins) & (table["state"] == "complete")]["number"]
        return [(sweep.trial(n) / "result.json").stat().st_mtime_ns for n in numbers]

    assert len(finished("auto")) > 1
    assert times[0] < min(finished("auto"))


def test_other_settings_are_refused_with_the_difference(folder: Path) -> None:
    done = run_train(folder, *SWEEP, "finetune.epochs=3")
    assert done.code == 2
    assert "finetune.epochs: 1 there, 3 now" in done.err


def test_a_seed_gives_the_same_accuracies_twice(folder: Path, tmp_path: Path) -> None:
    assert run_train(tmp_path, *SWEEP).code == 0
    same = ["number", "accuracy", "loss", "macs", "params"]
    pd.testing.assert_frame_equal(trials(folder)[same], trials(tmp_path)[same])


def test_pick_exports_what_was_measured_and_tests_it_once(folder: Path, picked: Run) -> None:
    [export] = (folder / "sweeps" / "tiny" / "picked").iterdir()
    table = trials(folder)
    smallest = table[table["front"]].sort_values("macs").iloc[0]
    assert export.name == f"{smallest['number']:04d}"
    metrics = json.loads((export / "metrics.json").read_text())
    assert metrics["validation"]["pruned"]["accuracy"] == smallest["accuracy"]
    tested = metrics["test"]["pruned"]
    assert 0 <= tested["accuracy"] <= 100
    # A second pick shows the figures of the first one instead of touching the test split again.
    metrics["test"]["pruned"]["accuracy"] = 12.5
    (export / "metrics.json").write_text(json.dumps(metrics))
    again = run_pick(folder, "tiny", "rule=min_macs")
    assert "test 12.50 %" in again.out
    metrics["test"]["pruned"] = tested
    (export / "metrics.json").write_text(json.dumps(metrics))


def test_load_model_gives_back_the_exported_model(folder: Path, picked: Run) -> None:
    [export] = (folder / "sweeps" / "tiny" / "picked").iterdir()
    model = paretoprune.load_model(export, trust=["tests.kits"])
    weights = load_file(export / "model.safetensors")
    assert model.state_dict().keys() == weights.keys()
    assert all(torch.equal(t, weights[name]) for name, t in model.state_dict().items())
    assert not model.training
    assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_load_model_trusts_no_package_by_itself(folder: Path, picked: Run) -> None:
    [export] = (folder / "sweeps" / "tiny" / "picked").iterdir()
    with pytest.raises(SettingsError, match="outside the trusted packages"):
        paretoprune.load_model(export)


def test_load_model_of_no_model(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is no exported model"):
        paretoprune.load_model(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("tinny",), "there is no sweep `tinny` in sweeps/; did you mean `tiny`?"),
        (("tiny", "trial=99"), "there is no trial 99 in this sweep"),
        (("tiny", "max_params=1"), "max_params"),
        (("tiny", "max_params=few"), "`max_params` must be a number, as in `50000`"),
        (("tiny", "rule=nicest"), "`rule=nicest` is not known"),
        (("tiny", "knee"), "`knee` is not understood; write `key=value`"),
    ],
)
def test_what_cannot_be_picked(folder: Path, arguments: tuple[str, ...], sentence: str) -> None:
    done = run_pick(folder, *arguments)
    assert done.code == 2
    assert sentence in done.err


def test_a_trial_whose_weights_were_exchanged_is_not_exported(tmp_path: Path) -> None:
    assert run_train(tmp_path, *SWEEP).code == 0
    table = trials(tmp_path)
    front = table[table["front"] & (table["origin"] != "dense")]["number"]
    weights = tmp_path / f"sweeps/tiny/trials/{front.iloc[0]:04d}/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    done = run_pick(tmp_path, "tiny", f"trial={front.iloc[0]}")
    assert done.code == 2
    assert not (tmp_path / "sweeps/tiny/picked").exists()


def test_a_single_run_hits_its_target(tmp_path: Path) -> None:
    done = run_train(tmp_path, *TINY, "sparsity.macs=0.5")
    assert done.code == 0, done.err
    [single] = (tmp_path / "sweeps").iterdir()
    table = paretoprune.load_sweep(single)
    dense, pruned = table["macs"].tolist()
    assert pruned <= 0.5 * dense
    assert table["state"].tolist() == ["complete", "complete"]


@pytest.mark.parametrize("schedule", ["iterative", "gradual"])
@pytest.mark.parametrize("scorer", ["taylor", "random"])
def test_schedules_and_scorers_work_together(tmp_path: Path, schedule: str, scorer: str) -> None:
    arguments = [*TINY, f"schedule={schedule}", f"scorer={scorer}", "finetune.epochs=3"]
    done = run_train(tmp_path, *arguments, "finetune.distillation=0.5", "sparsity.ratio=0.5")
    assert done.code == 0, done.err
    [single] = (tmp_path / "sweeps").iterdir()
    table = paretoprune.load_sweep(single)
    assert table["state"].tolist() == ["complete", "complete"]
    assert table["width/features.0"].tolist() == [8, 4]


def test_a_grid_of_single_runs(tmp_path: Path) -> None:
    done = run_train(tmp_path, "-m", *TINY, "sparsity.macs=0.4,0.7")
    assert done.code == 0, done.err
    folders = sorted((tmp_path / "sweeps").glob("single-*"))
    assert len(folders) == 2
    shares = []
    for folder in folders:
        dense, pruned = paretoprune.load_sweep(folder)["macs"]
        shares.append(pruned / dense)
    assert sorted(share <= 0.4 for share in shares) == [False, True]
    assert max(shares) <= 0.7


def test_smaller_models_are_trained_in_the_weights_of_a_larger_one(tmp_path: Path) -> None:
    shared = ("search=shared", "search.baseline_ratios=[0.5]", "search.n_trials=6", "name=shared")
    done = run_train(tmp_path, *TINY, *shared)
    assert done.code == 0, done.err
    results = SweepFolder(tmp_path / "sweeps" / "shared").read_results()
    trunk, *links = [result for result in results if result.origin == "shared"]
    assert trunk.nested and links[0].parent == trunk.number
    assert all(width <= trunk.widths[n] for one in trunk.nested for n, width in one.items())
    assert all(result.state in ("complete", "duplicate") for result in results)


def test_three_objectives_and_a_user_limit(tmp_path: Path) -> None:
    arguments = [
        *TINY,
        "search=chain",
        "search.n_trials=6",
        "name=three",
        "sparsity.max_params=900",
    ]
    done = run_train(
        tmp_path,
        *arguments,
        "search.baseline_ratios=[0.5]",
        "search.objectives.latency_ms=minimize",
    )
    assert done.code == 0, done.err
    table = paretoprune.load_sweep(tmp_path / "sweeps" / "three")
    front = table[table["front"]]
    assert len(front) > 0
    assert (front["params"] <= 900).all()
    assert table["state"].iloc[0] == "infeasible"
