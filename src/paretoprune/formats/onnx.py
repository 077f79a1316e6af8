"""`model.onnx`: ONNX, written by torch and run by onnxruntime, without torch."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paretoprune.errors import ExportError
from paretoprune.formats.format import Contents, GraphFormat, Loading, Runner
from paretoprune.formats.names import as_called, by_name, names_of
from paretoprune.formats.tracing import first_line, quiet

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram

OPSET = 18  # written by torch without a conversion; supported by runtimes since 2023
_FILE = "model.onnx"


def onnx_bytes(program: ExportedProgram) -> bytes:
    """Return the graph with its weights as the content of an ONNX file.

    Raises:
        ExportError: the graph holds an operation for which there is no translation.
    """
    import torch

    inputs, outputs = names_of(program)
    try:
        with quiet():
            translated = torch.onnx.export(
                program,
                dynamo=True,
                opset_version=OPSET,
                input_names=inputs,
                output_names=outputs,
                verbose=False,
            )
        assert translated is not None
        model = translated.model_proto
        _strip(model.graph)
        content: bytes = model.SerializeToString()
    except Exception as error:  # torch, onnxscript and onnx have no common error
        raise ExportError(f"torch.onnx cannot translate it: {first_line(error)}") from error
    return content


def _strip(graph: Any) -> None:
    """Remove what torch writes for debugging: origins of nodes and values, and shapes inside."""
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("value_info")


def _encode(program: ExportedProgram) -> Contents:
    return {_FILE: onnx_bytes(program)}


def open_onnx(content: bytes, threads: int | None, *, optimised: bool = True) -> Runner:
    """Open a file in onnxruntime on the CPU; optionally without graph optimisations."""
    import onnxruntime
    import torch

    options = _options(optimised)
    if threads:
        options.intra_op_num_threads = threads
        # Threads that spin while waiting would be counted as work.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    results = [one.name for one in session.get_outputs()]

    def run(*args: Tensor, **kwargs: Tensor) -> Any:
        given = by_name(names, args, kwargs)
        found = session.run(results, {name: given[name].numpy() for name in names})
        return as_called(dict(zip(results, map(torch.from_numpy, found), strict=True)))

    return run


def kernels_of(content: bytes) -> dict[str, int]:
    """Count the operators that onnxruntime runs on this CPU after optimising the file."""
    import onnx
    import onnxruntime

    options = _options(optimised=True)
    with tempfile.TemporaryDirectory() as place:
        options.optimized_model_filepath = str(Path(place) / _FILE)
        onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        graph = onnx.load(options.optimized_model_filepath).graph
    return dict(Counter(node.op_type for node in graph.node))


def _options(optimised: bool) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimised else level.ORT_DISABLE_ALL
    return options


def _open(contents: Contents, threads: int | None) -> Runner:
    return open_onnx(contents[_FILE], threads)


def onnx() -> GraphFormat:
    """Return the format: ONNX, run by onnxruntime."""
    return GraphFormat(
        description=f"the graph as ONNX, opset {OPSET}; needs onnxruntime alone",
        files=(_FILE,),
        engine="onnxruntime",
        packages=("onnx", "onnxruntime", "onnxscript"),
        extra="onnx",
        encode=_encode,
        open=_open,
        own_threads=True,
        loading=Loading(
            "onnxruntime and numpy",
            ["import onnxruntime"],
            [
                f'session = onnxruntime.InferenceSession("{_FILE}")',
                '[logits] = session.run(["logits"], {"input": inputs})',
            ],
        ),
    )
