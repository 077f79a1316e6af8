"""Exported folders looked at by a fresh process, which knows them from their files alone.

What it computes is what a stranger would get. `python -m paretoprune.fresh` is its side.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from paretoprune.delivery.export import FILES
from paretoprune.errors import ExportError
from paretoprune.graph import FORMATS, first_line
from paretoprune.load import load_model

_TIMEOUT_S = 900.0


@dataclass(frozen=True)
class Answer:
    """What a model file says of some inputs: logits (1 + N, classes), or why it says nothing.

    The first row is the answer to the first input alone, since a file may have taken the number
    of samples for a constant; the others are those to all N inputs at once.
    """

    logits: Tensor | None = None
    reason: str | None = None


def ask_fresh_process(
    folder: Path, inputs: Tensor, *, trust: Sequence[str] = ()
) -> dict[str, Answer]:
    """What each format in an exported folder says of `inputs` (N, ...), by the format's name.

    Raises:
        ExportError: the process failed; the error has its last words.
    """
    with tempfile.TemporaryDirectory() as place:
        asked, answered = Path(place) / "inputs.safetensors", Path(place) / "answers.safetensors"
        save_file({"inputs": inputs.detach().cpu().contiguous()}, asked)
        _run([str(folder), str(asked), str(answered), json.dumps(list(trust))])
        with safe_open(answered, "pt") as stream:
            reasons = stream.metadata() or {}
        told = {name: Answer(logits=logits) for name, logits in load_file(answered).items()}
        return told | {name: Answer(reason=reason) for name, reason in reasons.items()}


def _run(arguments: Sequence[str]) -> None:
    """The other side, in a process that finds the same code as this one."""
    path = os.pathsep.join(place for place in sys.path if place)
    try:
        subprocess.run(
            [sys.executable, "-m", "paretoprune.fresh", *arguments],
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise ExportError(
            f"a fresh process was not done with the exported model within {_TIMEOUT_S:.0f} s"
        ) from None
    except subprocess.CalledProcessError as error:
        words = (error.stderr.strip().splitlines() or ["no words"])[-1]
        raise ExportError(f"a fresh process cannot use the exported model: {words}") from error


def _runner(folder: Path, name: str, trust: Sequence[str]) -> Callable[[Tensor], Tensor]:
    """A format as a function of inputs, loaded from the exported folder alone."""
    if name not in FORMATS:
        return load_model(folder, trust=trust)
    return FORMATS[name].open({file: (folder / file).read_bytes() for file in FILES[name]}, None)


def _answer(folder: Path, name: str, inputs: Tensor, trust: Sequence[str]) -> Answer:
    try:
        run = _runner(folder, name, trust)
        with torch.inference_mode():
            return Answer(logits=torch.cat([run(inputs[:1]), run(inputs)]).contiguous())
    except Exception as error:
        return Answer(reason=first_line(error))


def _main(arguments: Sequence[str]) -> None:
    folder, asked, answered, trust = arguments
    inputs = load_file(asked)["inputs"]
    present = {path.name for path in Path(folder).iterdir()}
    names = [name for name, files in FILES.items() if present.issuperset(files)]
    answers = {name: _answer(Path(folder), name, inputs, json.loads(trust)) for name in names}
    save_file(
        {name: answer.logits for name, answer in answers.items() if answer.logits is not None},
        answered,
        {name: answer.reason for name, answer in answers.items() if answer.reason is not None},
    )


if __name__ == "__main__":
    _main(sys.argv[1:])
