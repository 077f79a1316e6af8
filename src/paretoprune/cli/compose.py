"""From a command line to plain settings: Hydra composes, and its errors become sentences."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

import hydra
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from paretoprune.cli.closed_pipe import quiet_on_closed_pipe
from paretoprune.cli.command_line import CommandLine, read_command_line
from paretoprune.cli.display.memory import memory_sentence
from paretoprune.cli.foreign.config_files import check_added_files, composing_problem
from paretoprune.cli.foreign.references import refuse_endless_references
from paretoprune.cli.foreign_configs import (
    refuse_cluster,
    refuse_hydra_settings,
    refuse_resolvers,
    trust_mistakes,
)
from paretoprune.config.compose import CONF, compose_options, described_groups, own_groups
from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.invocation import in_callers_form
from paretoprune.config.moved import named_training
from paretoprune.config.own.code import described, message_of, place_of
from paretoprune.config.own.targets import with_own_arguments
from paretoprune.config.redact import redact
from paretoprune.errors import ParetopruneError, SettingsError

Config = Mapping[str, Any]
S = TypeVar("S", covariant=True)


class Check(Protocol[S]):
    """Makes values of a composed config and of the packages that the command line trusts."""

    def __call__(self, config: Config, *, trust: Sequence[str]) -> S:
        """Raises SettingsError with all that is wrong."""
        ...


@quiet_on_closed_pipe()
def run_hydra(check: Check[S], command: Callable[[S, Config], None], *, usage: str) -> None:
    """Compose the configs named on the command line, `check` the result and run `command`.

    `usage` stands above the groups and their options in the command's `--help`.

    A ParetopruneError, or a mistake in the command line, is printed and ends with exit code 2. All
    mistakes of the command line and all that `check` finds are reported together.
    """
    # Hydra then raises its complaints instead of printing them its own way.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    disable_spinning()

    @hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
    def application(config: DictConfig) -> None:
        try:
            hydra_config = HydraConfig.get()
            plain = _settled(
                line, config, hydra_config.overrides.task, hydra_config.runtime.choices
            )
            command(_checked(check, plain, line), {**plain, "trust": [*line.trust]})
        except Exception as error:
            fail_with(error)  # here, before Hydra adds words of its own

    if "--version" in sys.argv[1:]:
        print_version()
        return
    try:
        asks_help = bool({"-h", "--help"} & set(sys.argv[1:]))
        if asks_help:
            print(in_callers_form(usage))
        line = read_command_line(sys.argv[1:])
        sys.argv[1:] = line.arguments
        find_own_code(line.trust)
        check_added_files()
        _refuse_foreign_code(line)
        _refuse_mistakes(line, check)
        if asks_help:
            print(f"Groups (group=option):\n{described_groups(line.folders)}")
            return
        application()
    except (ParetopruneError, OSError) as error:
        fail_with(error)
    except (HydraException, OmegaConfBaseException) as error:
        fail(str(error).strip().split("\n\n")[0])
    except KeyboardInterrupt:
        sys.exit(130)


def disable_spinning() -> None:
    """Have the threads of OpenMP sleep while they wait, in this process and those it starts.

    Threads that spin take the core that others need, and are counted as work by processor time.
    OpenMP reads the variable when torch is imported.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def finetune_option(name: str) -> FinetuneSettings:
    """The settings of `finetune=NAME`. Raises SettingsError if there is no such option."""
    return FinetuneSettings(**compose_options({"finetune": name})["finetune"])


def fail(message: str, *, code: int = 2) -> NoReturn:
    """Print the error and exit with its code."""
    lines = redact(message).splitlines()
    print("error: " + "\n       ".join(lines), file=sys.stderr)
    sys.exit(code)


def fail_with(error: Exception) -> NoReturn:
    """Print an error of ours, of a user's code, or of a file, and leave; raise any other again."""
    if sentence := memory_sentence(error):
        fail(sentence, code=1)
    if isinstance(error, ParetopruneError):
        fail(message_of(error), code=error.exit_code)
    if place_of(error) is not None:
        fail(f"your code raised {described(error)}", code=1)
    if isinstance(error, OSError) and error.filename is not None:
        place = error.filename2 or error.filename
        fail(f"{place}: {error.strerror}; make it accessible, or move it out of the way")
    raise error


def print_version() -> None:
    """Print the version of this package."""
    print(f"paretoprune {metadata.version('paretoprune')}")


def as_yaml(config: Config) -> str:
    """The composed config as YAML."""
    return OmegaConf.to_yaml(dict(config))


def find_own_code(trust: Sequence[str]) -> None:
    """Let modules of the current folder be imported, for the console script too.

    Only where some are trusted: in a stranger's folder a file `torch.py` may lie.
    """
    if trust:
        sys.path.insert(0, str(Path.cwd()))


def _checked(check: Check[S], plain: Config, line: CommandLine) -> S:
    """Return the result of `check` for a config; mistakes include trust that a file gives."""
    mistakes = trust_mistakes(plain.get("trust"), line.trust)
    try:
        checked = check(plain, trust=line.trust)
    except SettingsError as error:
        raise SettingsError([*mistakes, *error.mistakes]) from None
    if mistakes:
        raise SettingsError(mistakes)
    return checked


def _refuse_mistakes(line: CommandLine, check: Check[Any]) -> None:
    """Raises SettingsError with the mistakes of the command line and those of its settings.

    Of a grid every run is checked before the first begins. Where the arguments are right and make
    one run, the settings are checked by that.
    """
    if not (line.mistakes or line.is_grid):
        return
    found: dict[str, None] = {}  # each once, in order
    for overrides in _runs(line.overrides):
        try:
            _checked(check, _composed_settings(line, overrides), line)
        except SettingsError as error:
            found |= dict.fromkeys(error.mistakes)
        except (HydraException, OmegaConfBaseException):
            if not line.mistakes:
                raise  # otherwise it is reported once these are right
    if mistakes := line.all_mistakes(list(found)):
        raise SettingsError(mistakes)


def _runs(overrides: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The overrides of each run of a grid; without one, of the only run."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    choices = [
        [f"{one.get_key_element()}={value}" for value in one.sweep_string_iterator()]
        if one.is_sweep_override()
        else [text]
        for one, text in zip(parsed, overrides, strict=True)
    ]
    return itertools.product(*choices)


def _composed(
    line: CommandLine, overrides: Sequence[str], *, hydra_too: bool = False
) -> DictConfig:
    folders = [f"file://{folder.resolve()}" for folder in line.folders if folder != CONF]
    path = [f"hydra.searchpath=[{','.join(folders)}]"] if folders else []
    running = GlobalHydra.instance().hydra  # a command that has begun composes its own configs anew
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return compose("config", [*overrides, *path], return_hydra_config=hydra_too)
    except ParetopruneError:
        raise
    except Exception as error:  # Hydra has no type of error for all that may be wrong in a file
        if not line.adds_folders:
            raise
        raise SettingsError([composing_problem(error)]) from error
    finally:
        GlobalHydra.instance().hydra = running


def _composed_settings(line: CommandLine, overrides: Sequence[str]) -> dict[str, Any]:
    composed = _composed(line, overrides, hydra_too=True)
    choices = composed.hydra.runtime.choices
    with open_dict(composed):
        del composed["hydra"]
    return _settled(line, composed, overrides, choices)


def _settled(
    line: CommandLine, config: DictConfig, overrides: Sequence[str], choices: Config
) -> dict[str, Any]:
    """The config as plain data, without arguments of options whose `_target_` was replaced.

    `choices` are the options that were composed, by group.
    """
    plain = _plain(config)
    if not (line.adds_folders or any("_target_" in one for one in overrides)):
        return named_training(plain)  # only our own options name a `_target_`
    groups = own_groups()
    places = [one for one in line.overrides if one.startswith("hydra.searchpath=")]
    values = [one for one in overrides if not one.startswith("~") and one not in places]

    def given(others: Sequence[str]) -> Config:
        replaced = tuple(f"{one.partition('=')[0]}=" for one in others)
        rest = [one for one in values if not one.startswith(replaced)]
        return _plain(_composed(line, [*rest, *others, *places]))

    chosen = [f"{group}={choices[group]}" for group in groups if choices.get(group)]
    options = _plain(_composed(line, [*chosen, *places]))
    return named_training(with_own_arguments(plain, options, given, groups=groups))


def _plain(config: DictConfig) -> dict[str, Any]:
    """The config as plain data: references are resolved, and resolvers that call code are refused.

    Raises SettingsError for the latter.
    """
    refuse_resolvers(config)
    raw = OmegaConf.to_container(config, resolve=False)
    assert isinstance(raw, dict)
    refuse_endless_references({str(key): value for key, value in raw.items()})
    plain = OmegaConf.to_container(config, resolve=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _refuse_foreign_code(line: CommandLine) -> None:
    """Raises SettingsError where a config of an added folder has Hydra call or read anything.

    Hydra does so before our own check of the settings can begin.
    """
    if not line.adds_folders:
        return
    for overrides in _runs(line.overrides):
        composed = _composed(line, overrides, hydra_too=True)
        hydras_own = [one for one in overrides if one.lstrip("+~").startswith(("hydra.", "hydra/"))]
        refuse_hydra_settings(composed.hydra, _composed(line, hydras_own, hydra_too=True).hydra)
        with open_dict(composed):
            del composed["hydra"]
        refuse_resolvers(composed)
        refuse_cluster(composed, overrides)
