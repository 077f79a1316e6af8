"""Weights of few bits without training: accuracy and bytes of uniform and mixed bits.

    python benchmarks/bits.py train.npz test.npz resnet20.safetensors --samples 2000

A published ResNet-20 for CIFAR-10, rounded with 256 training images; activations stay in floating
point. Bytes are those of the compact file. Uniform bits are shown rounded to the nearest level with
shifted BatchNorm, and rounded by GPTQ; mixed bits by GPTQ. Images are in the format of `data=npz`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial

import torch
from int8 import load, parser_of
from torch import Tensor, nn

from paretoprune.quantization.compact import compact_bytes
from paretoprune.quantization.gates import distance
from paretoprune.quantization.quantizers.mixed import Mixed
from paretoprune.quantization.shift import shift_statistics
from paretoprune.quantization.weights import RoundedModel, round_weights
from paretoprune.tasks.bound import TaskBatch

Make = Callable[[], RoundedModel]


def main() -> None:
    """Print a row for each model."""
    parser = parser_of(__doc__)
    parser.add_argument("--uniform", type=int, nargs="*", default=[8, 6, 4, 3, 2])
    parser.add_argument("--mixed", type=float, nargs="*", default=[4, 3.5, 3, 2.5])
    options = parser.parse_args()
    task = load(options)
    model, samples, images, labels = task.model, task.samples, task.images, task.labels
    expected = _logits(model, images)
    print(f"float32: {_accuracy(expected, labels):.2f} %")
    for name, make in _models(model, samples, options).items():
        started = time.process_time()
        rounded = make()
        seconds = time.process_time() - started
        found = _logits(rounded.model, images)
        size = len(compact_bytes(rounded, samples.inputs[:2]))
        print(
            f"{name:16s}  {size:8,d} B  {_accuracy(found, labels):6.2f} %  "
            f"KL {distance(expected, found).kl:.4f}  {seconds:5.1f} CPU s",
            flush=True,
        )


def _models(
    model: nn.Module, samples: TaskBatch, options: argparse.Namespace
) -> Mapping[str, Make]:
    found: dict[str, Make] = {}
    for bits in options.uniform:
        found[f"{bits} bits, nearest"] = partial(_nearest, model, bits, samples)
        if bits < 8:
            found[f"{bits} bits, GPTQ"] = partial(round_weights, model, bits, samples.inputs)
    for name, make in Mixed(bits=list(options.mixed)).models(model, samples).items():
        found[name] = partial(_rounded_of, make)
    return found


def _nearest(model: nn.Module, bits: int, samples: TaskBatch) -> RoundedModel:
    rounded = round_weights(model, bits)
    shift_statistics(rounded.model, model, samples.inputs)
    return rounded


def _rounded_of(make: Callable[[], object]) -> RoundedModel:
    rounded = make().rounded  # type: ignore[attr-defined]
    assert isinstance(rounded, RoundedModel)
    return rounded


@torch.inference_mode()
def _logits(model: nn.Module, images: Tensor) -> Tensor:
    return torch.cat([model.eval()(part) for part in torch.split(images, 250)])


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    return 100 * (logits.argmax(1) == labels).float().mean().item()


if __name__ == "__main__":
    main()
