"""`model.xml` and `model.bin`: OpenVINO's own format, for Intel processors and graphics cards."""

from __future__ import annotations

import importlib
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paretoprune.errors import ExportError
from paretoprune.formats.format import Contents, GraphFormat, Loading, Runner
from paretoprune.formats.names import as_called, by_name
from paretoprune.formats.onnx import onnx, onnx_bytes
from paretoprune.formats.tracing import first_line

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram

_XML, _BIN = "model.xml", "model.bin"


def _openvino() -> Any:
    """Import the library without its telemetry, which reports the import to Intel."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # prevents its import
    return importlib.import_module("openvino")


def _encode(program: ExportedProgram) -> Contents:
    """Convert via ONNX, which OpenVINO reads itself: names and a dynamic batch size are kept."""
    openvino, content = _openvino(), onnx_bytes(program)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / _XML
        try:
            model = openvino.Core().read_model(content)
            openvino.save_model(model, path, compress_to_fp16=False)
        except Exception as error:  # OpenVINO's errors are RuntimeErrors of many kinds
            raise ExportError(f"OpenVINO cannot convert it: {first_line(error)}") from error
        return {name: (Path(place) / name).read_bytes() for name in (_XML, _BIN)}


def _open(contents: Contents, threads: int | None) -> Runner:
    """Open OpenVINO on the CPU, in single precision: by default it uses 16 bits where it can."""
    openvino = _openvino()
    import torch

    options = {"INFERENCE_PRECISION_HINT": "f32"}
    if threads:
        options["INFERENCE_NUM_THREADS"] = str(threads)

    def compiled() -> Any:
        core = openvino.Core()
        return core.compile_model(core.read_model(contents[_XML], contents[_BIN]), "CPU", options)

    # OpenVINO gives the calling thread an alternate signal stack of its own, and frees it with the
    # model. Of two models that end in another order, one leaves a freed stack behind, on which the
    # next signal, such as Ctrl-C, crashes the process. So a thread that ends is the caller.
    with ThreadPoolExecutor(1) as thread:
        model = thread.submit(compiled).result()
    names = [one.get_any_name() for one in model.inputs]
    results = [one.get_any_name() for one in model.outputs]

    def run(*args: Tensor, **kwargs: Tensor) -> Any:
        given = by_name(names, args, kwargs)
        found = model({name: given[name].numpy() for name in names})
        return as_called({name: torch.from_numpy(found[name]) for name in results})

    return run


def openvino() -> GraphFormat:
    """Return the format: OpenVINO, for Intel's processors."""
    return GraphFormat(
        description="the graph for OpenVINO, on processors and graphics of Intel",
        files=(_XML, _BIN),
        engine="openvino",
        packages=("openvino", *onnx().packages),
        extra="openvino",
        encode=_encode,
        open=_open,
        own_threads=True,
        loading=Loading(
            "openvino and numpy",
            ["import openvino"],
            [
                "# without this option it may compute with 16 bits: faster, and not quite the same",
                'exact = {"INFERENCE_PRECISION_HINT": "f32"}',
                f'model = openvino.Core().compile_model("{_XML}", "CPU", exact)',
                'logits = model({"input": inputs})["logits"]',
            ],
        ),
    )
