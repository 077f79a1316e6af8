"""Published parts of a sweep have no paths of a machine; arguments are settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from benchmarks.published_sweep import machine_paths, publish, write_table

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "sweeps" / "reference"
PUBLISHED = {"config.yaml", "front.csv", "front.png", "made.json", "report.html"}


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    folder = tmp_path / "sweeps" / "one"
    folder.mkdir(parents=True)
    table = "number,state,origin,front,mase,macs\n3,complete,auto,True,0.51239,4096\n"
    (folder / "front.csv").write_text(table)
    (folder / "front.png").write_bytes(b"picture")
    (folder / "report.html").write_text(f"<p>{folder}/sweep.log</p>")
    settings = {"path": str(tmp_path / "data" / "a.csv"), "sweeps_dir": str(tmp_path / "sweeps")}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def names_of(root: Path) -> dict[str, str]:
    return machine_paths(data=root / "data", sweeps=root / "sweeps", checkout=root)


def test_paths_of_the_machine_are_replaced_and_weights_left_out(
    sweep: Path, tmp_path: Path
) -> None:
    target = tmp_path / "reference" / "one"
    publish(sweep, target, names_of(tmp_path))
    assert {path.name for path in target.iterdir()} == PUBLISHED - {"made.json"}
    settings = yaml.safe_load((target / "config.yaml").read_text())
    assert settings == {"path": "DATA/a.csv", "sweeps_dir": "sweeps"}
    assert (target / "report.html").read_text() == "<p>sweeps/one/sweep.log</p>"


def test_a_path_that_is_left_is_refused(sweep: Path, tmp_path: Path) -> None:
    (sweep / "config.yaml").write_text("weights: /mnt/disk/model.pt\n")
    with pytest.raises(ValueError, match=r"/mnt/disk/model\.pt"):
        publish(sweep, tmp_path / "one", names_of(tmp_path))


def test_a_large_report_is_left_out(sweep: Path, tmp_path: Path) -> None:
    (sweep / "report.html").write_text("x" * 300_000)
    publish(sweep, tmp_path / "one", names_of(tmp_path))
    assert not (tmp_path / "one" / "report.html").exists()


def test_the_table_has_the_front_of_each_sweep(sweep: Path, tmp_path: Path) -> None:
    publish(sweep, tmp_path / "reference" / "one", names_of(tmp_path))
    made = {
        "command": "run it",
        "runs": "train seed=0",
        "cpu_seconds": 12,
        "processor": "a CPU",
        "seed": 0,
        "torch": "2",
    }
    (tmp_path / "reference" / "one" / "made.json").write_text(json.dumps(made))
    write_table(tmp_path / "reference")
    text = (tmp_path / "reference" / "README.md").read_text()
    assert (
        "`run it`: 12 CPU s, a CPU, one thread, seed 0, torch 2. It runs\n\n    train seed=0\n"
        in text
    )
    assert "| macs | mase |\n|---|---|\n| 4,096 | 0.5124 |" in text


@pytest.mark.parametrize("folder", sorted(REFERENCE.glob("*/")), ids=lambda path: path.name)
def test_published_sweeps_are_complete_and_say_how_they_were_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from reference_sweeps import arguments_of

    assert {path.name for path in folder.iterdir()} <= PUBLISHED
    made = json.loads((folder / "made.json").read_text())
    settings = yaml.safe_load((folder / "config.yaml").read_text())
    assert settings["name"] == folder.name
    assert settings["seed"] == made["seed"]
    assert made["command"] == f"python benchmarks/reference_sweeps.py {folder.name} --data DATA"
    assert made["runs"].split()[3:] == arguments_of(folder.name, "DATA")
    assert f"## {folder.name}\n" in (REFERENCE / "README.md").read_text()


def test_the_arguments_of_every_reference_sweep_are_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from front_quality import compose_settings
    from reference_sweeps import SWEEPS, arguments_of

    for name in SWEEPS:
        settings = compose_settings(arguments_of(name, "DATA"))
        assert settings.search is not None
        assert settings.search.budget is None  # trials: the same seed gives the same front
