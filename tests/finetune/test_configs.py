"""The files under conf/ for training are settings, with every file checked."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from paretoprune.config.groups.finetune import FinetuneSettings

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
