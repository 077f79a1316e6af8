"""The latency table's error, and measured speed-ups at equal MACs with and without the table.

    python benchmarks/latency.py                                  # ResNet-20 and ResNet-50
    python benchmarks/latency.py --models resnet50 --batches 16 --picture docs/latency_stairs.png

The usual method removes the same share of every group until the MACs are met and rounds to whole
channels. Ours uses the latency table to find widths of the same MACs just below the steps of the
latency. Weights are random: latency needs no training, and accuracy is not evaluated. Dense, usual
and ours are timed alternately: unchanged, with BatchNorm folded into the convolutions, in
channels-last format, and both. With one thread on a CPU the clock is the thread's own.
"""

from __future__ import annotations

import argparse
import copy
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from paretoprune.measure.device import device_name
from paretoprune.measure.latency.forecast import Forecast
from paretoprune.measure.latency.latency import time_models
from paretoprune.measure.latency.layers import trace_layers
from paretoprune.measure.latency.table import time_points
from paretoprune.measure.macs import macs_per_layer
from paretoprune.models import resnet20
from paretoprune.problem.latency_table import describe_check, measure_forecast
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.groups import Group
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.plan import make_plan
from paretoprune.pruning.structured.rounding import widths_for
from paretoprune.pruning.structured.size import SizeModel
from paretoprune.results import GroupInfo
from paretoprune.search.allocation.baselines import uniform_ratios
from paretoprune.search.allocation.greedy import drop_dominated, greedy_allocation
from paretoprune.search.allocation.sensitivity import Sensitivity, distinct_ratios
from paretoprune.tasks.inputs import inputs_of

Ratios = Mapping[str, float]

NETWORKS: Mapping[str, tuple[Callable[[], nn.Module], int]] = {
    "resnet20": (resnet20, 32),
    "resnet50": (torchvision.models.resnet50, 224),
}
CUTS = (2.0, 3.85)  # dense MACs / MACs
STEP = 4  # ours rounds widths to multiples of it
MAX_RATIO = 0.9
ROUNDS = 21  # of the final comparison
LEVELS = tuple(k / 200 for k in range(199))


@dataclass(frozen=True)
class Network:
    """A dense network with everything needed to prune it."""

    model: nn.Module
    groups: tuple[Group, ...]
    size: SizeModel
    example: Tensor

    def widths(self, ratios: Ratios, *, divisor: int) -> dict[str, int]:
        return widths_for(self.groups, ratios, divisor=divisor, min_channels=1)

    def macs(self, ratios: Ratios, *, divisor: int) -> int:
        return self.size.cost(self.widths(ratios, divisor=divisor)).macs

    def pruned(self, ratios: Ratios, *, divisor: int) -> nn.Module:
        scores = {group.name: torch.arange(group.width, 0.0, -1) for group in self.groups}
        widths = self.widths(ratios, divisor=divisor)
        return apply_plan(self.model, self.groups, make_plan(self.groups, scores, widths))

    @property
    def infos(self) -> list[GroupInfo]:
        return [GroupInfo(group.name, group.width) for group in self.groups]


def build(name: str) -> Network:
    torch.manual_seed(0)
    make, image_size = NETWORKS[name]
    model = make().eval()
    example = torch.randn(1, 3, image_size, image_size)
    groups = find_groups(model, example).prunable
    shapes = {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    return Network(
        model, groups, SizeModel(groups, shapes, macs_per_layer(model, example)), example
    )


def usual(network: Network, most_macs: float) -> dict[str, float]:
    """Return the same ratio for all groups, rounded to whole channels."""
    return uniform_ratios(
        network.infos,
        lambda ratios: network.macs(ratios, divisor=1) <= most_macs,
        max_ratio=MAX_RATIO,
    )


def ours(network: Network, forecast: Forecast, most_macs: float) -> dict[str, float]:
    """Return the ratios of the loosest latency target whose widths have at most these MACs.

    Without trained weights all groups are assumed to be equally important: the loss of a group is
    the logarithm of dense over kept channels, so that no group becomes too narrow.
    """

    def latency_ms(ratios: Ratios) -> float:
        return forecast.latency_ms(network.size.sizes(network.widths(ratios, divisor=STEP)))

    loss = Sensitivity(
        LEVELS, {g.name: tuple(-math.log(1 - r) for r in LEVELS) for g in network.groups}
    )
    every = distinct_ratios(
        network.infos, partial(network.widths, divisor=STEP), max_ratio=MAX_RATIO
    )
    choices = drop_dominated(every, latency_ms)
    dense_ms, low, high = latency_ms({}), 0.0, 1.0
    ratios: dict[str, float] = {}
    for _ in range(7):
        share = (low + high) / 2
        found = greedy_allocation(loss, choices, latency_ms, target=share * dense_ms)
        if network.macs(found, divisor=STEP) <= most_macs:
            low, ratios = share, found
        else:
            high = share
    return ratios


def variants(model: nn.Module) -> dict[str, nn.Module]:
    """Return the variants of the network in which it may be deployed."""
    folded = fuse(copy.deepcopy(model))
    return {
        "as it is": model,
        "folded": folded,
        "channels last": copy.deepcopy(model).to(memory_format=torch.channels_last),
        "both": copy.deepcopy(folded).to(memory_format=torch.channels_last),
    }


def report(name: str, batch_size: int, threads: int) -> None:
    network = build(name)
    batch = network.example.expand(batch_size, -1, -1, -1).contiguous()
    print(f"\n{name}, batch {batch_size}, {threads} thread(s)", flush=True)
    forecast = measure_forecast(
        network.model,
        network.groups,
        network.size,
        inputs_of(batch),
        widths_of=partial(network.widths, divisor=STEP),
        step=STEP,
        threads=threads,
    )
    print(f"  {describe_check(forecast.check)}", flush=True)
    dense_macs = network.size.cost({}).macs
    models = {("dense", way): model for way, model in variants(network.model).items()}
    cut_of = {"dense": 1.0}
    for prune in CUTS:
        for route, ratios, divisor in (
            ("usual", usual(network, dense_macs / prune), 1),
            ("ours", ours(network, forecast, dense_macs / prune), STEP),
        ):
            who = f"{route} {prune:g}x"
            cut_of[who] = dense_macs / network.macs(ratios, divisor=divisor)
            for way, model in variants(network.pruned(ratios, divisor=divisor)).items():
                models[who, way] = model
    timed = dict(zip(models, time_all(models, batch, threads), strict=True))
    ways = list(variants(nn.Sequential()))
    print(f"  {'':12} {'MACs cut':>9}" + "".join(f"{way:>22}" for way in ways))
    for who, prune in cut_of.items():
        cells = (
            f"{timed[who, way]:9.2f} ms ({timed['dense', way] / timed[who, way]:5.2f}x)"
            for way in ways
        )
        print(f"  {who:12} {prune:8.2f}x" + "".join(f"{cell:>22}" for cell in cells), flush=True)


def time_all(
    models: Mapping[tuple[str, str], nn.Module], batch: Tensor, threads: int
) -> list[float]:
    """Time all models alternately, each with the batch in the memory format of its weights."""
    last = batch.contiguous(memory_format=torch.channels_last)
    wrapped = [
        On(model, last if way in ("channels last", "both") else batch)
        for (_, way), model in models.items()
    ]
    return time_models(wrapped, batch, threads=threads, rounds=ROUNDS)


class On(nn.Module):
    """A model with its own batch."""

    def __init__(self, model: nn.Module, batch: Tensor) -> None:
        super().__init__()
        self.model, self.batch = model, batch

    def forward(self, _: Tensor) -> Tensor:
        output: Tensor = self.model(self.batch)
        return output


def draw_stairs(path: Path, threads: int) -> None:
    """Draw the time of a 3x3 convolution of ResNet-50 against its outputs, in both
    memory formats."""
    import matplotlib.pyplot as plt

    widths = range(4, 129, 2)
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    for label, order in (
        ("usual order", torch.contiguous_format),
        ("channels last", torch.channels_last),
    ):
        x = torch.rand(1, 128, 28, 28).contiguous(memory_format=order)
        layer = nn.Conv2d(128, 128, 3, padding=1, bias=False).to(memory_format=order)
        shape = trace_layers(nn.Sequential(layer), x)[0].shape
        points = [(shape, 128, width) for width in widths]
        times_ms = time_points(points, device=x.device, threads=threads)
        axes.plot(widths, times_ms, ".-", label=label)
    axes.set(xlabel="output channels", ylabel="milliseconds", xticks=range(0, 129, 16), ylim=0)
    axes.set_title(f"3x3 convolution, 128 channels in, 28x28, {device_name(x.device)}", fontsize=10)
    axes.grid(axis="x", alpha=0.4)
    axes.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--picture", type=Path, help="draw the stairs of one layer there")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="  %(message)s")
    torch.set_num_threads(options.threads)
    print(f"{device_name(torch.device('cpu'))}, torch {torch.__version__}")
    if options.picture:
        draw_stairs(options.picture, options.threads)
    for name in options.models:
        for batch_size in options.batches:
            report(name, batch_size, options.threads)


if __name__ == "__main__":
    main()
