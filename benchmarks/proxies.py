"""How well cheap answers foretell what a candidate is worth after training: Spearman's rank.

    python benchmarks/proxies.py --count 24

On `digits-hard`: random allocations, all of one size (`--share` of the MACs) and of any size, each
judged before training by several proxies and then trained for `--epochs` epochs.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from front_quality import _settings
from scipy.stats import spearmanr
from tasks import TASKS

from paretoprune.cli.strategy import _gates, _sizes
from paretoprune.finetune import recalibrate_batchnorm
from paretoprune.measure import measure_quality
from paretoprune.outline import outline
from paretoprune.prepare import Prepared, divergence, prepare, training_batches, with_gate_scores
from paretoprune.pruning import apply_plan, make_plan
from paretoprune.results import Job
from paretoprune.trial import start_of, train


def main() -> None:
    """Print a line for each proxy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--cache", type=Path, default=Path(".cache/front_quality"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    overrides = TASKS["digits-hard"].overrides(Path(), options.cache, 0)
    settings = ["search=auto", "search.max_ratio=0.85", "finetune.distillation=0.5"]
    prepared = with_gate_scores(prepare(outline(_settings([*overrides, *settings]))))
    prepared = replace(prepared, finetune=replace(prepared.finetune, learning_rate=0.02))
    for share in (options.share, None):
        rows = [_row(prepared, number, share, options.epochs) for number in range(options.count)]
        print(f"\n{len(rows)} allocations of {f'{share:.0%} of the MACs' if share else 'any size'}")
        for name in rows[0]:
            if name != "trained":
                pairs = [(row[name], row["trained"]) for row in rows]
                print(f"  {name:36}{spearmanr(pairs).statistic:6.2f}")


def _row(prepared: Prepared, number: int, share: float | None, epochs: float) -> dict[str, float]:
    """What each proxy says of one random allocation, and what training makes of it."""
    task, sizes = prepared.outline, _sizes(prepared.outline)
    random = np.random.default_rng((number, share is None))
    size = share * sizes.dense if share else sizes.between(random.uniform())
    drawn = {name: random.uniform(0, 0.85) for name in sizes.choices}
    ratios = sizes.stretched(drawn, size)
    widths, groups = task.widths_of(ratios), task.groups.prunable
    pruned = apply_plan(prepared.dense, groups, make_plan(groups, prepared.scores, widths))
    recalibrate_batchnorm(pruned, (x for x, _ in training_batches(task, 8)))
    damage = _gates(prepared)(None)
    job = Job(number, "proxy", ratios, widths, 0, epochs=epochs)
    trained = train(prepared, job, start_of(prepared, job, trials=Path())).model
    return {
        "accuracy, BatchNorm re-calibrated": _accuracy(prepared, pruned),
        "- divergence from the dense model": -divergence(prepared, ratios),
        "- sum of gate scores that go": -sum(damage.at(n, ratios[n]) for n in sizes.choices),
        "log MACs": float(np.log(sizes.macs_of(ratios))),
        "log parameters": float(np.log(task.cost_of(ratios).params)),
        "trained": _accuracy(prepared, trained),
    }


def _accuracy(prepared: Prepared, model: torch.nn.Module) -> float:
    task = prepared.outline
    loader = task.data.val_dataloader()
    return measure_quality(
        model, loader, num_classes=task.info.num_classes, device=task.device
    ).accuracy


if __name__ == "__main__":
    main()
