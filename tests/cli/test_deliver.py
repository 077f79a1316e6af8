"""Picked models handed over: formats, snippets, longer training, other seeds."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import paretoprune
from paretoprune.export.folder import files_of
from paretoprune.export.verify import Answer
from paretoprune.export.write import compared, write_formats
from paretoprune.formats.registry import FORMATS
from paretoprune.number_format import written
from tests.kits.commands import TINY, Run, run_pick, run_train

pytestmark = pytest.mark.timeout(600)  # other processes load torch again and again

ROOT = Path(__file__).resolve().parents[2]
GRAPHS = [name for name in FORMATS if name != "executorch" or find_spec("executorch")]
SWEEP = (*TINY, "search=chain", "search.n_trials=5", "search.baseline_ratios=[0.5]", "name=tiny")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a chain was searched."""
    folder = tmp_path_factory.mktemp("project")
    done = run_train(folder, *SWEEP)
    assert done.code == 0, done.err
    return folder


@pytest.fixture(scope="module")
def number(folder: Path) -> int:
    """The smallest member of the front that has a parent."""
    table = paretoprune.load_sweep(folder / "sweeps/tiny")
    members = table[table["front"] & (table["origin"] == "chain")]
    return int(members.sort_values("macs")["number"].iloc[0])


@pytest.fixture(scope="module")
def picked(folder: Path, number: int) -> Run:
    formats = f"format={','.join(GRAPHS)}"
    done = run_pick(folder, "tiny", f"trial={number}", formats, "licence=MIT")
    assert done.code == 0, done.err
    return done


@pytest.fixture(scope="module")
def handed_over(folder: Path, number: int, picked: Run) -> Path:
    """A copy of the exported folder elsewhere: what a stranger gets."""
    return shutil.copytree(folder / f"sweeps/tiny/picked/{number:04d}", folder / "handed over")


@pytest.fixture
def export(handed_over: Path, tmp_path: Path) -> Path:
    """The stranger's folder, for a test to write to."""
    return shutil.copytree(handed_over, tmp_path / "model")


def metrics_of(export: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((export / "metrics.json").read_text())
    return content


def test_every_format_is_there_and_was_checked(export: Path, picked: Run) -> None:
    files = metrics_of(export)["files"]
    assert [file["format"] for file in files] == ["safetensors", *GRAPHS]
    for file in files:
        assert file["reason"] is None and file["difference"] < 1e-5
        assert {path.name for path in export.iterdir()}.issuperset(files_of(file["format"]))
        if file["format"] in GRAPHS:
            assert file["latency_ms"] > 0 and file["dense_latency_ms"] > 0
            assert file["speedup"] > 0 and file["time_spread"] >= 0 and file["contention"] >= 1
            ms = written("latency_ms", file["latency_ms"], spread=file["time_spread"])
            assert f"{ms} in {FORMATS[file['format']].engine} (dense" in picked.out
    assert "onnx         differs from the measured model by at most" in picked.out
    assert "Licence: MIT." in (export / "README.md").read_text()


def test_the_line_that_pick_prints_loads_the_model(
    folder: Path, picked: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    [line] = re.findall(r"^load it with: (paretoprune\..*)$", picked.out, re.MULTILINE)
    monkeypatch.chdir(folder)
    model = eval(line, {"paretoprune": paretoprune})
    assert isinstance(model, nn.Module) and model(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_the_cards_snippets_run_in_fresh_processes(export: Path) -> None:
    """With the export alone, and as little else as the card says: the same classes."""
    card = (export / "README.md").read_text()
    snippets = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1))
    np.save(export / "images.npy", images)
    snippets = [s.replace("np.zeros((1, 8, 8, 1))", 'np.load("images.npy")') for s in snippets]
    assert all("images.npy" in snippet for snippet in snippets)
    expected = [str(expected_classes(export, images))]
    *graphs, own = snippets
    assert len(graphs) == len(GRAPHS)
    for code in graphs:
        packages = ("paretoprune",) if "import torch" in code else ("torch", "paretoprune")
        assert answers_of(export, barred(code, *packages)) == expected
    assert answers_of(export, own) == expected


def answers_of(export: Path, code: str) -> list[str]:
    """Return the output of a fresh process that runs the code in the export's folder."""
    paths = f"import sys; sys.path += {[str(ROOT / 'src'), str(ROOT)]}\n"
    command = [sys.executable, "-c", paths + code]
    home = os.environ | {"HOME": str(export)}  # where OpenVINO keeps an identity of its user
    done = subprocess.run(command, cwd=export, env=home, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def barred(code: str, *packages: str) -> str:
    """The code, to be run where these packages cannot be imported."""
    bar = f"sys.modules.update(dict.fromkeys({packages}))\n"
    lift = "".join(f"del sys.modules[{name!r}]\n" for name in packages)
    return f"{bar}{code}\n{lift}"


def expected_classes(export: Path, images: np.ndarray) -> list[str]:
    """By the library's own way of loading, normalised by hand."""
    about = json.loads((export / "preprocessing.json").read_text())
    inputs = (torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - about["mean"][0]) / about["std"][
        0
    ]
    model = paretoprune.load_model(export, trust=["tests.kits"])
    with torch.inference_mode():
        return [about["classes"][int(index)] for index in model(inputs.float()).argmax(1)]


def test_the_test_part_has_an_interval_and_a_comparison(export: Path, picked: Run) -> None:
    test = metrics_of(export)["test"]
    low, high = test["interval"]
    assert 0 <= low < test["pruned"]["accuracy"] < high <= 100
    comparison = test["comparison"]
    counts, recalls = comparison["class_counts"], comparison["pruned_recall"]
    right = sum(count * recall for count, recall in zip(counts, recalls, strict=True))
    assert right / sum(counts) == pytest.approx(test["pruned"]["accuracy"], abs=1e-4)
    lost = comparison["only_dense_right"] - comparison["only_pruned_right"]
    points = test["dense"]["accuracy"] - test["pruned"]["accuracy"]
    assert 100 * lost / sum(counts) == pytest.approx(points, abs=1e-4)
    assert "95 % interval of the test" in picked.out


def test_longer_training_other_seeds_and_several_at_once(folder: Path, number: int) -> None:
    front = pd.read_csv(folder / "sweeps/tiny/front.csv")["number"]
    other = next(n for n in front if n != number)
    done = run_pick(folder, "tiny", f"trial={number},{other}", "epochs=1", "seeds=2")
    assert done.code == 0, done.err
    assert done.out.count("is exported to") == 2
    assert (folder / f"sweeps/tiny/picked/{other:04d}-1-epochs").is_dir()
    export = folder / f"sweeps/tiny/picked/{number:04d}-1-epochs"
    metrics = metrics_of(export)
    assert metrics["extra_epochs"] == 1
    table = paretoprune.load_sweep(folder / "sweeps/tiny").set_index("number")
    # It keeps the weights that it came with where none are better.
    assert metrics["validation"]["pruned"]["accuracy"] >= table.loc[number, "accuracy"]
    assert metrics["validation"]["pruned"]["macs"] == table.loc[number, "macs"]
    first, second = metrics["repeats"]
    assert len({first["seed"], second["seed"], metrics["seed"]}) == 3
    assert first["validation"] != second["validation"] or first["test"] != second["test"]
    assert "2 repetitions: validation" in done.out
    # Picked again without `seeds`, what they gave stays on record, as do the figures of the test.
    assert run_pick(folder, "tiny", f"trial={number}", "epochs=1").code == 0
    again = metrics_of(export)
    assert (again["repeats"], again["test"]) == (metrics["repeats"], metrics["test"])
    card = (export / "README.md").read_text()
    # The link and the one before it were trained for an epoch each, and it for one more.
    assert re.search(r"Trained for \d+ epochs in total, along its lineage", card)
    assert f"| {first['seed']} | {first['validation']:.2f} % | {first['test']:.2f} % |" in card


def test_what_seeds_gave_is_drawn_in_the_report_at_once(folder: Path, number: int) -> None:
    assert run_pick(folder, "tiny", f"trial={number}", "seeds=1").code == 0
    page = (folder / "sweeps/tiny/report.html").read_text()
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', page, re.S)
    assert found
    content = json.loads(found[1])
    [trial] = [trial for trial in content["trials"] if trial["number"] == number]
    low, high, count = trial["spread"]["accuracy"]
    [repeat] = metrics_of(folder / f"sweeps/tiny/picked/{number:04d}")["repeats"]
    assert repeat["validation"] in (low, high) and count == 2


class Branching(nn.Module):
    """The same function, written so that no graph can hold it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.model(x) if x.sum() > -1e9 else x
        return out


def test_what_cannot_be_a_graph_has_its_reason_and_the_rest_is_written(export: Path) -> None:
    model = Branching(paretoprune.load_model(export, trust=["tests.kits"]))
    (export / "model.onnx").unlink()
    inputs = torch.randn(4, 1, 8, 8)
    weights, onnx = write_formats(
        export, model, inputs, formats=["safetensors", "onnx"], trust=["tests.kits"]
    )
    assert weights.reason is None and weights.difference == pytest.approx(0, abs=1e-6)
    assert onnx.reason is not None and "torch.export cannot take it" in onnx.reason
    assert not (export / "model.onnx").exists()


def of_value(value: float, *, rows: int = 3) -> Answer:
    """Return outputs of one value, those of the first sample alone being right."""
    return Answer(
        alone={"output": torch.full((1, 2), 5.0)},
        together={"output": torch.full((rows, 2), value)},
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (of_value(5.0, rows=3), None),
        (of_value(5.0004, rows=3), None),
        (of_value(5.001, rows=3), "differ from PyTorch's by up to 0.001"),
        (of_value(float("nan"), rows=3), "differ from PyTorch's by up to nan"),
        (of_value(5.0, rows=2), "`output` has the shape (2, 2), that of the model (3, 2)"),
        (Answer(reason="OSError: no"), "a fresh process cannot run it: OSError: no"),
    ],
)
def test_files_that_compute_something_else_are_reported(answer: Answer, reason: str | None) -> None:
    facts = compared("onnx", answer, of_value(5.0))
    assert facts.reason is None if reason is None else reason in str(facts.reason)


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        (
            "format=tflite",
            "there is no format `tflite`; there are: safetensors, executorch, onnx",
        ),
        ("seeds=none", "`seeds=none` must be a whole number, 1 or more"),
        ("epochs=0", "`epochs=0` must be a whole number, 1 or more"),
        ("finetune=lng", "there is no finetune `lng`; did you mean `long`?"),
        ("n=3", "`n` needs `rule=spread`"),
    ],
)
def test_orders_that_make_no_sense(folder: Path, argument: str, sentence: str) -> None:
    done = run_pick(folder, "tiny", argument)
    assert done.code == 2
    assert sentence in done.err
