"""The configs in conf/, composed by Hydra from options and single values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from paretoprune.config.model_builders import is_torchvision_name
from paretoprune.config.moved import named_training
from paretoprune.config.name_patterns import closest
from paretoprune.config.own.targets import OWN, with_own_arguments
from paretoprune.errors import SettingsError

_DOTTED = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+")  # a class, such as my_net.MyNet
_NUMBER = re.compile(r"[0-9.]+%?")
_ELSEWHERE = {
    f"tracking={name}": "`tracking.loggers` adds loggers beside MLflow: "
    "docs/how-to/trainer-and-loggers.md"
    for name in ("wandb", "tensorboard", "csv", "comet")
}
_PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = _PACKAGE.parents[1] / "conf"
CONF = _CHECKOUT if (_CHECKOUT / "config.yaml").is_file() else _PACKAGE / "conf"


def compose_options(options: Mapping[str, object]) -> dict[str, Any]:
    """Return the composed config as plain data, from options of groups and values of settings.

    A text under the name of a group takes that option (`scorer="taylor"`); a mapping sets some of
    a group's settings (`finetune={"epochs": 2}`), and a dotted name sets one
    (`{"finetune.epochs": 2}`).

    Raises SettingsError with a sentence for each option that there is not.
    """
    groups = {name: value for name, value in options.items() if _is_option(name, value)}
    found = [option_mistakes(name, str(value), [CONF])[0] for name, value in groups.items()]
    if mistakes := [mistake for each in found for mistake in each]:
        raise SettingsError(mistakes)
    values = {name: value for name, value in options.items() if name not in groups}
    chosen = _composed([f"{name}={value}" for name, value in groups.items()])

    def given(others: Sequence[str]) -> dict[str, Any]:
        return _with_values(_composed(others), values)

    config = _with_values(chosen, values)
    return named_training(with_own_arguments(config, chosen, given, groups=own_groups()))


def own_groups() -> list[str]:
    """The groups with an option `own`, which holds a `_target_` alone."""
    return sorted(path.parent.name for path in CONF.glob(f"*/{OWN}.yaml"))


def _composed(overrides: Sequence[str]) -> dict[str, Any]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = compose("config", list(overrides))
    plain = OmegaConf.to_container(composed, resolve=True)
    assert isinstance(plain, dict)
    return {str(name): value for name, value in plain.items()}


def _with_values(config: dict[str, Any], values: Mapping[str, object]) -> dict[str, Any]:
    for name, value in values.items():
        config = _with(config, name.split("."), value)
    return config


@cache
def targets_of(group: str) -> Mapping[str, str]:
    """Return the `_target_` of each config of a group, by the config's name.

    Configs that only change the options of another one have none, and are left out.
    """
    found: dict[str, str] = {}
    for file in sorted((CONF / group).glob("[!_]*.yaml")):
        loaded = OmegaConf.load(file)
        path = loaded.get("_target_") if isinstance(loaded, DictConfig) else None
        if isinstance(path, str):
            found[file.stem] = path
    return found


def described_groups(folders: Sequence[Path]) -> str:
    """Return a line for each config group in these folders, with the names of its options.

    Configs that others are made from, such as `_base`, are left out.
    """
    groups = sorted({path.parent.name for folder in folders for path in folder.glob("*/*.yaml")})
    return "\n".join(f"{group}: {', '.join(options_in(group, folders))}" for group in groups)


def options_in(group: str, folders: Sequence[Path]) -> list[str]:
    """Return the options of a group that configs in these folders define."""
    files = (path for folder in folders for path in (folder / group).glob("[!_]*.yaml"))
    return sorted({path.stem for path in files})


def option_mistakes(group: str, value: str, folders: Sequence[Path]) -> tuple[list[str], str]:
    """Return a sentence for each unknown option of a group, and the options probably meant.

    `value` may name several, as a grid of runs does. Where nothing is near, nothing was meant.
    """
    options = options_in(group, folders)
    mistakes, meant = [], []
    for option in value.split(","):
        if option in options:
            meant.append(option)
            continue
        close = closest(option, options)
        if instead := _instead(group, option, options):
            mistakes.append(f"there is no {group} `{option}`; {instead}")
            continue
        hint = f"did you mean `{close}`? " if close else ""
        mistakes.append(f"there is no {group} `{option}`; {hint}there are: {', '.join(options)}")
        meant += [close] if close else []
    return mistakes, ",".join(meant)


def _instead(group: str, option: str, options: Sequence[str]) -> str | None:
    """Return what to write instead of a value that is evidently no option's name."""
    if group == "model" and is_torchvision_name(option.lower()) and option.lower() not in options:
        return f"write `model=torchvision model.name={option.lower()}`"
    if OWN in options and _DOTTED.fullmatch(option):
        package, path = option.partition(".")[0], option.removesuffix(".py")
        path = path if "." in path else f"{path}.CLASS"
        return f"write `{group}={OWN} {group}._target_={path} trust=[{package}]`"
    if option.lower() in ("off", "false", "no") and "none" in options:
        return f"write `{group}=none`"
    settings = _settings_of(group) if not {"default", "none"}.isdisjoint(options) else []
    if settings and _NUMBER.fullmatch(option):
        return f"write `{group}.NAME={option}`, where NAME is one of: {', '.join(settings)}"
    return _ELSEWHERE.get(f"{group}={option.lower()}")


def _settings_of(group: str) -> list[str]:
    """Return the settings that the options of a group have; of those with a `_target_`, none."""
    files = sorted((CONF / group).glob("*.yaml"))
    loaded = [OmegaConf.load(file) for file in files]
    if any("_target_" in one for one in loaded):
        return []
    names = [str(name) for one in loaded for name in one if name not in ("defaults", "name")]
    return [*dict.fromkeys(names)]


def _is_option(name: str, value: object) -> bool:
    return isinstance(value, str) and (CONF / name).is_dir()


def _with(config: Mapping[str, Any], path: Sequence[str], value: object) -> dict[str, Any]:
    """Return the config with a value set; for a mapping, with each of its values set."""
    first, *deeper = path
    there = config.get(first)
    holder = there if isinstance(there, Mapping) else {}
    if deeper:
        return {**config, first: _with(holder, deeper, value)}
    # A mapping of objectives replaces the default ones; elsewhere the other settings keep their
    # values.
    if isinstance(value, Mapping) and first != "objectives":
        for key, inner in value.items():
            holder = _with(holder, str(key).split("."), inner)
        return {**config, first: dict(holder)}
    return {**config, first: value}
