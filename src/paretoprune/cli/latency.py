"""`python -m src.latency NAME|FOLDER`: what running pruned models costs, beside the dense one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paretoprune.cli.compose import fail
from paretoprune.errors import ParetopruneError, SettingsError

_USAGE = """usage: python -m src.latency NAME|FOLDER [key=value ...]

Measure, in turn and beside the dense model, what running pruned models costs on this machine:
the models on the front of the sweep NAME, or the exported model in FOLDER.

  device=cpu                or cuda
  batch=1                   samples in a pass
  threads=1                 of the CPU
  engine=torch              what runs the models: torch, torch.export, onnxruntime, openvino or
                            executorch
  repeats=50                passes of each model
  sweeps_dir=sweeps         where the sweeps are
  trust=[my_package]        packages of yours that an exported model's class comes from
"""


@dataclass(frozen=True)
class Request:
    """How to measure."""

    device: str = "cpu"
    batch: int = 1
    threads: int = 1
    engine: str = "torch"
    repeats: int = 50
    sweeps_dir: str = "sweeps"
    trust: tuple[str, ...] = ()


def main() -> None:
    """Entry point of the command."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_USAGE)
        sys.exit(0 if arguments else 2)
    sys.path.insert(0, str(Path.cwd()))  # the user's own models, for the console script too
    try:
        _run(arguments)
    except ParetopruneError as error:
        fail(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _run(arguments: Sequence[str]) -> None:
    request = read_request(arguments[1:])
    # The large libraries are imported once the command is known to be right.
    from paretoprune.cli.running import measure_and_print

    measure_and_print(arguments[0], request)


def read_request(arguments: Sequence[str]) -> Request:
    """The options as values. Raises SettingsError with a sentence for each that is wrong."""
    values: dict[str, str | int | tuple[str, ...]] = {}
    mistakes = []
    for argument in arguments:
        key, separator, text = argument.partition("=")
        if not separator or key not in Request.__dataclass_fields__:
            known = ", ".join(f"{name}=" for name in Request.__dataclass_fields__)
            mistakes.append(f"`{argument}` is not understood; the options are: {known}")
        elif key in ("batch", "threads", "repeats"):
            if text.isascii() and text.isdigit() and int(text) > 0:
                values[key] = int(text)
            else:
                mistakes.append(f"`{argument}` must be a whole number above 0")
        elif key == "trust":
            values[key] = tuple(part.strip() for part in text.strip("[]").split(","))
        else:
            values[key] = text
    if values.get("device", "cpu") not in ("cpu", "cuda"):
        mistakes.append(f"`device={values['device']}` must be cpu or cuda")
    if mistakes:
        raise SettingsError(mistakes)
    return Request(**values)  # type: ignore[arg-type]  # each is of its field's kind, see above
