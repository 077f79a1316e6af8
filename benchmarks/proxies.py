"""Rank correlation between zero-cost proxies of pruned models and their accuracy after training.

    python benchmarks/proxies.py --tasks digits-hard --cache .cache/front_quality

Random ratios for each group are scaled to sizes in one band, and to sizes of the whole range. Each
model is evaluated after recalibration of BatchNorm statistics, after compensation
(`compensation=least_squares`), and after short trainings; the reference is a training of
`--epochs`. Prints Spearman's correlation with the reference, over all validation data.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from front_quality import task_settings
from scipy.stats import spearmanr
from tasks import TASKS
from torch import nn

from paretoprune.measure.quality import measure_quality
from paretoprune.problem.problem import make_problem
from paretoprune.results import Job
from paretoprune.search.allocation.sizes import Sizes
from paretoprune.sweep.candidates.dimensions import choices_of
from paretoprune.trial.context import TrialContext, make_context
from paretoprune.trial.gate_scores import with_gate_scores
from paretoprune.trial.schedules.parts.steps import prune, train

_BAND = 0.2  # share of the dense MACs
_MAX_RATIO = 0.85

Ratios = Mapping[str, float]


def main() -> None:
    """Print a table for each task."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--tasks", default="digits-hard", help=f"of {', '.join(TASKS)}")
    add("--models", type=int, default=24, help="of each set")
    add("--epochs", type=float, default=4.0, help="of the training that counts as the truth")
    add("--data", type=Path, default=Path("data"), help="where real data and weights lie")
    add("--cache", type=Path, default=Path(".cache/front_quality"), help="of dense models")
    options = parser.parse_args()
    logging.getLogger("paretoprune").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    for name in options.tasks.split(","):
        overrides = ["search=auto", "finetune.distillation=0.5"]
        settings = task_settings(TASKS[name], options.data, options.cache, 0, overrides)
        context = with_gate_scores(make_context(make_problem(settings)))
        for title, shares in (
            (f"sizes about {_BAND:.0%} of the MACs", np.full(options.models, _BAND)),
            ("sizes of 5 to 80 %", np.geomspace(0.05, 0.8, options.models)),
        ):
            print(f"\n{name}, {options.models} models, {title}: Spearman's correlation with")
            print(f"the accuracy after {options.epochs:g} epochs")
            _print_table(context, shares.tolist(), options.epochs)


def _print_table(context: TrialContext, shares: Sequence[float], epochs: float) -> None:
    models = [_random_ratios(context, share, seed) for seed, share in enumerate(shares)]
    truth = [_accuracy(context, ratios, epochs) for ratios in models]
    macs = [float(context.costs.cost_of(ratios).macs) for ratios in models]
    proxies: dict[str, Callable[[Ratios], float]] = {
        "renewed statistics": lambda r: _accuracy(_without_compensation(context), r, 0.0),
        "least squares": lambda r: _accuracy(context, r, 0.0),
        "... and a quarter epoch": lambda r: _accuracy(context, r, 0.25),
        "... and half an epoch": lambda r: _accuracy(context, r, 0.5),
        "... and an epoch": lambda r: _accuracy(context, r, 1.0),
    }
    print(f"    {'MACs alone':26}{_correlation(macs, truth):6.2f}")
    for name, proxy in proxies.items():
        seen = [proxy(ratios) for ratios in models]
        print(f"    {name:26}{_correlation(seen, truth):6.2f}   accuracy {np.mean(seen):.1f}")
    print(f"    {'the truth':26}{'':6}   accuracy {np.mean(truth):.1f}", flush=True)


def _random_ratios(context: TrialContext, share: float, seed: int) -> Ratios:
    problem = context.problem
    sizes = Sizes(
        choices=choices_of(problem, max_ratio=_MAX_RATIO),
        size_of=lambda ratios: float(problem.costs.cost_of(ratios).macs),
        macs_of=lambda ratios: float(problem.costs.cost_of(ratios).macs),
    )
    drawn = np.random.default_rng(seed).uniform(0, _MAX_RATIO, len(sizes.choices))
    return sizes.stretched(
        dict(zip(sizes.choices, drawn.tolist(), strict=True)), share * sizes.dense
    )


def _accuracy(context: TrialContext, ratios: Ratios, epochs: float) -> float:
    """Return the accuracy on validation data after pruning and `epochs` epochs of training."""
    problem = context.problem
    widths = problem.costs.widths_of(ratios)
    candidate, _ = prune(
        context, context.start.candidate, context.start.scores, widths, trained_next=epochs > 0
    )
    if epochs:
        train(context, candidate, Job(0, "proxy", ratios, widths, seed=0), epochs=epochs)
    return _validate(context, candidate.model)


def _validate(context: TrialContext, model: nn.Module) -> float:
    problem = context.problem
    loader = problem.data.val_dataloader()
    return measure_quality(problem.task, model, loader, device=problem.device)["accuracy"]


def _without_compensation(context: TrialContext) -> TrialContext:
    settings = replace(context.settings, compensation=None)
    return replace(context, problem=replace(context.problem, settings=settings))


def _correlation(seen: Sequence[float], truth: Sequence[float]) -> float:
    return float(spearmanr(seen, truth).statistic)


if __name__ == "__main__":
    main()
