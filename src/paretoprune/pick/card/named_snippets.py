"""Lines that load an exported model whose inputs have names. They run in its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paretoprune.export.described import graph_name
from paretoprune.formats.format import Loading
from paretoprune.pick.card.markdown import as_code
from paretoprune.results import Argument, DataInfo

_TENSORS = "tensors = {name: torch.from_numpy(one) for name, one in inputs.items()}"
NAMED_GRAPHS: Mapping[str, Loading] = {
    "onnx": Loading(
        "onnxruntime and numpy",
        ["import onnxruntime"],
        [
            'session = onnxruntime.InferenceSession("model.onnx")',
            "names = [one.name for one in session.get_outputs()]",
            "outputs = dict(zip(names, session.run(names, inputs)))",
        ],
    ),
    "openvino": Loading(
        "openvino and numpy",
        ["import openvino"],
        [
            "# without this option it may compute with 16 bits: faster, and not quite the same",
            'exact = {"INFERENCE_PRECISION_HINT": "f32"}',
            'model = openvino.Core().compile_model("model.xml", "CPU", exact)',
            "outputs = model(inputs).to_dict()",
        ],
    ),
    "executorch": Loading(
        "executorch and torch, on a computer",
        ["import torch", "from executorch.runtime import Runtime"],
        [
            'program = Runtime.get().load_program("model.pte")  # must stay as long as its method',
            'method = program.load_method("forward")  # takes one sample, in the order of `inputs`',
            "outputs = method.execute([torch.from_numpy(one[:1]) for one in inputs.values()])",
        ],
    ),
    "pt2": Loading(
        "torch",
        ["import torch"],
        [
            'model = torch.export.load("model.pt2").module()',
            _TENSORS,
            "with torch.inference_mode():",
            "    outputs = model(**tensors)",
        ],
    ),
}


def called_by_name(info: DataInfo) -> Sequence[str]:
    """Return the lines that call the pruned model itself."""
    positional = [one for one in info.arguments if not one.is_keyword]
    call = f"*[*tensors.values()][:{len(positional)}]" if positional else ""
    if keywords := [one.name for one in info.arguments if one.is_keyword]:
        given = ", ".join(f'{name}=tensors["{name}"]' for name in keywords)
        call = f"{call}, {given}" if call else given
    return [_TENSORS, "with torch.inference_mode():", f"    outputs = model({call})"]


def named_snippet(loading: Loading, info: DataInfo) -> str:
    """Return the whole piece of code."""
    return "\n".join(
        [
            "import numpy as np",
            *loading.imports,
            "",
            "# yours, as inputs.json describes them",
            "inputs = {",
            *(f'    "{graph_name(one)}": {_array(one)},' for one in info.arguments),
            "}",
            *loading.lines,
            "print(outputs)",
        ]
    )


def taken_in_words(info: DataInfo) -> str:
    """Return the names, shapes and dtypes of the inputs, as Markdown."""
    return ", ".join(
        f"{as_code(graph_name(one))} ({' x '.join(map(str, ('batch', *one.shape)))}, {one.dtype})"
        for one in info.arguments
    )


def _array(argument: Argument) -> str:
    shape = (1, *argument.shape)
    return f'np.full({shape}, {argument.largest or 0}, "{argument.dtype}")'
