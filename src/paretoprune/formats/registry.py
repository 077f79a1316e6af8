"""Export formats by name."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from paretoprune.errors import ExportError
from paretoprune.formats.executorch import EXECUTORCH
from paretoprune.formats.format import GraphFormat
from paretoprune.formats.int8 import INT8_FORMATS
from paretoprune.formats.onnx import ONNX
from paretoprune.formats.openvino import OPENVINO
from paretoprune.formats.pt2 import PT2

FORMATS: Mapping[str, GraphFormat] = {
    "pt2": PT2,
    "onnx": ONNX,
    "openvino": OPENVINO,
    "executorch": EXECUTORCH,
}

GRAPHS: Mapping[str, GraphFormat] = {**FORMATS, **INT8_FORMATS}  # of float and of integer modules


def check_installed(name: str) -> None:
    """Check that the packages of a format are installed.

    Raises:
        ExportError: a package is missing; the message has the command to install it.
    """
    missing = [
        package for package in GRAPHS[name].packages if importlib.util.find_spec(package) is None
    ]
    if missing:
        raise ExportError(
            f"`{name}` needs {', '.join(missing)}; install it with "
            f"`pip install 'paretoprune[{GRAPHS[name].extra}]'`"
        )
