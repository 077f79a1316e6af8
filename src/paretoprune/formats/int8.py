"""Formats of an integer module: those of float graphs under file names of their own.

`model.int8.onnx` holds int8 weights and unsigned 8-bit activations (U8S8): with signed ones (S8S8),
onnxruntime is slower than in floating point on x86 processors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from paretoprune.formats.format import Contents, GraphFormat, Loading, Runner
from paretoprune.formats.onnx import onnx
from paretoprune.formats.openvino import openvino

if TYPE_CHECKING:
    from torch.export import ExportedProgram


def _renamed(known: GraphFormat, description: str) -> GraphFormat:
    """Return the format with `model.int8.` in place of `model.`, so that both fit in one folder."""
    names = {file.replace("model.", "model.int8.", 1): file for file in known.files}

    def encode(program: ExportedProgram) -> Contents:
        contents = known.encode(program)
        return {name: contents[file] for name, file in names.items()}

    def open_(contents: Contents, threads: int | None) -> Runner:
        return known.open({file: contents[name] for name, file in names.items()}, threads)

    return replace(
        known,
        description=description,
        files=tuple(names),
        encode=encode,
        open=open_,
        loading=known.loading and _integer_loading(known.loading, names),
    )


def _integer_loading(loading: Loading, names: Mapping[str, str]) -> Loading:
    lines = [line for line in loading.lines if not line.startswith("#")]
    for ours, file in names.items():
        lines = [line.replace(f'"{file}"', f'"{ours}"') for line in lines]
    return replace(loading, needs=f"{loading.needs}, computing with integers", lines=lines)


INT8_FORMATS: Mapping[str, GraphFormat] = {
    "onnx_int8": _renamed(
        onnx(), "int8 weights, unsigned 8-bit activations; needs onnxruntime alone"
    ),
    "openvino_int8": _renamed(openvino(), "the same for OpenVINO"),
}
