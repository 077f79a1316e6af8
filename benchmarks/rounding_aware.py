"""Training with rounded weights from GPTQ and shift on: accuracy by mean bits and epochs.

    python benchmarks/rounding_aware.py --data FOLDER --bits 3 2.5 2 --epochs 0.5 1

The published ResNet-20 for CIFAR-10, by the data of `front_quality.py`: 8,000 training images with
augmentation, accuracy on 5,000 validation images. Weights are rounded in every step, straight
through, with learnt step sizes (Esser et al. 2020, LSQ), half the loss distilled from the float
model; BatchNorm keeps its statistics, or with `--renew` follows the batches. Latent weights begin
inside the cells of the codes that GPTQ has chosen, as near to the float weights as these allow.
Seconds are CPU time of one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from front_quality import compose_settings
from tasks import TASKS
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div
from torch.nn.utils import parametrize

from paretoprune.measure.quality import measure_quality
from paretoprune.problem.problem import Problem, make_problem
from paretoprune.quantization.quantizers.mixed import Mixed
from paretoprune.quantization.weights import RoundedModel
from paretoprune.tasks.inputs import unkeyed
from paretoprune.trial.context import make_context

_EDGE = 0.49  # of a step: the farthest of a latent weight from its level at the beginning
_LOOKAHEAD = 2.0  # temperature of distillation


class Rounding(nn.Module):
    """Rounds a weight to `levels` levels on either side, straight through, by learnt steps."""

    def __init__(self, steps: Tensor, levels: int) -> None:
        super().__init__()
        self.log_steps = nn.Parameter(steps.clamp(min=1e-8).log())
        self.levels = levels

    def forward(self, weight: Tensor) -> Tensor:
        steps = self.log_steps.exp()
        scaled = (weight / steps).clamp(-self.levels, self.levels)
        return (scaled + (scaled.round() - scaled).detach()) * steps


def main() -> None:
    """Print accuracy and seconds for each mean and length."""
    options = _options()
    torch.set_num_threads(1)
    overrides = [
        *TASKS["cifar10"].overrides(options.data, options.cache, options.seed),
        "quantization=mixed",
        "search=auto",
        "+search.objectives.size_bytes=minimize",
        "~search.objectives.macs",
    ]
    problem = make_problem(compose_settings(overrides))
    context = make_context(problem)
    dense = context.dense.model
    print(f"float32 {context.dense.metrics.quality['accuracy']:.2f} %")
    assert context.calibration is not None
    for name, make in Mixed(bits=options.bits).models(dense, context.calibration).items():
        rounded = make().rounded
        assert rounded is not None
        print(f"{name}: GPTQ and shift {_accuracy(problem, rounded.model):.2f} %", flush=True)
        for epochs in options.epochs:
            for rate in options.rates:
                rounded = make().rounded
                assert rounded is not None
                started = time.process_time()
                _train(problem, rounded, dense, epochs=epochs, rate=rate, renew=options.renew)
                seconds = time.process_time() - started
                print(
                    f"{name}: {epochs:g} epochs at {rate:g}: "
                    f"{_accuracy(problem, rounded.model):.2f} %, {seconds:.0f} CPU s",
                    flush=True,
                )


def _train(
    problem: Problem,
    rounded: RoundedModel,
    dense: nn.Module,
    *,
    epochs: float,
    rate: float,
    renew: bool,
) -> None:
    model = rounded.model
    _with_rounding(rounded, dense)
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    steps = max(1, round(epochs * len(problem.data.train_dataloader())))
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.2)
    model.train(renew)
    for _, (images, labels) in zip(range(steps), _batches(problem), strict=False):
        with torch.no_grad():
            wanted = (dense(images) / _LOOKAHEAD).softmax(1)
        logits = model(images)
        taught = kl_div((logits / _LOOKAHEAD).log_softmax(1), wanted, reduction="batchmean")
        loss = 0.5 * cross_entropy(logits, labels) + 0.5 * _LOOKAHEAD**2 * taught
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        cycle.step()
    model.eval()


@torch.no_grad()
def _with_rounding(rounded: RoundedModel, dense: nn.Module) -> None:
    """Parametrize all rounded weights of convolutions and linear layers."""
    for name, weight in rounded.weights.items():
        path, _, own = name.rpartition(".")
        layer = rounded.model.get_submodule(path)
        shape = (-1, *[1] * (len(weight.codes.shape) - 1))
        steps = torch.from_numpy(weight.scales.astype("float32")) * 2.0**weight.exponent
        steps = steps.view(shape).clamp(min=1e-8)
        levels = torch.from_numpy(weight.codes.astype("float32"))
        start = (dense.get_parameter(name) / steps).clamp(levels - _EDGE, levels + _EDGE) * steps
        layer.get_parameter(own).copy_(start)
        most = 2 ** (rounded.bits[name] - 1) - 1
        parametrize.register_parametrization(layer, own, Rounding(steps, most), unsafe=True)


def _batches(problem: Problem) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        for batch in problem.data.train_dataloader():
            images, labels = unkeyed(batch)
            yield images, labels


def _accuracy(problem: Problem, model: nn.Module) -> float:
    loader = problem.data.val_dataloader()
    return measure_quality(problem.task, model, loader, device=problem.device)["accuracy"]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, default=Path("data"), help="where real data and weights lie")
    add("--cache", type=Path, default=Path(".cache/bits_front"), help="of dense models")
    add("--bits", type=float, nargs="*", default=[3, 2.5, 2], help="means")
    add("--epochs", type=float, nargs="*", default=[0.5, 1])
    add("--rates", type=float, nargs="*", default=[1e-3], help="peak learning rates of Adam")
    add("--renew", action="store_true", help="BatchNorm follows the batches")
    add("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
