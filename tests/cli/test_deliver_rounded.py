"""Picks in few bits: the compact file and the int8 files, checked, measured and reported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import paretoprune
from paretoprune.errors import WeightsError
from paretoprune.formats.compact import COMPACT_FILE
from tests.kits.commands import TINY, Run, run_pick, run_train

pytestmark = pytest.mark.timeout(600)  # other processes load torch again and again

SWEEP = (
    *TINY,
    "search=uniform",
    "search.n_trials=3",
    "search.baseline_ratios=[0.5]",
    "search.objectives={accuracy: maximize, stored_bytes: minimize}",
    "sparsity.max_stored_bytes=100k",
    "name=tiny",
)
FORMATS = ("compact", "onnx_int8", "openvino_int8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a front of accuracy and stored bytes was searched."""
    folder = tmp_path_factory.mktemp("project")
    done = run_train(folder, *SWEEP)
    assert done.code == 0, done.err
    return folder


@pytest.fixture(scope="module")
def picked(folder: Path) -> Run:
    done = run_pick(folder, "tiny", "rule=cheapest", f"format={','.join(FORMATS)}", "bits=4")
    assert done.code == 0, done.err
    return done


@pytest.fixture
def export(folder: Path, picked: Run, tmp_path: Path) -> Path:
    """The exported folder elsewhere, for a test to write to."""
    [own] = (folder / "sweeps/tiny/picked").iterdir()
    return shutil.copytree(own, tmp_path / "model")


def files_of(export: Path) -> dict[str, dict[str, Any]]:
    files = json.loads((export / "metrics.json").read_text())["files"]
    return {file["format"]: file for file in files}


def test_stored_bytes_are_an_objective_a_limit_and_a_column(folder: Path) -> None:
    table = pd.read_csv(folder / "sweeps/tiny/trials.csv")
    assert (table["stored_bytes"] < table["size_bytes"]).all()
    front = pd.read_csv(folder / "sweeps/tiny/front.csv")
    assert list(front["stored_bytes"]) == sorted(front["stored_bytes"], reverse=True)
    done = run_train(folder, *SWEEP[:-2], "sparsity.max_stored_bytes=10", "name=none")
    assert done.code == 2
    assert "of the smallest one, stored_bytes" in done.err
    assert "breaks `sparsity.max_stored_bytes=10`" in done.err


def test_every_file_was_checked_and_measured(export: Path, picked: Run) -> None:
    metrics = json.loads((export / "metrics.json").read_text())
    files, float_accuracy = files_of(export), metrics["validation"]["pruned"]["accuracy"]
    assert list(files) == ["safetensors", *FORMATS]
    for name in FORMATS:
        assert files[name]["reason"] is None, files[name]
        assert files[name]["bits"] == (4 if name == "compact" else 8)
        assert abs(files[name]["quality"] - float_accuracy) < (10 if name == "compact" else 1.5)
        assert f"{name:12s} weights in {files[name]['bits']} bits: " in picked.out
    assert files["compact"]["size_bytes"] == (export / COMPACT_FILE).stat().st_size
    for name in FORMATS[1:]:
        assert files[name]["agreement"] >= 99 and files[name]["kl"] < 0.01
        assert files[name]["latency_ms"] > 0 and files[name]["float_latency_ms"] > 0
    card = (export / "README.md").read_text()
    assert card.count("times as fast as float32 here") + card.count("NOT faster than float32") == 2
    assert 'onnxruntime.InferenceSession("model.int8.onnx")' in card


def test_a_compact_file_alone_is_enough_to_load(export: Path) -> None:
    inputs = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    trusted = {"trust": ["tests.kits"]}
    full = paretoprune.load_model(export, **trusted)
    compact = paretoprune.load_model(export, weights="compact", **trusted)
    (export / "model.safetensors").unlink()
    alone = paretoprune.load_model(export, **trusted)
    with torch.inference_mode():
        assert torch.equal(alone(inputs), compact(inputs))
        assert not torch.equal(alone(inputs), full(inputs))
    content = (export / COMPACT_FILE).read_bytes()
    (export / COMPACT_FILE).write_bytes(content[:-30])
    with pytest.raises(WeightsError, match="the compact file is damaged"):
        paretoprune.load_model(export, **trusted)
    (export / COMPACT_FILE).unlink()
    with pytest.raises(WeightsError, match=r"neither model\.safetensors nor model\.compact"):
        paretoprune.load_model(export, **trusted)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("format=compact", "bits=1"), "`bits=1`: weights are rounded to 2 (-1, 0, 1) up to 8"),
        (("format=compact", "bits=9"), "`bits=9`: weights are rounded to 2 (-1, 0, 1) up to 8"),
        (("format=compact", "bits=few"), "`bits=few` must be a whole number"),
        (("format=onnx", "bits=4"), "`bits=4` is about the compact file; add `format=compact`"),
    ],
)
def test_orders_that_make_no_sense(folder: Path, arguments: tuple[str, ...], sentence: str) -> None:
    done = run_pick(folder, "tiny", *arguments)
    assert done.code == 2
    assert sentence in done.err
