"""Ranks against channels before any training: accuracy at equal MACs.

    python benchmarks/rank_or_channels.py train.npz validation.npz resnet20.safetensors

A published ResNet-20 for CIFAR-10 is cut to shares of its MACs by channels, by ranks and by both.
For each, the product's own allocation by gates and a uniform one are compared by how far the
untrained outputs move, and the nearer is taken. Kept weights make up for what went, by least
squares on 256 training images; nothing is trained. Images are those of `data=npz`.

The published weights have seen all 50,000 training images. So the accuracy on a part of these that
calibration does not use is flattered, the dense model's, too.
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

from paretoprune.cli.chain import gate_damage
from paretoprune.cli.first import choices_of
from paretoprune.glance import glances
from paretoprune.low_rank import FactoredLayer, merged
from paretoprune.measure import count_macs, measure_quality
from paretoprune.outline import Outline, outline
from paretoprune.prepare import Prepared, prepare, with_gate_scores
from paretoprune.schedules.steps import Start, cut
from paretoprune.search import Sizes
from paretoprune.search.moves import Ratios, even
from paretoprune.search.sensitivity import allocate

_WAYS = {"channels": "none", "ranks": "spatial", "both": "spatial"}  # and `low_rank` of each
_MAX_RATIO = 0.95


def main() -> None:
    """Print a row for each way and share."""
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
        task = outline(compose_settings(overrides))
        prepared = with_gate_scores(prepare(_ranks_alone(task) if way == "ranks" else task))
        dense = prepared.dense_metrics.accuracy
        took = time.process_time() - started
        print(f"{way}: dense {dense:.2f} %, prepared in {took:.1f} CPU s", flush=True)
        for share in map(float, options.shares.split(",")):
            _print_row(prepared, share)


def _ranks_alone(task: Outline) -> Outline:
    """The same with all channels kept."""
    assert task.removable.ranks is not None
    ranks = set(task.removable.ranks.groups)
    caps = {group.name: 0.0 for group in task.groups.prunable if group.name not in ranks}
    sparsity = replace(task.settings.sparsity, caps=caps)
    return replace(task, settings=replace(task.settings, sparsity=sparsity))


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


def _print_row(prepared: Prepared, share: float) -> None:
    started = time.process_time()
    task = prepared.outline
    glance, start = glances(prepared), Start(prepared.start, prepared.scores)
    candidates = _candidates(prepared, share)
    moved = {name: glance(start, ratios) for name, ratios in candidates.items()}
    best = min(moved, key=lambda name: moved[name])
    widths = task.widths_of(candidates[best])
    candidate, _ = cut(prepared, start.candidate, start.scores, widths, trained_next=False)
    model = merged(candidate.model)
    quality = measure_quality(
        model, task.data.val_dataloader(), num_classes=task.info.num_classes, device=task.device
    )
    macs = count_macs(model, task.example) / task.cost_of({}).macs
    divergences = ", ".join(f"{name} {value:.3f}" for name, value in moved.items())
    print(
        f"  {share:.2f}: accuracy {quality.accuracy:.2f} %, MACs {macs:.3f}, KL {divergences}; "
        f"{time.process_time() - started:.1f} CPU s"
    )
    ranks = [widths[layer.group] for layer in _factored(prepared)]
    if ranks:
        print(f"        ranks {' '.join(map(str, ranks))}", flush=True)


def _candidates(prepared: Prepared, share: float) -> dict[str, Ratios]:
    task = prepared.outline
    sizes = Sizes(
        choices=choices_of(task, max_ratio=_MAX_RATIO),
        size_of=lambda ratios: float(task.cost_of(ratios).macs),
        macs_of=lambda ratios: float(task.cost_of(ratios).macs),
    )
    whole = dict.fromkeys(sizes.choices, 0.0)

    def enough(ratios: Ratios) -> bool:
        return sizes.size_of(ratios) <= share * sizes.dense

    damage = gate_damage(prepared)(None)
    return {
        "gates": allocate(damage, sizes.choices, sizes.size_of, start=whole, enough=enough),
        "uniform": even(sizes.choices, start=whole, enough=enough),
    }


def _factored(prepared: Prepared) -> Sequence[FactoredLayer]:
    ranks = prepared.outline.removable.ranks
    return ranks.layers if ranks else ()


if __name__ == "__main__":
    print(f"# {Path(__file__).name}")
    main()
