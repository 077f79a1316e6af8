"""A sweep with `quantization.bits=auto`: one front of sizes and bits, continued and delivered."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from paretoprune.storage.sweep_folder import SweepFolder
from tests.kits.commands import TINY, run_pick, run_train

pytestmark = pytest.mark.timeout(600)  # other processes load torch again and again

SWEEP = (
    *TINY,
    "search=auto",
    "+search.budget=4epochs",
    "~search.n_trials",
    "search.strategy.num_sizes=3",
    "search.baseline_ratios=[]",
    "search.objectives={accuracy: maximize, size_bytes: minimize}",
    "quantization=mixed",
    "quantization.bits=auto",
    "measure.latency=false",
    "name=tiny",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    done = run_train(folder, *SWEEP)
    assert done.code == 0, done.err
    return folder


def front_of(folder: Path) -> pd.DataFrame:
    front = pd.read_csv(folder / "sweeps/tiny/front.csv", keep_default_na=False)
    return front.assign(key=front["number"].astype(str) + "-" + front["quantization"])


def test_trials_have_the_models_that_no_rival_beats(folder: Path) -> None:
    dense, *others = SweepFolder(folder / "sweeps/tiny").read_results()
    assert dense.quantized[0].name == "mixed8" and not dense.rivals
    trained = [result for result in others if result.curve]
    assert trained and all(result.rivals for result in trained)
    assert all(result.origin != "untrained" for result in others)
    assert front_of(folder)["quantization"].iloc[-1].startswith("mixed")


def test_the_same_command_continues(folder: Path) -> None:
    before = front_of(folder)
    done = run_train(folder, *SWEEP)
    assert done.code == 0, done.err
    pd.testing.assert_frame_equal(front_of(folder), before)


def test_the_measured_model_is_delivered(folder: Path) -> None:
    row = front_of(folder).iloc[-1]
    done = run_pick(folder, "tiny", f"trial={row['key']}")
    assert done.code == 0, done.err
    [export] = (folder / "sweeps/tiny/picked").iterdir()
    about = json.loads((export / "metrics.json").read_text())
    assert (about["trial"], about["quantization"]) == (row["number"], row["quantization"])
    assert (export / "model.compact.safetensors").stat().st_size == row["size_bytes"]
    [file] = [file for file in about["files"] if file["format"] == "compact"]
    assert file["quality"] == pytest.approx(row["accuracy"])
