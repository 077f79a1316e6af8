"""Masked against pruned: one ResNet-20 dense, masked and pruned, timed alternately in one run.

python benchmarks/zeros.py
"""

from __future__ import annotations

from pathlib import Path

import torch

from paretoprune.measure.device import device_name
from paretoprune.measure.latency.clocks import clock_for
from paretoprune.measure.latency.timing import time_in_turn
from paretoprune.measure.macs import count_macs
from paretoprune.measure.params import count_params
from paretoprune.models import resnet20
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.scorers.data_free.magnitude import Magnitude
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.equivalence import check_equivalence
from paretoprune.pruning.structured.masks import masked_model
from paretoprune.pruning.structured.plan import make_plan

_RATIO = 0.75
_ROUNDS = 60


def main() -> None:
    """Print a row for each of the three."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    dense, batch = resnet20(num_classes=10, in_channels=3).eval(), torch.randn(16, 3, 32, 32)
    groups = find_groups(dense, batch).prunable
    widths = {group.name: max(1, round((1 - _RATIO) * group.width)) for group in groups}
    plan = make_plan(groups, Magnitude(p=1)(dense, groups, iter(())), widths)
    models = {
        "dense": dense,
        "zeros": masked_model(dense, groups, plan).eval(),
        "removed": apply_plan(dense, groups, plan).eval(),
    }
    check_equivalence(models["zeros"], models["removed"], batch)
    passes = [lambda model=model: model(batch) for model in models.values()]
    with torch.inference_mode():
        clock = clock_for(batch.device, threads=1)
        time_in_turn(passes, 5, clock=clock)
        times = time_in_turn(passes, _ROUNDS, clock=clock)
    print(f"{device_name(torch.device('cpu'))}, 1 thread, batch of 16, medians of CPU time")
    for index, (name, model) in enumerate(models.items()):
        speedup = times.ratio(0, index)
        print(
            f"{name:8s} {count_params(model):8,} parameters {count_macs(model, batch):12,} MACs "
            f"{times.median_ms(index):7.2f} ms  {speedup.median:.2f}x (spread {speedup.spread:.0%})"
        )


if __name__ == "__main__":
    print(f"# {Path(__file__).name}")
    main()
