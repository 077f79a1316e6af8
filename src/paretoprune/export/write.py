"""The files of an exported model: written, and each proved to compute what was measured."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from paretoprune.errors import ExportError
from paretoprune.export.folder import files_of
from paretoprune.export.verify import Answer, ask_fresh_process
from paretoprune.formats.registry import FORMATS
from paretoprune.formats.tracing import tracer
from paretoprune.results import FileFacts
from paretoprune.storage.atomic import write_bytes

# Of the largest logit: other kernels add in another order; a wrong weight is off by far more.
_SAME = 1e-4


def write_formats(
    draft: Path,
    model: nn.Module,
    inputs: Tensor,
    *,
    formats: Sequence[str],
    trust: Sequence[str],
    dense: nn.Module | None = None,
) -> list[FileFacts]:
    """Write the graphs beside the weights, which are there; check each in a fresh process.

    `inputs` are real ones, on the CPU. A graph that cannot be written, or computes something
    else, is left out, with the reason. `dense` is the architecture before pruning, where a fresh
    process cannot build it.

    Raises:
        ExportError: the weights do not give back the model.
    """
    model = copy.deepcopy(model).cpu().eval()
    reasons = _write_graphs(draft, model, inputs, [name for name in formats if name in FORMATS])
    expected = answers_of(model, inputs)
    found = []
    for name in ("safetensors", *FORMATS):
        if name in formats and name not in reasons:
            answer = ask_fresh_process(draft, name, inputs, trust=trust, model=dense)
            found.append(_checked(draft, name, answer, expected))
    return found + [FileFacts(name, reason=reason) for name, reason in reasons.items()]


def answers_of(model: nn.Module, inputs: Tensor) -> Tensor:
    """The answer to the first input alone, then to all of them, as a fresh process gives it."""
    with torch.inference_mode():
        return torch.cat([model(inputs[:1]), model(inputs)])


def _write_graphs(
    draft: Path, model: nn.Module, inputs: Tensor, formats: Sequence[str]
) -> dict[str, str]:
    """Why a format could not be written, by its name."""
    trace, reasons = tracer(model, inputs), {}
    for name in formats:
        try:
            contents = FORMATS[name].encode(trace(FORMATS[name].samples))
        except ExportError as error:
            reasons[name] = str(error)
        else:
            for file, content in contents.items():
                write_bytes(draft / file, content)
    return reasons


def _checked(draft: Path, name: str, answer: Answer, expected: Tensor) -> FileFacts:
    facts = compared(name, answer, expected)
    if facts.reason and name not in FORMATS:
        raise ExportError(f"the exported weights do not give back the model: {facts.reason}")
    if facts.reason:
        for file in files_of(name):
            (draft / file).unlink()
    return facts


def compared(name: str, answer: Answer, expected: Tensor) -> FileFacts:
    """What a file said beside what the model says; with a reason where it must not be used."""
    if answer.logits is None:
        return FileFacts(name, reason=f"a fresh process cannot run it: {answer.reason}")
    if answer.logits.shape != expected.shape:
        shape = tuple(answer.logits.shape)
        return FileFacts(name, reason=f"its outputs have the shape {shape}, not one per sample")
    difference = (answer.logits - expected).abs().max().item()
    facts = FileFacts(name, difference=difference)
    if not difference <= _SAME * max(1.0, expected.abs().max().item()):
        return replace(facts, reason=f"its outputs differ from PyTorch's by up to {difference:.3g}")
    return facts
