"""Low-rank factorisation against channel pruning before any training: accuracy at equal MACs.

    python benchmarks/rank_or_channels.py train.npz validation.npz resnet20.safetensors

A published ResNet-20 for CIFAR-10 is reduced to shares of its MACs by channels, by ranks and by
both. For each, the product's own allocation by gates and a uniform one are compared by the
divergence of the untrained outputs, and the lower one is taken. The remaining weights are
compensated by least squares on 256 training images; nothing is trained. Images are in the format of
`data=npz`.

The published weights have seen all 50,000 training images. So the accuracy on a part of these that
calibration does not use is biased upwards, including the dense model's.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from front_quality import compose_settings

from paretoprune.low_rank.merge import merged
from paretoprune.low_rank.ranks import FactoredLayer
from paretoprune.measure.macs import count_macs
from paretoprune.measure.quality import measure_quality
from paretoprune.problem.problem import Problem, make_problem
from paretoprune.search.allocation.allocate import allocate
from paretoprune.search.allocation.mutation import Ratios, uniform_step
from paretoprune.search.allocation.sizes import Sizes
from paretoprune.sweep.candidates.dimensions import choices_of
from paretoprune.sweep.strategies import gate_damage
from paretoprune.trial.context import TrialContext, make_context
from paretoprune.trial.gate_scores import with_gate_scores
from paretoprune.trial.proxy import proxy_divergences
from paretoprune.trial.schedules.parts.steps import prune

_WAYS = {"channels": "none", "ranks": "spatial", "both": "spatial"}  # and `low_rank` of each
_MAX_RATIO = 0.95


def main() -> None:
    """Print a row for each method and share."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("train", type=Path, help="images for calibration")
    add("validation", type=Path, help="images on which accuracy is measured")
    add("weights", type=Path, help="of the dense model")
    add("--shares", default="0.5,0.35,0.2,0.1", help="of the dense MACs")
    add("--ways", default=",".join(_WAYS), help=f"of {', '.join(_WAYS)}")
    add("--seed", type=int, default=0)
    add("--cache", type=Path, default=Path(".cache/rank_or_channels"))
    add("--override", nargs="*", default=[], help="settings, such as low_rank.divisor=8")
    options = parser.parse_args()
    logging.getLogger("paretoprune").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    for way in options.ways.split(","):
        started = time.process_time()
        overrides = [*_common(options), f"low_rank={_WAYS[way]}", *options.override]
        problem = make_problem(compose_settings(overrides))
        context = with_gate_scores(
            make_context(_ranks_alone(problem) if way == "ranks" else problem)
        )
        dense = context.dense.metrics.quality["accuracy"]
        took = time.process_time() - started
        print(f"{way}: dense {dense:.2f} %, prepared in {took:.1f} CPU s", flush=True)
        for share in map(float, options.shares.split(",")):
            _print_row(context, share)


def _ranks_alone(problem: Problem) -> Problem:
    """Return the problem without channel pruning."""
    assert problem.space.ranks is not None
    ranks = set(problem.space.ranks.groups)
    caps = {group.name: 0.0 for group in problem.groups.prunable if group.name not in ranks}
    sparsity = replace(problem.settings.sparsity, caps=caps)
    settings = replace(problem.settings, sparsity=sparsity)
    return replace(problem, settings=settings, costs=replace(problem.costs, sparsity=sparsity))


def _common(options: argparse.Namespace) -> list[str]:
    return [
        "measure=fast",
        "tracking=none",
        "threads=1",
        "device=cpu",
        "name=benchmark",
        "search=auto",
        f"seed={options.seed}",
        f"cache_dir={options.cache}",
        "data=npz",
        f"data.train=[{options.train}]",
        f"data.validation=[{options.validation}]",
        "data.max_train=8000",
        "data.max_test=5000",
        "data.batch_size=128",
        "data.mean=[0.4914,0.4822,0.4465]",
        "data.std=[0.2023,0.1994,0.2010]",
        "sparsity.divisor=2",
        f"model.weights={options.weights}",
    ]


def _print_row(context: TrialContext, share: float) -> None:
    started = time.process_time()
    problem = context.problem
    proxy, start = proxy_divergences(context), context.start
    candidates = _candidates(context, share)
    moved = {name: proxy(start, ratios) for name, ratios in candidates.items()}
    best = min(moved, key=lambda name: moved[name])
    widths = problem.costs.widths_of(candidates[best])
    candidate, _ = prune(context, start.candidate, start.scores, widths, trained_next=False)
    model = merged(candidate.model)
    quality = measure_quality(
        problem.task,
        model,
        problem.data.val_dataloader(),
        device=problem.device,
    )
    macs = count_macs(model, problem.example) / problem.costs.cost_of({}).macs
    divergences = ", ".join(f"{name} {value:.3f}" for name, value in moved.items())
    print(
        f"  {share:.2f}: accuracy {quality['accuracy']:.2f} %, MACs {macs:.3f}, KL {divergences}; "
        f"{time.process_time() - started:.1f} CPU s"
    )
    ranks = [widths[layer.group] for layer in _factored(context)]
    if ranks:
        print(f"        ranks {' '.join(map(str, ranks))}", flush=True)


def _candidates(context: TrialContext, share: float) -> dict[str, Ratios]:
    problem = context.problem
    sizes = Sizes(
        choices=choices_of(problem, max_ratio=_MAX_RATIO),
        size_of=lambda ratios: float(problem.costs.cost_of(ratios).macs),
        macs_of=lambda ratios: float(problem.costs.cost_of(ratios).macs),
    )
    whole = dict.fromkeys(sizes.choices, 0.0)

    def enough(ratios: Ratios) -> bool:
        return sizes.size_of(ratios) <= share * sizes.dense

    damage = gate_damage(context)(None)
    return {
        "gates": allocate(damage, sizes.choices, sizes.size_of, start=whole, enough=enough),
        "uniform": uniform_step(sizes.choices, start=whole, enough=enough),
    }


def _factored(context: TrialContext) -> Sequence[FactoredLayer]:
    ranks = context.problem.space.ranks
    return ranks.layers if ranks else ()


if __name__ == "__main__":
    print(f"# {Path(__file__).name}")
    main()
