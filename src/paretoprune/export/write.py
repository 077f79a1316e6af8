"""The files of an exported model: written, and each compared with the measured model."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from paretoprune.errors import ExportError
from paretoprune.export.folder import files_of
from paretoprune.export.verify import Answer, answer_of, ask_fresh_process
from paretoprune.formats.lengths import lengths_of
from paretoprune.formats.names import named_inputs
from paretoprune.formats.registry import FORMATS
from paretoprune.formats.tracing import Tracer, tracer
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
    subject = _Subject(model, inputs, tracer(model, inputs), _answers(model, inputs))
    found = []
    for name in ("safetensors", *FORMATS):
        if name in formats and name in FORMATS:
            found.append(_graph(draft, name, subject, trust))
        elif name in formats:
            answer = ask_fresh_process(draft, name, inputs, trust=trust, model=dense)
            found.append(_checked_weights(name, answer, subject.expected))
    return found


@dataclass(frozen=True)
class _Subject:
    """A model in evaluation mode on the CPU, its inputs, graphs and answers."""

    model: nn.Module
    inputs: Example
    trace: Tracer
    expected: Answer  # with those to shorter sequences, where the model takes them

    @property
    def by_name(self) -> Example:
        """The inputs with every tensor by the name that it has in a graph."""
        if isinstance(self.inputs, Tensor):
            return self.inputs
        return Inputs((), named_inputs(self.model, inputs_of(self.inputs)))


def answers_of(model: nn.Module, inputs: Example) -> Answer:
    """The outputs for the first sample alone and for all, as a fresh process gives them."""
    return answer_of(model, inputs_of(inputs))


def _answers(model: nn.Module, inputs: Example) -> Answer:
    """Return the answers, also to shorter sequences, unless the model takes only one length."""
    try:
        return answer_of(model, inputs_of(inputs), any_length=True)
    except Exception:  # a user's network may raise anything
        return answers_of(model, inputs)


def _graph(draft: Path, name: str, subject: _Subject, trust: Sequence[str]) -> FileFacts:
    """Write and check a graph, of any length of sequences where that passes the check.

    The outputs for the first half of each sequence are compared, too. What cannot be written, or
    differs, is written for the length of the inputs.
    """
    takes_any = bool(subject.expected.shorter) and FORMATS[name].samples is None
    facts = _written(draft, name, subject, trust, any_length=True) if takes_any else None
    if facts is None or facts.reason:
        facts = _written(draft, name, subject, trust, any_length=False)
    return facts


def _written(
    draft: Path, name: str, subject: _Subject, trust: Sequence[str], *, any_length: bool
) -> FileFacts:
    """Write a graph and check it; a file that must not be used is removed."""
    try:
        contents = FORMATS[name].encode(subject.trace(FORMATS[name].samples, any_length))
    except ExportError as error:
        return FileFacts(name, reason=str(error))
    for file, content in contents.items():
        write_bytes(draft / file, content)
    answer = ask_fresh_process(draft, name, subject.by_name, trust=trust, any_length=any_length)
    facts = compared(name, answer, subject.expected)
    if facts.reason:
        for file in files_of(name):
            (draft / file).unlink()
    lengths = lengths_of(inputs_of(subject.inputs))
    return replace(facts, lengths=lengths if any_length else lengths[:1])


def _checked_weights(name: str, answer: Answer, expected: Answer) -> FileFacts:
    facts = compared(name, answer, expected)
    if facts.reason:
        raise ExportError(f"the exported weights do not reproduce the model: {facts.reason}")
    return facts


def compared(name: str, answer: Answer, expected: Answer) -> FileFacts:
    """Compare a file's outputs with the model's; the result has a reason if it must not be used.

    All floating-point outputs are compared, for one sample and for many, and for shorter sequences
    if the file was asked for those.
    """
    if answer.reason:
        return FileFacts(name, reason=f"a fresh process cannot run it: {answer.reason}")
    differences = []
    pairs = [(answer.alone, expected.alone), (answer.together, expected.together)]
    if answer.shorter:
        pairs.append((answer.shorter, expected.shorter))
    for found, wanted in pairs:
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
