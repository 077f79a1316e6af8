"""A pruned model on disk: reloads bit-equal from plan and weights, and damage is reported."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from paretoprune.errors import WeightsError
from paretoprune.problem.forms import load_delivered
from paretoprune.pruning.dependency.proof import random_plan
from paretoprune.pruning.groups import Groups
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.checkpoint import load_state, save_state
from paretoprune.pruning.structured.plan import Plan
from tests.kits import networks


def test_reload_is_bit_equal(case, tmp_path: Path) -> None:
    plan = random_plan(case.groups, seed=6)
    pruned = apply_plan(case.model, case.groups, plan)
    save_state(tmp_path / "weights.safetensors", pruned)
    (tmp_path / "plan.json").write_text(json.dumps(plan.to_json()))
    (tmp_path / "groups.json").write_text(json.dumps(Groups(case.groups).to_json()))

    fresh = networks.build(case.name, seed=99)
    again = load_delivered(
        fresh,
        Groups.from_json(json.loads((tmp_path / "groups.json").read_text())),
        Plan.from_json(json.loads((tmp_path / "plan.json").read_text())),
        tmp_path / "weights.safetensors",
    )
    assert torch.equal(again(case.example), pruned(case.example))
    for name, tensor in pruned.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)


def test_the_file_is_smaller_and_without_pickle(vgg, tmp_path: Path) -> None:
    save_state(tmp_path / "dense.safetensors", vgg.model)
    pruned = apply_plan(vgg.model, vgg.groups, Plan({"classifier.0": tuple(range(19))}))
    save_state(tmp_path / "pruned.safetensors", pruned)
    sizes = [(tmp_path / f"{n}.safetensors").stat().st_size for n in ("pruned", "dense")]
    gone = 19 * (48 + 1 + 5)  # elements: a row of inputs, a bias, a column of outputs each
    assert sizes[1] - sizes[0] == pytest.approx(4 * gone, abs=50)
    assert set(load_file(tmp_path / "pruned.safetensors")) == set(pruned.state_dict())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dense.safetensors", "pruned.safetensors"]


def test_shared_and_strided_tensors_are_saved(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Conv2d(3, 4, 3))
    model.to(memory_format=torch.channels_last)
    model[1].weight = model[0].weight
    save_state(tmp_path / "new" / "w.safetensors", model)
    before = model[0].weight.detach().clone()
    with torch.no_grad():
        model[0].weight.zero_()
    load_state(model, tmp_path / "new" / "w.safetensors")
    assert torch.equal(model[1].weight, before)


def test_a_failed_write_leaves_the_old_file(vgg, tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "w.safetensors"
    save_state(path, vgg.model)
    before = path.read_bytes()

    def fail(descriptor: int) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        save_state(path, vgg.model)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("length", [0, 4, 200, -1])
def test_a_truncated_file_is_reported(vgg, tmp_path: Path, length: int) -> None:
    path = tmp_path / "w.safetensors"
    save_state(path, vgg.model)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(WeightsError, match=r"w\.safetensors is damaged"):
        load_state(networks.build("vgg"), path)


def test_what_does_not_fit_is_named(vgg, resnet, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    with pytest.raises(WeightsError, match="no weights file"):
        load_state(vgg.model, path)
    save_state(path, vgg.model)
    with pytest.raises(WeightsError, match="lacks"):
        load_state(resnet.model, path)
    with pytest.raises(WeightsError, match=r"`features.0.weight` is \(8, 3, 3, 3\)"):
        load_delivered(vgg.model, Groups(vgg.groups), Plan({"features.0": (1,)}), path)
    with pytest.raises(WeightsError, match="float64"):
        load_state(networks.build("vgg").double(), path)
    with pytest.raises(WeightsError, match=r"beyond those of the model, 14 tensors: features\.0"):
        load_state(nn.Sequential(OrderedDict(classifier=vgg.model.classifier)), path)
