"""The files under conf/ for training and schedules are settings, with every file checked."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.groups.schedule import ScheduleSettings
from paretoprune.finetune.pruning_steps import stages

CONF = Path(__file__).parents[2] / "conf"


def values(group: str, name: str) -> dict[str, object]:
    """The file with what it builds upon, which Hydra would merge in the same order."""
    loaded = dict(OmegaConf.to_container(OmegaConf.load(CONF / group / f"{name}.yaml")))
    base = [entry for entry in loaded.pop("defaults", []) if entry != "_self_"]
    merged: dict[str, object] = {}
    for entry in base:
        merged |= values(group, entry)
    return merged | loaded


@pytest.mark.parametrize(("name", "epochs"), [("default", 4), ("short", 1), ("long", 40)])
def test_finetune(name: str, epochs: int) -> None:
    assert FinetuneSettings(**values("finetune", name)).epochs == epochs


def test_the_default_file_says_what_the_code_does() -> None:
    assert FinetuneSettings(**values("finetune", "default")) == FinetuneSettings()
    assert len(list((CONF / "finetune").iterdir())) == 3


SCHEDULES = {
    "one_shot": 1,
    "iterative": 3,
    "gradual": 1,
    "one_by_one": 1,
    "lottery": 3,
    "regrow": 1,
    "overgrow": 1,
    "at_init": 1,
}


@pytest.mark.parametrize(("name", "count"), SCHEDULES.items())
def test_schedule(name: str, count: int) -> None:
    settings = ScheduleSettings(**values("schedule", name))
    assert settings.name == name.replace("overgrow", "regrow")
    assert len(stages(settings, 6)) == count
    assert {path.stem for path in (CONF / "schedule").iterdir()} == {*SCHEDULES}
