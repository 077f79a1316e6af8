"""Weights of few bits without training: accuracy and bytes of uniform and mixed bits.

    python benchmarks/bits.py train.npz test.npz resnet20.safetensors --samples 2000

A published ResNet-20 for CIFAR-10, rounded with 256 training images; activations stay in floating
point. Bytes are those of the compact file. Uniform bits are shown rounded to the nearest level with
shifted BatchNorm, and rounded by GPTQ; mixed bits by GPTQ. Images are in the format of `data=npz`.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from front_quality import compose_settings
from int8 import settings_of
from torch import Tensor, nn

from paretoprune.problem.problem import make_problem
from paretoprune.quantization.compact import compact_bytes
from paretoprune.quantization.quantizers.mixed import Mixed
from paretoprune.quantization.shift import shift_statistics
from paretoprune.quantization.weights import RoundedModel, round_weights
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.inputs import unkeyed
from paretoprune.trial.context import NUM_CALIBRATION
from paretoprune.trial.dense_model import dense_model

Make = Callable[[], RoundedModel]


def main() -> None:
    """Print a row for each model."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("train", type=Path, help="images for calibration")
    add("test", type=Path, help="images on which accuracy is measured")
    add("weights", type=Path, help="of the float model")
    add("--samples", type=int, default=2000, help="of the test images")
    add("--uniform", type=int, nargs="*", default=[8, 6, 4, 3, 2])
    add("--mixed", type=float, nargs="*", default=[4, 3.5, 3, 2.5])
    add("--cache", type=Path, default=Path(".cache/int8"))
    options = parser.parse_args()
    logging.getLogger("paretoprune").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    problem = make_problem(compose_settings(settings_of(options)))
    model = dense_model(problem).cpu()
    samples = problem.data.first_samples(NUM_CALIBRATION)
    parts = [unkeyed(batch) for batch in problem.data.val_dataloader()]
    images, labels = (torch.cat(part)[: options.samples].cpu() for part in zip(*parts, strict=True))
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
            f"KL {_divergence(expected, found):.4f}  {seconds:5.1f} CPU s",
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


def _divergence(expected: Tensor, found: Tensor) -> float:
    wanted = expected.double().log_softmax(1)
    kl = wanted.exp() * (wanted - found.double().log_softmax(1))
    return kl.sum(1).mean().item()


if __name__ == "__main__":
    main()
