"""A sweep with `quantization=int8`: quantized models on the front, picked and delivered."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

from paretoprune.formats.int8 import INT8_FORMATS
from tests.kits.commands import TINY, run_pick, run_train

pytestmark = pytest.mark.timeout(600)  # other processes load torch again and again

SWEEP = (
    *TINY,
    "search=uniform",
    "search.n_trials=3",
    "search.baseline_ratios=[0.5]",
    "search.objectives={accuracy: maximize, size_bytes: minimize}",
    "quantization=int8",
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


def test_the_smallest_models_of_the_front_are_quantized(folder: Path) -> None:
    front = front_of(folder)
    assert front["quantization"].iloc[-1] == "int8"
    page = (folder / "sweeps/tiny/report.html").read_text()
    assert '"numerics":[{"trial":"' in page
    assert "own at least" in page


def test_the_measured_model_is_delivered(folder: Path) -> None:
    row = front_of(folder).iloc[-1]
    done = run_pick(folder, "tiny", f"trial={row['key']}")
    assert done.code == 0, done.err
    export = folder / "sweeps/tiny/picked" / f"{row['number']:04d}-int8"
    about = json.loads((export / "metrics.json").read_text())
    assert (about["trial"], about["quantization"]) == (row["number"], "int8")
    [file] = [file for file in about["files"] if file["format"] == "onnx_int8"]
    assert file["reason"] is None
    assert file["numerics"].startswith("numerical error on validation samples: own at least ")
    assert f"; {file['numerics']}" in (export / "README.md").read_text()
    # The engine rounds ties differently: a sample or two of the validation part.
    assert file["quality"] == pytest.approx(row["accuracy"], abs=2)
    assert about["validation"]["pruned"]["size_bytes"] == row["size_bytes"]
    content = {"model.int8.onnx": (export / "model.int8.onnx").read_bytes()}
    inputs = torch.zeros(2, *json.loads((export / "data.json").read_text())["input_shape"])
    assert INT8_FORMATS["onnx_int8"].open(content, None)(inputs).shape[0] == 2
    assert f"trial {row['key']}" in (export / "README.md").read_text().splitlines()[0]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("trial=7-int8",), "there is no trial 7-int8 in this sweep; the front is: "),
        (("trial=1-",), "`trial=1-` must be the number of a trial"),
        (("trial=KEY", "epochs=2"), "`epochs` is about the float model"),
        (("trial=KEY", "seeds=1"), "`seeds` is about the float model"),
        (("trial=KEY", "register=m"), "`register` is about the float model"),
    ],
)
def test_what_a_quantized_model_cannot_be_asked_is_reported(
    folder: Path, options: tuple[str, ...], sentence: str
) -> None:
    key = front_of(folder)["key"].iloc[-1]
    done = run_pick(folder, "tiny", *(option.replace("KEY", key) for option in options))
    assert done.code == 2
    assert sentence in done.err


def test_the_same_command_continues(folder: Path) -> None:
    before = front_of(folder)
    done = run_train(folder, *SWEEP)
    assert done.code == 0, done.err
    pd.testing.assert_frame_equal(front_of(folder), before)
