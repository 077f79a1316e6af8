"""The model as a graph without Python code: what `model.pt2` and `model.onnx` hold.

Both run without the model's class; ONNX runs without torch too.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paretoprune.errors import ExportError
from paretoprune.files import write_bytes

if TYPE_CHECKING:
    from numpy import ndarray
    from torch import Tensor, nn
    from torch.export import ExportedProgram

OPSET = 18  # of ONNX: what torch writes without a conversion; runtimes since 2023 know it
INPUT, OUTPUT = "input", "logits"
_ONNX_PACKAGES = ("onnx", "onnxruntime", "onnxscript")


def check_onnx_is_installed() -> None:
    """Raises ExportError, with what to install, where a package is missing."""
    missing = [name for name in _ONNX_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ExportError(
            f"ONNX needs {', '.join(missing)}; install it with `pip install 'paretoprune[onnx]'`"
        )


def trace(model: nn.Module, example: Tensor) -> ExportedProgram:
    """The graph of a model in eval mode on the CPU, for any number of samples.

    `example` is a batch of two or more, since torch takes a size of one for a constant.

    Raises:
        ExportError: the model does what a graph cannot hold, such as branching on values.
    """
    import torch

    batch = torch.export.Dim("batch", min=1)
    try:
        program = torch.export.export(model, (example,), dynamic_shapes=({0: batch},))
    except Exception as error:  # torch.export has no common error
        raise ExportError(f"torch.export cannot take it: {first_line(error)}") from error
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # paths of this machine, which are nobody's business
    return program


def write_pt2(path: Path, program: ExportedProgram) -> None:
    """Save the graph with its weights in torch's own format."""
    import torch

    torch.export.save(program, path)


def load_pt2(path: Path) -> nn.Module:
    """The graph in a file, ready to be called."""
    import torch

    return torch.export.load(path).module()


def onnx_bytes(program: ExportedProgram) -> bytes:
    """The graph with its weights as the content of an ONNX file.

    Raises:
        ExportError: the graph holds an operation for which there is no translation.
    """
    import torch

    try:
        translated = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            verbose=False,
        )
        assert translated is not None
        content: bytes = translated.model_proto.SerializeToString()
    except Exception as error:  # torch, onnxscript and onnx have no common error
        raise ExportError(f"torch.onnx cannot translate it: {first_line(error)}") from error
    return content


def write_onnx(path: Path, program: ExportedProgram) -> None:
    """Save `onnx_bytes` of the graph."""
    write_bytes(path, onnx_bytes(program))


def open_onnx(file: Path | bytes, *, threads: int | None = None) -> Any:
    """A session of onnxruntime on the CPU, for a file or its content.

    It computes with `threads` threads of its own, as many as it likes if None.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    if threads:
        options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def run_onnx(session: Any, inputs: ndarray) -> ndarray:
    """What a session computes."""
    [logits] = session.run([OUTPUT], {INPUT: inputs})
    result: ndarray = logits
    return result


def first_line(error: Exception) -> str:
    """The error's kind and the first line of its message, for a sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'without a word'}"[:300]
