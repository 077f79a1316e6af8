"""The model as a graph without Python code, in the formats that other runtimes read.

Each format is a file here; `FORMATS` lists them by the names of `pick format=`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from paretoprune.errors import ExportError
from paretoprune.graph.executorch import EXECUTORCH
from paretoprune.graph.format import INPUT, OUTPUT, Contents, GraphFormat, Runner
from paretoprune.graph.int8 import INT8_FORMATS
from paretoprune.graph.onnx import ONNX, OPSET
from paretoprune.graph.openvino import OPENVINO
from paretoprune.graph.pt2 import PT2
from paretoprune.graph.tracing import Tracer, first_line, trace, tracer

__all__ = [
    "FORMATS",
    "GRAPHS",
    "INPUT",
    "INT8_FORMATS",
    "OPSET",
    "OUTPUT",
    "Contents",
    "GraphFormat",
    "Runner",
    "Tracer",
    "check_installed",
    "first_line",
    "trace",
    "tracer",
]

FORMATS: Mapping[str, GraphFormat] = {
    "pt2": PT2,
    "onnx": ONNX,
    "openvino": OPENVINO,
    "executorch": EXECUTORCH,
}
GRAPHS: Mapping[str, GraphFormat] = {**FORMATS, **INT8_FORMATS}  # of float and of integer modules


def check_installed(name: str) -> None:
    """Raises ExportError, with what to install, where a format lacks a package."""
    missing = [
        package for package in GRAPHS[name].packages if importlib.util.find_spec(package) is None
    ]
    if missing:
        raise ExportError(
            f"`{name}` needs {', '.join(missing)}; install it with "
            f"`pip install 'paretoprune[{GRAPHS[name].extra}]'`"
        )
