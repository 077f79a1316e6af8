"""Exported folders looked at by fresh processes, which know them from their files alone.

What they compute is what a stranger would get. `python -m paretoprune.export.verify` is their side.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from paretoprune.export.load import load_model
from paretoprune.formats.registry import GRAPHS, add_own

_TIMEOUT_S = 900.0


@dataclass(frozen=True)
class Answer:
    """What a format says of some inputs: logits (1 + N, classes), or why it says nothing.

    The first row is the answer to the first input alone, since a file may have taken the number
    of samples for a constant; the others are those to all N inputs at once.
    """

    logits: Tensor | None = None
    reason: str | None = None


def ask_fresh_process(
    folder: Path,
    name: str,
    inputs: Tensor,
    *,
    trust: Sequence[str] = (),
    model: nn.Module | None = None,
) -> Answer:
    """What an exported folder says of `inputs` (N, ...) in one of its formats.

    Each format gets a process of its own: an engine that crashes takes no other with it. Weights
    of a network that is an object of this process (`model`) are loaded here, into a copy of it.
    """
    if model is not None and name not in GRAPHS:
        return Answer(_logits(_runner(folder, name, trust, model), inputs.detach().cpu()))
    with tempfile.TemporaryDirectory() as place:
        asked, answered = Path(place) / "inputs.safetensors", Path(place) / "answer.safetensors"
        save_file({"inputs": inputs.detach().cpu().contiguous()}, asked)
        reason = _run([str(folder), name, str(asked), str(answered), json.dumps(list(trust))])
        return Answer(reason=reason) if reason else Answer(load_file(answered)["logits"])


def _run(arguments: Sequence[str]) -> str | None:
    """The other side, in a process that finds the same code as this one; why it failed."""
    path = os.pathsep.join(place for place in sys.path if place)
    command = [sys.executable, "-m", "paretoprune.export.verify", *arguments]
    environment = os.environ | {"PYTHONPATH": path}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return f"it was not done within {_TIMEOUT_S:.0f} s"
    if done.returncode < 0:
        return f"it was ended by {signal.Signals(-done.returncode).name}"
    words = done.stderr.strip().splitlines() or ["it failed without a word"]
    return words[-1] if done.returncode else None


def _runner(
    folder: Path, name: str, trust: Sequence[str], model: nn.Module | None = None
) -> Callable[[Tensor], Tensor]:
    """A format as a function of inputs, loaded from the exported folder alone."""
    if name not in GRAPHS:
        weights: Literal["full", "compact"] = "compact" if name == "compact" else "full"
        return load_model(folder, trust=trust, weights=weights, model=model)
    known = GRAPHS[name]
    return known.open({file: (folder / file).read_bytes() for file in known.files}, None)


def _logits(run: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    with torch.inference_mode():
        return torch.cat([run(inputs[:1]), run(inputs)])


def _main(arguments: Sequence[str]) -> None:
    folder, name, asked, answered, trust = arguments
    add_own([name], json.loads(trust))
    inputs = load_file(asked)["inputs"]
    logits = _logits(_runner(Path(folder), name, json.loads(trust)), inputs)
    save_file({"logits": logits.contiguous()}, answered)


if __name__ == "__main__":
    _main(sys.argv[1:])
