"""Files of a picked model: its description, the formats, their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import nn

from paretoprune.data import meanings_of, preprocessing_of
from paretoprune.export.described import inputs_json, lengths_json
from paretoprune.export.folder import preprocessing_json
from paretoprune.export.timed import latency_in
from paretoprune.export.verify import answer_of
from paretoprune.export.write import write_formats
from paretoprune.formats.int8 import INT8_FORMATS
from paretoprune.formats.lengths import length_of
from paretoprune.formats.registry import FORMATS
from paretoprune.pick.quantized import write_quantized
from paretoprune.pick.rounded.compacted import write_compact
from paretoprune.pick.rounded.int8 import write_int8
from paretoprune.pick.session import PickSession, is_plain
from paretoprune.quantization.quantizers.interface import QuantizedModel
from paretoprune.results.exported import FileFacts
from paretoprune.storage.atomic import write_json


def write_description(
    session: PickSession, draft: Path, model: nn.Module, files: Sequence[FileFacts]
) -> None:
    """Write the description of inputs and outputs; of images also their preprocessing."""
    problem = session.problem
    any_length = any(one.is_any_length for one in files)
    inputs = session.inputs[:2].to(problem.device)
    answer = answer_of(model, inputs, any_length=any_length)
    found = inputs_json(
        problem.info,
        answer.together,
        is_plain=is_plain(problem),
        meanings=meanings_of(problem.data.module),
        shorter=answer.shorter,
    )
    if length_of(inputs):
        found["lengths"] = lengths_json(files)
    write_json(draft / "inputs.json", found)
    if is_plain(problem):
        preprocessing = preprocessing_json(problem.info, preprocessing_of(problem.data.module))
        write_json(draft / "preprocessing.json", preprocessing)


def write_files(
    session: PickSession, draft: Path, model: nn.Module, quantized: QuantizedModel | None
) -> list[FileFacts]:
    """Write the model in the formats asked for; time those of an engine beside the dense model."""
    files = _written(session, draft, model, quantized)
    return [_with_time(session, draft, file) for file in files]


def _written(
    session: PickSession, draft: Path, model: nn.Module, quantized: QuantizedModel | None
) -> list[FileFacts]:
    trust = session.settings.trust
    files = write_formats(
        draft,
        model,
        session.graph_inputs,
        formats=session.options.formats,
        trust=trust,
        dense=session.given_architecture,
    )
    if quantized:
        return files + write_quantized(session, draft, model, quantized)
    if "compact" in session.options.formats:
        files.append(write_compact(session, draft, model))
    asked = [name for name in session.options.formats if name in INT8_FORMATS]
    return files + (write_int8(session, draft, model, asked) if asked else [])


def _with_time(session: PickSession, draft: Path, file: FileFacts) -> FileFacts:
    """The file with its time in its engine, beside the dense model's; the weights as they are."""
    settings = session.settings.measure
    if file.format not in FORMATS or file.reason or not settings.latency:
        return file
    dense = session.dense_in(file.format, file.is_any_length)
    if dense is None:
        return file
    pruned = {name: (draft / name).read_bytes() for name in FORMATS[file.format].files}
    engine = FORMATS[file.format].engine
    found = latency_in(engine, dense, pruned, session.inputs, settings)
    return replace(
        file,
        latency_ms=found.latency_ms,
        dense_latency_ms=found.dense_latency_ms,
        speedup=found.speedup,
        time_spread=found.spread,
        contention=found.contention,
    )
