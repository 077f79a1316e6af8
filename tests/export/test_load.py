"""`load_model` on folders that are broken, absurd or a stranger's: our own error, and no code."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from paretoprune import load_model
from paretoprune.errors import ParetopruneError, SettingsError, WeightsError
from paretoprune.models import memory_limit, resnet20
from paretoprune.models.memory_limit import within_memory
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.groups import Groups
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.checkpoint import save_state
from paretoprune.pruning.structured.plan import Plan

CONFIG = {"model": {"_target_": "paretoprune.models.resnet20"}}
INFO = {"num_classes": 10, "input_shape": [1, 8, 8]}


@pytest.fixture(scope="module")
def files() -> dict[str, Any]:
    """Groups and a plan of a ResNet-20."""
    model = resnet20(num_classes=10, in_channels=1)
    groups = find_groups(model, torch.zeros(2, 1, 8, 8))
    plan = Plan({groups.prunable[0].name: (0, 1)})
    return {"groups": groups, "plan": plan, "pruned": apply_plan(model, groups.prunable, plan)}


@pytest.fixture
def folder(tmp_path: Path, files: dict[str, Any]) -> Iterator[Path]:
    """An export with all that `load_model` reads."""
    write(tmp_path / "config.yaml", yaml.safe_dump(CONFIG))
    write(tmp_path / "data.json", INFO)
    write(tmp_path / "groups.json", files["groups"].to_json())
    write(tmp_path / "plan.json", files["plan"].to_json())
    save_state(tmp_path / "model.safetensors", files["pruned"])
    yield tmp_path


def write(path: Path, content: object) -> None:
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def test_a_whole_folder_is_loaded(folder: Path) -> None:
    assert load_model(folder)(torch.zeros(1, 1, 8, 8)).shape == (1, 10)


ALL = ["config.yaml", "data.json", "groups.json", "plan.json", "model.safetensors"]


def remove(path: Path) -> None:
    path.unlink()


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def dangle(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def point_to_zeros(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def fill(path: Path) -> None:
    path.write_bytes(b"\xff\x00" * 50)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "damage",
    [remove, make_folder, dangle, make_pipe, point_to_zeros, truncate, empty, fill],
)
def test_a_file_that_is_none_is_reported(
    folder: Path, name: str, damage: Callable[[Path], None]
) -> None:
    if name == "config.yaml" and damage is truncate:
        write(folder / name, "model: [")
    else:
        damage(folder / name)
    with pytest.raises(WeightsError) as caught:
        load_model(folder)
    assert str(folder) in str(caught.value)


HUGE = 10_000_000_000
WRONG: list[tuple[str, object]] = [
    *(
        ("config.yaml", text)
        for text in ("[]", "1", "model: 3", "model: []", "model: {a: 1}", "{}")
    ),
    ("config.yaml", "model: {_target_: 3}"),
    (
        "config.yaml",
        "model: {_target_: torch.nn.Linear, in_features: 10, out_features: 10000000000}",
    ),
    ("config.yaml", "model: {_target_: torch.nn.Linear, in_features: x, out_features: 3}"),
    ("config.yaml", "model: {_target_: optuna.samplers.RandomSampler}"),
    ("config.yaml", "model: &a {_target_: torch.nn.Sequential, _args_: [*a]}"),
    ("config.yaml", "model: !!python/object/apply:os.system [true]"),
    *(("data.json", wrong) for wrong in ([], 1, {}, "null", '{"a": NaN}', "[" * 10_000)),
    *(
        ("data.json", {**INFO, key: wrong})
        for key in INFO
        for wrong in (None, "many", [], {}, 0, -1, 1.5, True, HUGE, [HUGE, 8, 8], ["a"], [[1]])
    ),
    *(("groups.json", wrong) for wrong in ([], 1, {}, {"prunable": 1, "kept": []})),
    *(("plan.json", wrong) for wrong in ([1], 1, {"nowhere": [0]}, {"conv1": 3})),
]


@pytest.mark.parametrize(("name", "content"), WRONG, ids=lambda value: str(value)[:40])
def test_wrong_content_is_reported(folder: Path, name: str, content: object) -> None:
    write(folder / name, content)
    with pytest.raises(ParetopruneError):
        load_model(folder)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        *(("width", wrong) for wrong in (HUGE, -1, 0, "16", 1.5, None)),
        *(("slots", wrong) for wrong in (3, [3], [{}], None)),
        ("slots", [{"tensor": "conv1.weight", "dim": 9, "start": 0, "size": 1}]),
        ("slots", [{"tensor": "conv1.weight", "dim": 0, "start": -3, "size": 1}]),
        ("slots", [{"tensor": "conv1.weight", "dim": 0, "start": HUGE, "size": 1}]),
        ("slots", [{"tensor": "conv1.weight", "dim": 0, "start": 0, "size": HUGE}]),
        ("slots", [{"tensor": "nowhere", "dim": 0, "start": 0, "size": 1}]),
        ("numbers", [{"module": "", "attribute": "forward", "per_channel": 1}]),
        ("numbers", [{"module": "", "attribute": "_modules", "per_channel": 1, "index": 0}]),
        ("numbers", [{"module": "", "attribute": "training", "per_channel": 1}]),
        ("block", {"path": "conv1", "leaves": "Module", "silent": []}),
        ("block", {"path": "conv1", "leaves": "__doc__", "silent": []}),
    ],
)
def test_absurd_groups_are_reported(folder: Path, key: str, wrong: object) -> None:
    groups = json.loads((folder / "groups.json").read_text())
    groups["prunable"][0][key] = wrong
    write(folder / "groups.json", groups)
    with pytest.raises(ParetopruneError):
        load_model(folder)


@pytest.mark.parametrize(
    ("key", "wrong", "sentence"),
    [
        ("width", HUGE, "a group of 10,000,000,000 channels is larger than any network"),
        (
            "block",
            {"path": "conv1", "leaves": "Module", "silent": []},
            "a removed block is replaced by one of",
        ),
        (
            "numbers",
            [{"module": "", "attribute": "training", "per_channel": 1}],
            "is not an integer",
        ),
    ],
)
def test_each_absurdity_is_named(folder: Path, key: str, wrong: object, sentence: str) -> None:
    groups = json.loads((folder / "groups.json").read_text())
    groups["prunable"][0][key] = wrong
    write(folder / "groups.json", groups)
    with pytest.raises(ParetopruneError, match=sentence):
        load_model(folder)


def test_a_strangers_class_is_named_with_what_to_add(folder: Path) -> None:
    write(
        folder / "config.yaml",
        "model: {_target_: tests.kits.own_model.OwnNet, width: 8}\ntrust: [tests]",
    )
    with pytest.raises(SettingsError, match=r'in Python, `trust=\["tests"\]`'):
        load_model(folder)
    with pytest.raises(ParetopruneError, match="no tensor"):  # it is called, and is another model
        load_model(folder, trust=["tests"])


def test_no_logger_of_a_strangers_config_is_built(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    logger = "{_target_: lightning.pytorch.loggers.CSVLogger, save_dir: logs}"
    for model in (logger, f"{{_target_: torch.nn.Sequential, _args_: [{logger}]}}"):
        write(folder / "config.yaml", f"model: {model}")
        with pytest.raises(SettingsError, match="CSVLogger"):
            load_model(folder)


def test_a_config_of_any_size_is_refused_at_once(folder: Path) -> None:
    with (folder / "config.yaml").open("ab") as stream:
        stream.truncate(2**30)
    with pytest.raises(WeightsError, match="at most 262,144 are read"):
        load_model(folder)


def test_numbers_to_read_positions_stay_plain(files: dict[str, Any]) -> None:
    assert Groups.from_json(files["groups"].to_json()) == files["groups"]


def test_memory_is_asked_for_before_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_limit, "memory_bytes", lambda: 8000)
    with within_memory():
        torch.nn.Linear(10, 50)
    for make in (
        lambda: torch.nn.Linear(100, 50),
        lambda: [torch.nn.Linear(10, 50) for _ in range(3)],
        lambda: torch.arange(10_000),
        lambda: torch.zeros(10, 1000),
        lambda: torch.nn.Transformer(4, 1, num_encoder_layers=10**10, dim_feedforward=4),
    ):
        with (
            pytest.raises(WeightsError, match="more memory than this machine has"),
            within_memory(),
        ):
            make()
    assert memory_limit.memory_bytes() == 8000
