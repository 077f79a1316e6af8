"""Verify exported folders in fresh processes, which load nothing but the files of the folder.

Their outputs are those that a recipient gets. They run `python -m paretoprune.export.verify`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from paretoprune.export.load import load_model
from paretoprune.formats.lengths import shorter
from paretoprune.formats.names import named_outputs
from paretoprune.formats.registry import GRAPHS, add_own
from paretoprune.tasks.inputs import Example, Inputs, inputs_of

_TIMEOUT_S = 900.0
_PARTS = ("alone", "together", "shorter")  # of an answer


@dataclass(frozen=True)
class Answer:
    """Outputs by name for the first sample alone and for all N at once, or why there are none.

    The first is asked alone, since a file may have taken the number of samples for a constant;
    `shorter` are those for the first half of each sequence, where that was asked.
    """

    alone: Mapping[str, Tensor] = field(default_factory=dict)
    together: Mapping[str, Tensor] = field(default_factory=dict)
    shorter: Mapping[str, Tensor] = field(default_factory=dict)
    reason: str | None = None


def ask_fresh_process(
    folder: Path,
    name: str,
    inputs: Example,
    *,
    trust: Sequence[str] = (),
    model: nn.Module | None = None,
    any_length: bool = False,
) -> Answer:
    """Return the outputs of an exported folder in one of its formats for `inputs` (N, ...).

    Graphs take tensors by name, weights the arguments of the model. Each format gets a process of
    its own: an engine that crashes takes no other with it. Weights of a network that is an object
    of this process (`model`) are loaded here, into a copy of it.
    """
    given = inputs_of(inputs).cpu().contiguous()
    if model is not None and name not in GRAPHS:
        return answer_of(_runner(folder, name, trust, model), given)
    with tempfile.TemporaryDirectory() as place:
        asked, answered = Path(place) / "inputs.pt", Path(place) / "answer.safetensors"
        torch.save((given.args, dict(given.kwargs), any_length), asked)
        reason = _run([str(folder), name, str(asked), str(answered), json.dumps(list(trust))])
        return Answer(reason=reason) if reason else _read(answered)


def answer_of(run: Callable[..., Any], inputs: Inputs, *, any_length: bool = False) -> Answer:
    """Return what a model, or a format that is called like it, computes."""
    half = shorter(inputs) if any_length else None
    with torch.inference_mode():
        return Answer(
            alone=_outputs(run, inputs[:1]),
            together=_outputs(run, inputs),
            shorter=_outputs(run, half) if half else {},
        )


def _outputs(run: Callable[..., Any], inputs: Inputs) -> dict[str, Tensor]:
    named = named_outputs(run(*inputs.args, **inputs.kwargs)).items()
    return {name: one.detach().cpu().contiguous().clone() for name, one in named}


def _run(arguments: Sequence[str]) -> str | None:
    """Run the check in a fresh process that finds the same code; return the reason if it failed."""
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
) -> Callable[..., Any]:
    """A format as a function that is called like the model, loaded from the folder alone."""
    if name not in GRAPHS:
        weights: Literal["full", "compact"] = "compact" if name == "compact" else "full"
        return load_model(folder, trust=trust, weights=weights, model=model)
    known = GRAPHS[name]
    return known.open({file: (folder / file).read_bytes() for file in known.files}, None)


def _write(answer: Answer, path: Path) -> None:
    parts = {part: getattr(answer, part) for part in _PARTS}
    named = {f"{part}/{name}": one for part in parts for name, one in parts[part].items()}
    save_file(named, path)


def _read(path: Path) -> Answer:
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in _PARTS}
    for key, tensor in load_file(path).items():
        part, _, name = key.partition("/")
        parts[part][name] = tensor
    return Answer(parts["alone"], parts["together"], parts["shorter"])


def _main(arguments: Sequence[str]) -> None:
    folder, name, asked, answered, trust = arguments
    add_own([name], json.loads(trust))
    args, kwargs, any_length = torch.load(asked, weights_only=True)
    run = _runner(Path(folder), name, json.loads(trust))
    _write(answer_of(run, Inputs(args, kwargs), any_length=any_length), Path(answered))


if __name__ == "__main__":
    _main(sys.argv[1:])
