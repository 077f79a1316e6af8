"""Lines that load an exported model and name the classes of images. They run in its folder."""

from __future__ import annotations

from collections.abc import Sequence

from paretoprune.results import DataInfo, Preprocessing


def paretoprune_snippet(
    info: DataInfo, preprocessing: Preprocessing | None, *, trust: Sequence[str]
) -> str:
    """The pruned model as a `torch.nn.Module`, which can be trained further."""
    trusted = f", trust={list(trust)!r}" if trust else ""
    load = f'model = paretoprune.load_model("."{trusted})'
    return _lines(["paretoprune", "torch"], info, preprocessing, [load, *_with_torch("model")])


def pt2_snippet(info: DataInfo, preprocessing: Preprocessing | None) -> str:
    """The graph in `model.pt2`; needs torch alone."""
    load = 'model = torch.export.load("model.pt2").module()'
    return _lines(["torch"], info, preprocessing, [load, *_with_torch("model")])


def onnx_snippet(info: DataInfo, preprocessing: Preprocessing | None) -> str:
    """The graph in `model.onnx`; needs onnxruntime and numpy alone."""
    run = [
        'session = onnxruntime.InferenceSession("model.onnx")',
        '[logits] = session.run(["logits"], {"input": inputs})',
    ]
    return _lines(["onnxruntime"], info, preprocessing, run)


def _with_torch(model: str) -> list[str]:
    return [
        "with torch.inference_mode():",
        f"    logits = {model}(torch.from_numpy(inputs)).numpy()",
    ]


def _lines(
    packages: Sequence[str],
    info: DataInfo,
    preprocessing: Preprocessing | None,
    load_and_run: Sequence[str],
) -> str:
    imports = sorted(["numpy as np", *packages])
    return "\n".join(
        [
            "import json",
            "from pathlib import Path",
            "",
            *(f"import {name}" for name in imports),
            "",
            'about = json.loads(Path("preprocessing.json").read_text())',
            *_inputs(info, preprocessing),
            *load_and_run,
            'print([about["classes"][index] for index in logits.argmax(1)])',
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
