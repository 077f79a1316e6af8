"""The files of an exported model: written, and each compared with the measured model."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from paretoprune.errors import ExportError
from paretoprune.export.folder import files_of
from paretoprune.export.verify import Answer, answer_of, ask_fresh_process
from paretoprune.formats.names import named_inputs
from paretoprune.formats.registry import FORMATS
from paretoprune.formats.tracing import tracer
from paretoprune.results.exported import FileFacts
from paretoprune.storage.atomic import write_bytes
from paretoprune.tasks.inputs import Example, Inputs, inputs_of

# Of the largest output: other kernels add in another order; a wrong weight is off by far more.
_SAME = 1e-4


def write_formats(
    draft: Path,
    model: nn.Module,
    inputs: Example,
    *,
    formats: Sequence[str],
    trust: Sequence[str],
    dense: nn.Module | None = None,
) -> list[FileFacts]:
    """Write the graphs beside the weights, which are there; check each in a fresh process.

    `inputs` are real ones, on the CPU. Graphs of `Inputs` take tensors by name; those of a tensor
    have the input `input` and the output `logits`. A graph that cannot be written, or computes
    something else, is left out, with the reason. `dense` is the architecture before pruning, where
    a fresh process cannot build it.

    Raises:
        ExportError: the exported weights do not reproduce the model.
    """
    model = copy.deepcopy(model).cpu().eval()
    reasons = _write_graphs(draft, model, inputs, [name for name in formats if name in FORMATS])
    expected = answers_of(model, inputs)
    found = []
    for name in ("safetensors", *FORMATS):
        if name in formats and name not in reasons:
            given = _by_name(model, inputs) if name in FORMATS else inputs
            answer = ask_fresh_process(draft, name, given, trust=trust, model=dense)
            found.append(_checked(draft, name, answer, expected))
    return found + [FileFacts(name, reason=reason) for name, reason in reasons.items()]


def answers_of(model: nn.Module, inputs: Example) -> Answer:
    """The outputs for the first sample alone and for all, as a fresh process gives them."""
    return answer_of(model, inputs_of(inputs))


def _by_name(model: nn.Module, inputs: Example) -> Example:
    """Return inputs with every tensor by the name that it has in a graph."""
    if isinstance(inputs, Tensor):
        return inputs
    return Inputs((), named_inputs(model, inputs_of(inputs)))


def _write_graphs(
    draft: Path, model: nn.Module, inputs: Example, formats: Sequence[str]
) -> dict[str, str]:
    """Return the reasons why formats could not be written, by name."""
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


def _checked(draft: Path, name: str, answer: Answer, expected: Answer) -> FileFacts:
    facts = compared(name, answer, expected)
    if facts.reason and name not in FORMATS:
        raise ExportError(f"the exported weights do not reproduce the model: {facts.reason}")
    if facts.reason:
        for file in files_of(name):
            (draft / file).unlink()
    return facts


def compared(name: str, answer: Answer, expected: Answer) -> FileFacts:
    """Compare a file's outputs with the model's; the result has a reason if it must not be used.

    All floating-point outputs are compared, for one sample and for many.
    """
    if answer.reason:
        return FileFacts(name, reason=f"a fresh process cannot run it: {answer.reason}")
    differences = []
    for found, wanted in (
        (answer.alone, expected.alone),
        (answer.together, expected.together),
    ):
        if name == "executorch":  # whose files hold no names
            found = dict(zip(wanted, found.values(), strict=False))
        if found.keys() != wanted.keys():
            return FileFacts(name, reason=f"its outputs are {', '.join(found)}")
        for key, own in wanted.items():
            if found[key].shape != own.shape:
                return FileFacts(name, reason=_other_shape(key, found[key], own))
            if own.is_floating_point():
                differences.append(_difference(found[key], own))
    # torch's maximum is NaN if a difference is.
    largest = torch.tensor([0.0, *(absolute for absolute, _ in differences)]).max().item()
    facts = FileFacts(name, difference=largest)
    if not all(relative <= _SAME for _, relative in differences):
        return replace(facts, reason=f"its outputs differ from PyTorch's by up to {largest:.3g}")
    return facts


def _other_shape(name: str, found: Tensor, wanted: Tensor) -> str:
    return (
        f"its output `{name}` has the shape {tuple(found.shape)}, that of the model "
        f"{tuple(wanted.shape)}"
    )


def _difference(found: Tensor, wanted: Tensor) -> tuple[float, float]:
    """Return the largest difference, and its ratio to the largest value (at least 1)."""
    if not wanted.numel():
        return 0.0, 0.0
    absolute = (found.double() - wanted.double()).abs().max().item()
    return absolute, absolute / max(1.0, wanted.abs().max().item())
