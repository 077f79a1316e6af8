"""int8 of the integer module against onnxruntime's quantizer: accuracy, bytes, time in one run.

    python benchmarks/int8.py train.npz test.npz resnet20.safetensors

Both quantize a published ResNet-20 for CIFAR-10 with the same 256 training images and run in
onnxruntime. onnxruntime's own quantizer is shown with its default types (S8S8) and with unsigned
activations (U8S8), each with weights per channel and min-max ranges; NNCF (through OpenVINO) if it
is installed. Times are CPU times of one thread, medians of passes in turn. Images are in the format
of `data=npz`.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime
import torch
from front_quality import compose_settings
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor

from paretoprune.formats.int8 import INT8_FORMATS
from paretoprune.formats.onnx import onnx_bytes
from paretoprune.formats.tracing import trace
from paretoprune.problem.problem import make_problem
from paretoprune.quantization.gates import distance
from paretoprune.quantization.integers import integer_module
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.inputs import unkeyed
from paretoprune.trial.context import NUM_CALIBRATION
from paretoprune.trial.dense_model import dense_model

_BATCHES = (1, 32)
_REPEATS = {1: 60, 32: 10}

Run = Callable[[Tensor], Tensor]


def main() -> None:
    """Print a row for each model."""
    task = load(parser_of(__doc__).parse_args())
    model, images, labels = task.model, task.images, task.labels
    samples = task.samples.inputs.only.cpu()
    with tempfile.TemporaryDirectory() as place:
        runs = _models(Path(place), model, samples)
        expected = runs["float32"][1](images)
        times = {batch: _times(runs, images[:batch]) for batch in _BATCHES}
        print(f"{'model':22s}  {'bytes':>9s}  accuracy  KL to float  batch 1 ms  batch 32 ms")
        for name, (size, run) in runs.items():
            found = run(images)
            accuracy = 100 * (found.argmax(1) == labels).float().mean()
            row = "  ".join(f"{times[batch][name]:9.2f}" for batch in _BATCHES)
            kl = distance(expected, found).kl
            print(f"{name:22s}  {size:9,d}  {accuracy:6.2f} %  {kl:11.5f}  {row}", flush=True)


@dataclass(frozen=True)
class Loaded:
    """A trained float model, its calibration samples, and the images on which it is measured."""

    model: torch.nn.Module
    samples: TaskBatch
    images: Tensor  # (N, C, H, W)
    labels: Tensor  # (N,)


def parser_of(documentation: str) -> argparse.ArgumentParser:
    """Return a parser of the arguments that benchmarks of quantization share."""
    parser = argparse.ArgumentParser(description=documentation.split("\n")[0])
    add = parser.add_argument
    add("train", type=Path, help="images for calibration")
    add("test", type=Path, help="images on which accuracy is measured")
    add("weights", type=Path, help="of the float model")
    add("--samples", type=int, default=2000, help="of the test images")
    add("--cache", type=Path, default=Path(".cache/int8"))
    return parser


def load(options: argparse.Namespace) -> Loaded:
    """Return the model and the data; afterwards one thread is used."""
    logging.getLogger("paretoprune").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    problem = make_problem(compose_settings(_settings_of(options)))
    parts = [unkeyed(batch) for batch in problem.data.val_dataloader()]
    images, labels = (torch.cat(part)[: options.samples].cpu() for part in zip(*parts, strict=True))
    samples = problem.data.first_samples(NUM_CALIBRATION)
    return Loaded(dense_model(problem).cpu(), samples, images, labels)


def _settings_of(options: argparse.Namespace) -> list[str]:
    """Return the settings of the network and its data."""
    return [
        "data=npz",
        f"data.train={options.train}",
        f"data.validation={options.test}",
        "data.mean=[.4914,.4822,.4465]",
        "data.std=[.2023,.1994,.2010]",
        "model=resnet20",
        f"model.weights={options.weights}",
        "tracking=none",
        "device=cpu",
        "measure.latency=false",
        f"cache_dir={options.cache}",
    ]


def _models(place: Path, model: torch.nn.Module, samples: Tensor) -> dict[str, tuple[int, Run]]:
    """Return bytes and run of each model by name."""
    single = onnx_bytes(trace(model, samples[:2]))
    started = time.process_time()
    module = integer_module(model, samples)
    print(f"integer module in {time.process_time() - started:.1f} CPU s", flush=True)
    [ours] = INT8_FORMATS["onnx_int8"].encode(trace(module, samples[:2])).values()
    files = {"float32": single, "int8, this project": ours}
    (place / "float.onnx").write_bytes(single)
    quant_pre_process(str(place / "float.onnx"), str(place / "prepared.onnx"))
    for types, activation in (("S8S8, its default", QuantType.QInt8), ("U8S8", QuantType.QUInt8)):
        quantize_static(
            str(place / "prepared.onnx"),
            str(place / "quantized.onnx"),
            _Reader(samples),
            activation_type=activation,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )
        files[f"ORT {types}"] = (place / "quantized.onnx").read_bytes()
    runs: dict[str, tuple[int, Run]] = {n: (len(c), _opened(c)) for n, c in files.items()}
    return runs | _with_nncf(place / "float.onnx", samples)


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Feeds the calibration samples to onnxruntime's quantizer."""

    def __init__(self, samples: Tensor) -> None:
        self._batches: Iterator[Tensor] = iter(torch.split(samples, 32))

    def get_next(self) -> dict[str, Any] | None:
        """Return the next batch; None at the end."""
        batch = next(self._batches, None)
        return None if batch is None else {"input": batch.numpy()}


def _opened(content: bytes) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(images: Tensor) -> Tensor:
        parts = [session.run(None, {name: part.numpy()})[0] for part in torch.split(images, 100)]
        return torch.from_numpy(np.concatenate(parts))

    return run


def _with_nncf(file: Path, samples: Tensor) -> dict[str, tuple[int, Run]]:
    """Return NNCF's model in OpenVINO; nothing where NNCF is not installed."""
    try:
        import nncf  # type: ignore[import-not-found]
        import openvino
    except ImportError:
        return {}
    known = openvino.Core().read_model(file)
    single = [sample.numpy() for sample in torch.split(samples, 1)]
    quantized = nncf.quantize(known, nncf.Dataset(single))
    openvino.save_model(quantized, file.with_suffix(".xml"), compress_to_fp16=False)
    size = sum(file.with_suffix(end).stat().st_size for end in (".xml", ".bin"))
    limits = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(quantized, "CPU", limits)
    return {"NNCF in OpenVINO": (size, partial(_run_openvino, compiled))}


def _run_openvino(compiled: Any, images: Tensor) -> Tensor:
    parts = [next(iter(compiled(part.numpy()).values())) for part in torch.split(images, 100)]
    return torch.from_numpy(np.concatenate(parts))


def _times(runs: dict[str, tuple[int, Run]], batch: Tensor) -> dict[str, float]:
    """Return the median CPU time of a pass in milliseconds, by name; models take turns."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(_REPEATS[len(batch)] + 3):
        for name, (_, run) in runs.items():
            started = time.process_time()
            run(batch)
            if repeat >= 3:  # the first passes warm up
                taken[name].append(1000 * (time.process_time() - started))
    return {name: median(times) for name, times in taken.items()}


if __name__ == "__main__":
    main()
