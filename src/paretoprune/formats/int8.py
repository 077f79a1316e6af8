"""Formats of an integer module: those of float graphs under file names of their own.

`model.int8.onnx` holds int8 weights and unsigned 8-bit activations (U8S8): with signed ones (S8S8),
onnxruntime is slower than in floating point on x86 processors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from paretoprune.formats.format import Contents, GraphFormat, Runner
from paretoprune.formats.onnx import ONNX
from paretoprune.formats.openvino import OPENVINO

if TYPE_CHECKING:
    from torch.export import ExportedProgram


def _renamed(known: GraphFormat) -> GraphFormat:
    """Return the format with `model.int8.` in place of `model.`, so that both fit in one folder."""
    names = {file.replace("model.", "model.int8.", 1): file for file in known.files}

    def encode(program: ExportedProgram) -> Contents:
        contents = known.encode(program)
        return {name: contents[file] for name, file in names.items()}

    def open_(contents: Contents, threads: int | None) -> Runner:
        return known.open({file: contents[name] for name, file in names.items()}, threads)

    return replace(known, files=tuple(names), encode=encode, open=open_)


ONNX_INT8, OPENVINO_INT8 = _renamed(ONNX), _renamed(OPENVINO)
INT8_FORMATS: Mapping[str, GraphFormat] = {
    "onnx_int8": ONNX_INT8,
    "openvino_int8": OPENVINO_INT8,
}
