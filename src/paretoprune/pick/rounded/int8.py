"""The int8 files of a picked model: written, proved step by step, timed beside floating point."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from paretoprune.errors import EquivalenceError, ExportError, QuantizationError
from paretoprune.export.timed import latency_of_passes
from paretoprune.export.verify import Answer, ask_fresh_process
from paretoprune.formats.format import Contents, GraphFormat, Runner
from paretoprune.formats.int8 import INT8_FORMATS
from paretoprune.formats.names import named_inputs, named_outputs
from paretoprune.formats.onnx import kernels_of, open_onnx
from paretoprune.formats.registry import FORMATS
from paretoprune.formats.tracing import trace
from paretoprune.measure.latency.clocks import Pass
from paretoprune.pick.rounded.numerics import with_numerics
from paretoprune.pick.session import PickSession, is_plain
from paretoprune.pick.test_metrics import validation_quality
from paretoprune.quantization.called import IntegerModule, graph_of
from paretoprune.quantization.gates import (
    Distance,
    by_sample,
    check_file,
    check_integer,
    check_kernels,
)
from paretoprune.quantization.integers import INT8_BITS, integer_module
from paretoprune.results.exported import FileFacts
from paretoprune.results.measurements import Latency
from paretoprune.storage.atomic import write_bytes
from paretoprune.tasks.inputs import Example, Inputs, unkeyed
from paretoprune.tasks.nest import on_device
from paretoprune.trial.context import NUM_CALIBRATION
from paretoprune.trial.numerics import numerical_errors
from paretoprune.trial.schedules.parts.steps import calibration_samples

if TYPE_CHECKING:
    from torch.export import ExportedProgram

_NUM_COMPARED = 512  # validation samples on which kernels must agree with the integer module


@dataclass(frozen=True)
class _Subject:
    """A model in floating point and in integers, on the CPU, with the outputs of both."""

    model: nn.Module
    module: IntegerModule
    inputs: Inputs  # real ones
    expected: Tensor  # outputs of the float model, a row for each sample
    integer: Tensor  # those of the integer module
    is_plain: bool  # a classifier of one floating-point tensor
    has_classes: bool  # outputs are logits of classes

    @property
    def samples(self) -> Example:
        """Two samples as the float graph takes them."""
        return self.inputs[:2].only if self.is_plain else self.inputs[:2]

    def traced(self) -> ExportedProgram:
        """Return the integer module as a graph of the inputs of the float graph."""
        if self.is_plain:
            return trace(self.module, self.inputs[:2].only)
        named = named_inputs(self.model, self.inputs[:2])
        return trace(graph_of(self.module), Inputs((), named))


def write_int8(
    session: PickSession, draft: Path, model: nn.Module, formats: Sequence[str]
) -> list[FileFacts]:
    """Write the int8 files of a model; what fails a gate is left out, with the reason."""
    samples = calibration_samples(session.context, NUM_CALIBRATION).inputs
    try:
        module = integer_module(model, samples.only if is_plain(session.problem) else samples)
    except (ExportError, QuantizationError, EquivalenceError) as error:
        return [FileFacts(name, reason=str(error)) for name in formats]
    return write_module(session, draft, model, module, formats)


def write_module(
    session: PickSession,
    draft: Path,
    model: nn.Module,
    module: IntegerModule,
    formats: Sequence[str],
) -> list[FileFacts]:
    """Write the int8 files of the integer module of a model; what fails a gate is left out."""
    subject = _subject(session, model, module)
    errors = numerical_errors(session.problem, subject.model, module)
    found = []
    for name in formats:
        try:
            found.append(with_numerics(_written(session, draft, subject, name), errors))
        except ExportError as error:
            for file in INT8_FORMATS[name].files:
                (draft / file).unlink(missing_ok=True)
            found.append(FileFacts(name, reason=str(error)))
    return found


def _subject(session: PickSession, model: nn.Module, module: IntegerModule) -> _Subject:
    task, data = session.problem.task, session.problem.data
    batches: list[Inputs] = []
    for batch in data.val_dataloader():
        batches.append(task.inputs(unkeyed(batch)).cpu())
        if sum(map(len, batches)) >= _NUM_COMPARED:
            break
    inputs = Inputs.joined(batches)[:_NUM_COMPARED].contiguous()
    model = copy.deepcopy(model).cpu().eval()
    with torch.inference_mode():
        expected, integer = (_rows(inputs.run(one)) for one in (model, module))
    has_classes = task.qualities[0].name == "accuracy"
    plain = is_plain(session.problem)
    return _Subject(model, module, inputs, expected, integer, plain, has_classes)


def _rows(outputs: object) -> Tensor:
    return by_sample(named_outputs(outputs))


def _written(session: PickSession, draft: Path, subject: _Subject, name: str) -> FileFacts:
    """Raises ExportError where the file cannot be written or fails a gate."""
    known = INT8_FORMATS[name]
    contents = known.encode(subject.traced())
    _check_contents(contents, subject, known)
    for file, content in contents.items():
        write_bytes(draft / file, content)
    answer = ask_fresh_process(draft, name, subject.inputs, trust=session.settings.trust)
    if answer.reason:
        raise ExportError(f"a fresh process cannot run it: {answer.reason}")
    agreed = _agreement(subject, answer, known)
    run = known.open(contents, None)
    found = _timed(session, subject, known, contents, FORMATS[name.removesuffix("_int8")])
    return FileFacts(
        name,
        difference=agreed.median,
        size_bytes=sum(map(len, contents.values())),
        bits=INT8_BITS,
        quality=validation_quality(session.problem.data, _Run(run)),
        agreement=agreed.agreement,
        kl=agreed.kl,
        latency_ms=found.latency_ms if found else None,
        float_latency_ms=found.dense_latency_ms if found else None,
        speedup=found.speedup if found else None,
        time_spread=found.spread if found else None,
        contention=found.contention if found else None,
    )


def _check_contents(contents: Contents, subject: _Subject, known: GraphFormat) -> None:
    """Check the operators and kernels of a file of onnxruntime; other engines name none."""
    if known.engine != "onnxruntime":
        return
    [content] = contents.values()
    run = open_onnx(content, None, optimised=False)
    inputs = subject.inputs
    check_file(subject.integer, _rows(run(*inputs.args, **inputs.kwargs)), known.engine)
    check_integer(kernels_of(content), known.engine)


def _agreement(subject: _Subject, answer: Answer, known: GraphFormat) -> Distance:
    """The distance of an engine's logits from the integer module's, which must be small."""
    alone, together = by_sample(answer.alone), by_sample(answer.together)
    if together.shape != subject.integer.shape:
        raise ExportError(f"its outputs have the shape {tuple(together.shape)}")
    if not torch.allclose(alone, together[:1], rtol=1e-3, atol=1e-3):
        raise ExportError(f"{known.engine} gives other outputs for a sample alone than in a batch")
    return check_kernels(
        subject.expected,
        subject.integer,
        together,
        known.engine,
        has_classes=subject.has_classes,
    )


def _timed(
    session: PickSession,
    subject: _Subject,
    known: GraphFormat,
    contents: Contents,
    plain: GraphFormat,
) -> Latency | None:
    """The latency in int8 beside that in floating point, in one engine; None if not asked for."""
    settings = session.settings.measure
    if not settings.latency:
        return None
    single = plain.encode(trace(subject.model, subject.samples))

    def load(batch: Inputs, threads: int) -> list[Pass]:
        opened = [known.open(contents, threads), plain.open(single, threads)]
        return [partial(run, *batch.args, **batch.kwargs) for run in opened]

    return latency_of_passes(known.engine, load, subject.inputs, settings)


class _Run(nn.Module):
    """An engine as a module: on the CPU, whatever device inputs come from."""

    def __init__(self, run: Runner) -> None:
        super().__init__()
        self._run = run

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        given = Inputs(args, kwargs)
        inputs = given.cpu().contiguous()
        return on_device(self._run(*inputs.args, **inputs.kwargs), given.device)
