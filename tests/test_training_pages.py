"""The pages on callbacks, optimizers, loggers and YAML files: their commands are right."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from paretoprune.cli import schema
from paretoprune.config.compose import CONF
from paretoprune.config.load import load_settings
from paretoprune.config.settings import Settings

HOW_TO = Path(__file__).resolve().parents[1] / "docs" / "how-to"
TRAINING = (HOW_TO / "trainer-and-loggers.md").read_text(encoding="utf-8")
YAML = (HOW_TO / "yaml.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    paretoprune train (.*)$", TRAINING, flags=re.MULTILINE)
CALLBACK = """
from lightning import Callback


class Mine(Callback):
    pass
"""


def settings_of(arguments: list[str], *folders: Path) -> Settings:
    """The settings of a command, which are checked and not run."""
    trust = [one[7:-1] for one in arguments if one.startswith("trust=")]
    rest = [one for one in arguments if not one.startswith("trust=")]
    rest = [f"++{one}" if "." in one.partition("=")[0] else one for one in rest]
    places = ",".join(f"file://{folder}" for folder in folders)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", [*rest, *([f"hydra.searchpath=[{places}]"] if places else [])])
    plain = OmegaConf.to_container(config, resolve=True)
    assert isinstance(plain, dict)
    return load_settings({str(name): value for name, value in plain.items()}, trust=trust)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.split("=")[-1][-12:])
def test_a_command_of_the_page_is_right(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_callbacks.py").write_text(CALLBACK)
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = settings_of(shlex.split(command))
    changed = (settings.trainer, settings.tracking, settings.finetune)
    plain = settings_of(["+sweep=resnet"])
    assert changed != (plain.trainer, plain.tracking, plain.finetune)


def test_the_page_has_all_kinds_of_commands() -> None:
    assert len(COMMANDS) == 8


def test_the_file_of_the_page_is_a_sweep(tmp_path: Path) -> None:
    [(name, text)] = re.findall(r'```yaml title="(.*?)"\n(.*?)```', YAML, flags=re.DOTALL)
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(text)
    [command] = re.findall(r"paretoprune train --config-dir (.*)\n```", YAML)
    folder, *arguments = shlex.split(command)
    settings = settings_of(arguments, tmp_path / folder)
    assert settings.name == "mine" and settings.finetune.epochs == 2
    assert settings.sparsity.caps == {"layer1.*": 0.5}
    assert settings.search is not None and settings.search.n_trials == 8


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    schema.main()
    assert json.loads(capsys.readouterr().out)["properties"]["finetune"]
    assert "python -m paretoprune.cli.schema" in YAML
