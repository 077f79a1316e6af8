"""From a command line to plain settings: Hydra composes, and its complaints become sentences."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from paretoprune.config import FinetuneSettings
from paretoprune.errors import ParetopruneError, SettingsError

_PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = _PACKAGE.parents[1] / "conf"
CONF = _CHECKOUT if (_CHECKOUT / "config.yaml").is_file() else _PACKAGE / "conf"


def run_hydra(command: Callable[[Mapping[str, Any]], None]) -> None:
    """Compose the configs named on the command line and hand `command` the result.

    A ParetopruneError, or a mistake in the command line, is printed and ends with exit code 2.
    """
    # Hydra then raises its complaints instead of printing them its own way.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    # Threads that wait must not burn the core that the one they wait for needs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.path.insert(0, str(Path.cwd()))  # the user's own models, for the console script too

    @hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
    def application(config: DictConfig) -> None:
        plain = OmegaConf.to_container(config, resolve=True)
        assert isinstance(plain, dict)
        try:
            command({str(key): value for key, value in plain.items()})
        except ParetopruneError as error:
            fail(str(error))  # here, before Hydra adds words of its own

    try:
        sys.argv[1:] = _prepared_arguments(sys.argv[1:])
        _refuse_foreign_code(sys.argv[1:])
        application()
    except ParetopruneError as error:
        fail(str(error))
    except OverrideParseException as error:
        reason = error.message.splitlines()[-2]  # the last line is a link to Hydra's grammar
        fail(f"`{error.override.removeprefix('++')}` is not understood: {reason}")
    except (HydraException, OmegaConfBaseException) as error:
        fail(_first_paragraph(error))
    except KeyboardInterrupt:
        sys.exit(130)


def finetune_option(name: str) -> FinetuneSettings:
    """The settings of `finetune=NAME`. Raises SettingsError if there is no such option."""
    mistakes = _group_mistakes("finetune", name, [CONF])
    if mistakes:
        raise SettingsError(mistakes)
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("config", [f"finetune={name}"])
    plain = OmegaConf.to_container(config.finetune, resolve=True)
    assert isinstance(plain, dict)
    return FinetuneSettings(**{str(key): value for key, value in plain.items()})


def fail(message: str) -> None:
    """Print what is wrong and leave with exit code 2."""
    lines = message.splitlines()
    print("error: " + "\n       ".join(lines), file=sys.stderr)
    sys.exit(2)


def as_yaml(config: Mapping[str, Any]) -> str:
    """The composed config as YAML."""
    return OmegaConf.to_yaml(dict(config))


def _prepared_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments with each `key=value` allowed to name any key.

    Hydra stops at the first key that it does not know; our own check names all of them together.
    Raises SettingsError for options of config groups that do not exist.
    """
    folders = [CONF, *_extra_folders(arguments)]
    _refuse_a_grid_of_sweeps(arguments)
    groups = {path.name for folder in folders for path in folder.iterdir() if path.is_dir()}
    mistakes, prepared = [], []
    for before, argument in zip(["", *arguments], arguments, strict=False):
        key, separator, value = argument.partition("=")
        name = key.lstrip("+~")
        if key.startswith(("-", "~")) or (not separator and before.startswith("-")):
            prepared.append(argument)
        elif not separator or not name:
            mistakes.append(f"`{argument}` is not understood; write `key=value`, see --help")
        elif name in groups:
            mistakes += _group_mistakes(name, value, folders)
            prepared.append(argument)
        elif key == name and not name.startswith(("hydra.", "hydra/")):
            prepared.append(f"++{argument}")
        else:
            prepared.append(argument)
    if mistakes:
        raise SettingsError(mistakes)
    return prepared


def _refuse_a_grid_of_sweeps(arguments: Sequence[str]) -> None:
    searches = [a for a in arguments if a.lstrip("+").startswith(("sweep=", "search="))]
    if {"-m", "--multirun"} & set(arguments) and searches:
        raise SettingsError(
            [
                "`-m` makes a grid of single runs, and a sweep is a search of its own; "
                f"leave out `-m`, or leave out `{searches[0]}`"
            ]
        )


def _refuse_foreign_code(arguments: Sequence[str]) -> None:
    """Raises SettingsError where a config of the user's folders has Hydra itself call something.

    Hydra makes its callbacks before our own check of the settings can begin.
    """
    folders = [f"file://{folder.resolve()}" for folder in _extra_folders(arguments)]
    if not folders and not any("searchpath" in argument for argument in arguments):
        return
    overrides = [a for a in arguments if "=" in a and not a.startswith("-")]
    if folders:
        overrides.append(f"hydra.searchpath=[{','.join(folders)}]")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        node = compose("config", overrides, return_hydra_config=True).hydra
    called = sorted(set(_called_in(OmegaConf.to_container(node, resolve=False))))
    foreign = [name for name in called if not name.startswith(("hydra.", "hydra_plugins."))]
    if foreign:
        raise SettingsError(
            [f"`hydra` in a config calls `{name}`, which it must not" for name in foreign]
        )


def _called_in(value: object) -> Iterator[str]:
    """All that a config of Hydra's names to be called."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in ("_target_", "()", "class"):
                yield str(inner)
            else:
                yield from _called_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _called_in(inner)


def _extra_folders(arguments: Sequence[str]) -> list[Path]:
    """The folders that `--config-dir` adds."""
    found: list[Path] = []
    for index, argument in enumerate(arguments):
        option, separator, value = argument.partition("=")
        if option in ("--config-dir", "-cd"):
            found += [Path(value)] if separator else map(Path, arguments[index + 1 : index + 2])
    return [folder for folder in found if folder.is_dir()]


def _group_mistakes(group: str, value: str, folders: Sequence[Path]) -> list[str]:
    found = {path.stem for folder in folders for path in (folder / group).glob("*.yaml")}
    options = sorted(name for name in found if not name.startswith("_"))
    mistakes = []
    for option in value.split(","):
        if option not in found:
            close = difflib.get_close_matches(option, options, n=1)
            hint = f"did you mean `{close[0]}`? " if close else ""
            mistakes.append(
                f"there is no {group} `{option}`; {hint}there are: {', '.join(options)}"
            )
    return mistakes


def _first_paragraph(error: Exception) -> str:
    return str(error).strip().split("\n\n")[0]
