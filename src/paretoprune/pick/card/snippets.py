"""Lines that load an exported model and name the classes of images. They run in its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paretoprune.results import DataInfo, Preprocessing


@dataclass(frozen=True)
class Loading:
    """How a format is loaded: what that needs, and what makes `logits` of `inputs`."""

    needs: str
    imports: Sequence[str]
    lines: Sequence[str]


_WITH_TORCH = (
    "with torch.inference_mode():",
    "    logits = model(torch.from_numpy(inputs)).numpy()",
)
GRAPHS: Mapping[str, Loading] = {
    "onnx": Loading(
        "onnxruntime and numpy",
        ["import onnxruntime"],
        [
            'session = onnxruntime.InferenceSession("model.onnx")',
            '[logits] = session.run(["logits"], {"input": inputs})',
        ],
    ),
    "openvino": Loading(
        "openvino and numpy",
        ["import openvino"],
        [
            "# without this option it may compute with 16 bits: faster, and not quite the same",
            'exact = {"INFERENCE_PRECISION_HINT": "f32"}',
            'model = openvino.Core().compile_model("model.xml", "CPU", exact)',
            'logits = model({"input": inputs})["logits"]',
        ],
    ),
    "onnx_int8": Loading(
        "onnxruntime and numpy, computing with integers",
        ["import onnxruntime"],
        [
            'session = onnxruntime.InferenceSession("model.int8.onnx")',
            '[logits] = session.run(["logits"], {"input": inputs})',
        ],
    ),
    "openvino_int8": Loading(
        "openvino and numpy, computing with integers",
        ["import openvino"],
        [
            'exact = {"INFERENCE_PRECISION_HINT": "f32"}',
            'model = openvino.Core().compile_model("model.int8.xml", "CPU", exact)',
            'logits = model({"input": inputs})["logits"]',
        ],
    ),
    "executorch": Loading(
        "executorch and torch, on a computer",
        ["import torch", "from executorch.runtime import Runtime"],
        [
            'program = Runtime.get().load_program("model.pte")  # must stay as long as its method',
            'method = program.load_method("forward")',
            "one_by_one = torch.from_numpy(inputs).split(1)  # as on a phone",
            "logits = np.concatenate([method.execute([one])[0].numpy() for one in one_by_one])",
        ],
    ),
    "pt2": Loading(
        "torch",
        ["import torch"],
        ['model = torch.export.load("model.pt2").module()', *_WITH_TORCH],
    ),
}


def own_loading(
    trust: Sequence[str], *, given: str | None = None, lines: Sequence[str] | None = None
) -> Loading:
    """The pruned model as a `torch.nn.Module`, which can be trained further.

    `given` names the class of a dense network that was an object: it must be there again. `lines`
    call it; by default with the array `inputs`.
    """
    call = lines or _WITH_TORCH
    if given is not None:
        load = f'model = paretoprune.load_model(".", model={given}(...))  # the dense network'
        needs = f"paretoprune and the dense network's own code ({given})"
        return Loading(needs, ["import torch", "import paretoprune"], [load, *call])
    code = f" and the model's own code ({', '.join(trust)})" if trust else ""
    trusted = f", trust={list(trust)!r}" if trust else ""
    load = f'model = paretoprune.load_model("."{trusted})'
    return Loading(f"paretoprune{code}", ["import torch", "import paretoprune"], [load, *call])


def snippet(loading: Loading, info: DataInfo, preprocessing: Preprocessing | None) -> str:
    """The whole piece of code."""
    return "\n".join(
        [
            "import json",
            "from pathlib import Path",
            "",
            "import numpy as np",
            *loading.imports,
            "",
            'about = json.loads(Path("preprocessing.json").read_text())',
            *_inputs(info, preprocessing),
            *loading.lines,
            'print([about["classes"][index] for index in logits.argmax(1)])'
            if info.num_classes
            else "print(logits)",
        ]
    )


def _inputs(info: DataInfo, preprocessing: Preprocessing | None) -> list[str]:
    if preprocessing is None:
        shape = ", ".join(str(size) for size in (1, *info.input_shape))
        return [f'inputs = np.zeros(({shape}), "float32")  # as your data module makes them']
    channels, height, width = info.input_shape
    values = f"0 to {preprocessing.scale:g}" if preprocessing.scale != 1 else "floats"
    meant = f"{preprocessing.channel_order}, {values}"
    return [
        f"# yours: (how many, height, width, channels); {meant}",
        f"images = np.zeros((1, {height}, {width}, {channels}))",
        'inputs = (images / about["scale"] - about["mean"]) / about["std"]',
        'inputs = np.ascontiguousarray(inputs.transpose(0, 3, 1, 2), dtype="float32")',
    ]
