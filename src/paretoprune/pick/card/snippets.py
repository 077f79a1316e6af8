"""Lines that load an exported model and name the classes of images. They run in its folder."""

from __future__ import annotations

from collections.abc import Sequence

from paretoprune.formats.format import WITH_TORCH, Loading
from paretoprune.results import DataInfo, Preprocessing


def own_loading(
    trust: Sequence[str], *, given: str | None = None, lines: Sequence[str] | None = None
) -> Loading:
    """The pruned model as a `torch.nn.Module`, which can be trained further.

    `given` names the class of a dense network that was an object: it must be there again. `lines`
    call it; by default with the array `inputs`.
    """
    call = lines or WITH_TORCH
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
