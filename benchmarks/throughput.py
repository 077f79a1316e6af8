"""Throughput of `fit` relative to a bare PyTorch training loop.

    python benchmarks/throughput.py --rounds 5 --threads 1

For ResNet-20 on two image sizes, both train on the same batches alternately; the bare loop runs in
each memory format, in float32 and in bfloat16, and the fastest one counts. `fit` chooses for itself
(`precision=auto`). Prints samples per second and the median over the rounds of the ratio fit /
bare. A ratio of 1 means that `fit` has no overhead.
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.finetune.fit import fit
from paretoprune.finetune.training_run import TrainingRun
from paretoprune.tasks.classification import Classification

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Case:
    """One size of images and batches."""

    image_size: int
    batch_size: int
    num_batches: int


CASES = (Case(32, 128, 4), Case(8, 64, 60))


@dataclass(frozen=True)
class Loop:
    """A variant of the bare loop."""

    order: torch.memory_format
    bfloat16: bool


LOOPS = {
    "channels first": Loop(torch.contiguous_format, bfloat16=False),
    "channels last": Loop(torch.channels_last, bfloat16=False),
    "first, bfloat16": Loop(torch.contiguous_format, bfloat16=True),
    "last, bfloat16": Loop(torch.channels_last, bfloat16=True),
}


class Block(nn.Module):
    """A residual block with a 1x1 convolution where the shape changes."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut.append(nn.Conv2d(channels_in, channels, 1, stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.bn1(self.conv1(x)))
        return relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def resnet20() -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    width = 16
    for channels in (16, 32, 64):
        for _ in range(3):
            layers.append(Block(width, channels, stride=1 if width == channels else 2))
            width = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def bare_seconds(model: nn.Module, batches: list[Batch], device: torch.device, loop: Loop) -> float:
    """Time a hand-written loop, with the validation of `fit` at the end."""
    model = copy.deepcopy(model).to(device).to(memory_format=loop.order).train()
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=loop.bfloat16)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=len(batches) + 1)
    start = perf_counter()
    for x, y in batches:
        with autocast:
            logits = model(x.contiguous(memory_format=loop.order))
        loss = cross_entropy(logits.float(), y)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    with torch.inference_mode(), autocast:
        x, y = batches[0]
        model.eval()(x.contiguous(memory_format=loop.order)).argmax(1).eq(y).sum().item()
    return perf_counter() - start


def fit_seconds(model: nn.Module, batches: list[Batch], device: torch.device) -> float:
    """Return the seconds of the epoch from its record."""
    result = fit(
        copy.deepcopy(model),
        Classification(),
        TrainingRun(
            train_loader=batches,
            val_loader=batches[:1],
            settings=FinetuneSettings(),
            epochs=1,
            seed=0,
            device=device,
        ),
    )
    return result.curve[0].seconds


def measure(case: Case, rounds: int, device: torch.device) -> None:
    torch.manual_seed(0)
    shape = (case.batch_size, 3, case.image_size, case.image_size)
    batches = [
        (torch.randn(shape, device=device), torch.randint(10, shape[:1], device=device))
        for _ in range(case.num_batches)
    ]
    model = resnet20()
    seconds: dict[str, list[float]] = {name: [] for name in ("fit", *LOOPS)}
    for _ in range(rounds + 1):
        seconds["fit"].append(fit_seconds(model, batches, device))
        for name, loop in LOOPS.items():
            seconds[name].append(bare_seconds(model, batches, device, loop))
    report(case, {name: values[1:] for name, values in seconds.items()})


def report(case: Case, seconds: dict[str, list[float]]) -> None:
    samples = case.num_batches * case.batch_size
    print(f"{case.image_size}x{case.image_size} images, batches of {case.batch_size}")
    for name, values in seconds.items():
        print(f"  {name:>16}: {samples / median(values):9.0f} samples/s")
    best = min((name for name in seconds if name != "fit"), key=lambda n: median(seconds[n]))
    ratios = [bare / own for bare, own in zip(seconds[best], seconds["fit"], strict=True)]
    print(f"  fit / bare loop in {best}: {median(ratios):.3f}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for case in CASES:
        measure(case, options.rounds, torch.device(options.device))


if __name__ == "__main__":
    main()
