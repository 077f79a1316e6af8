"""`paretoprune latency NAME|FOLDER`: the running cost of pruned models, beside the dense one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from paretoprune.cli.compose import find_own_code
from paretoprune.cli.foreign_configs import given_trust
from paretoprune.cli.parsing.arguments import (
    first_name,
    one_of,
    run_command,
    split_options,
    sweeps_there,
    whole_number,
)
from paretoprune.cli.remembered_trust import remembered_trust
from paretoprune.errors import SettingsError, SweepError
from paretoprune.formats.registry import FORMATS
from paretoprune.measure.request import Request

_USAGE = """usage: paretoprune latency NAME|FOLDER [key=value ...]

Measure, in turn and beside the dense model, what running pruned models costs on this machine:
the models on the front of the sweep NAME, or the exported model in FOLDER.

  device=cpu                or cuda
  batch=1                   samples in a pass
  threads=1                 of the CPU
  engine=torch              what runs the models: torch, torch.export, onnxruntime, openvino or
                            executorch
  repeats=50                passes of each model
  sweeps_dir=sweeps         where the sweeps are
  trust=[my_package]        packages of yours that the models' classes come from
"""
_ENGINES = ("torch", *(known.engine for known in FORMATS.values()))
WAYS = ("device", "batch", "threads", "engine", "repeats")  # the options that say how to measure
_COUNTS = {"batch", "threads", "repeats"}


def main() -> None:
    """Entry point of the command."""
    run_command(_USAGE, _run)


def _run(arguments: Sequence[str]) -> None:
    name, request = first_name(arguments), read_request(arguments[1:])
    # The large libraries are imported once the command is known to be right.
    from paretoprune.cli.display.running import print_running
    from paretoprune.cli.display.terminal import make_console
    from paretoprune.pick.running import measure_running

    folder = _folder(name, Path(request.sweeps_dir))
    if not request.trust and (trust := remembered_trust(folder / "config.yaml")):
        find_own_code(trust)
        request = replace(request, trust=trust)
    console = make_console()
    print_running(console, measure_running(folder, request))


def _folder(name: str, sweeps: Path) -> Path:
    """The sweep of that name, or the exported model in the folder of that name.

    Raises SweepError, with the sweeps that there are, if it is neither.
    """
    if (sweeps / name / "config.yaml").is_file():
        return sweeps / name
    if any((Path(name) / own).exists() for own in ("trials", "plan.json")):
        return Path(name)
    hint = sweeps_there(sweeps, name)
    raise SweepError(f"`{name}` is neither a sweep in {sweeps}/ nor an exported model; {hint}")


def read_request(arguments: Sequence[str]) -> Request:
    """The options as values. Raises SettingsError with a sentence for each that is wrong."""
    options, mistakes = split_options(arguments, [*Request.__dataclass_fields__])
    values: dict[str, Any] = dict(options)
    for key in _COUNTS & options.keys():
        try:
            values[key] = whole_number(key, options[key])
        except SettingsError as error:
            mistakes += error.mistakes
    for key, known in (("device", ("cpu", "cuda")), ("engine", _ENGINES)):
        try:
            one_of(key, options.get(key, known[0]), known)
        except SettingsError as error:
            mistakes += error.mistakes
    if mistakes:
        raise SettingsError(mistakes)
    return Request(**values | {"trust": given_trust([options.get("trust", "")])})
