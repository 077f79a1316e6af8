"""Comparison of scorers, schedules and sparsity patterns at equal compute, as ShrinkBench requires.

    python benchmarks/methods.py --data /path/to/data --out docs

One real task: CIFAR-10 (a part of it) and the published ResNet-20, from a folder that holds
`cifar10/cifar10-{train-a,train-b,test}.npz` and `weights/cifar10-chenyaofo-resnet20.safetensors`.
Every method gets the same weights, training samples, number of epochs and learning rate, at several
sizes and over three seeds, together with a random control. Written are `methods.csv` (every trial),
`methods.md` (means and standard deviations, with compression ratio and theoretical speed-up) and
`methods.png`. Validation accuracy; the test split is not used.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from paretoprune.config.compose import CONF
from paretoprune.config.load import load_settings
from paretoprune.config.settings import Settings
from paretoprune.problem.problem import Problem, make_problem
from paretoprune.results import Job
from paretoprune.sweep.baselines import first_proposals
from paretoprune.sweep.strategies import sensitivity_of
from paretoprune.trial.comparable_scores import comparable_scores
from paretoprune.trial.context import make_context
from paretoprune.trial.run import run_trial

mpl.use("agg")
from matplotlib import pyplot as plt

SCORERS = (
    "random", "magnitude", "bn_scale", "lamp", "fpgm", "cosine", "mean_activation", "apoz",
    "wanda", "taylor", "taylor_activation", "snip", "grasp", "synflow", "fisher", "obd", "obs",
    "reconstruction", "movement",
)  # fmt: skip
SIZES = (0.8, 0.6, 0.4)  # of the dense MACs, for channels
SCHEDULES = {  # each three epochs in all
    "one_shot": ("schedule=one_shot",),
    "one_shot, least squares": ("schedule=one_shot", "compensation=least_squares"),
    "least squares, reconstruction": ("scorer=reconstruction", "compensation=least_squares"),
    "iterative": ("schedule=iterative",),
    "gradual": ("schedule=gradual",),
    "growing": ("sparse_training=growing", "++sparse_training.epochs=1", "++finetune.epochs=2"),
    "lottery, rate rewound": (
        "schedule=lottery",
        "++schedule.rewind=learning_rate",
        "++schedule.steps=3",
        "++model.train.epochs=1",
        "++model.train.learning_rate=0.003",
    ),
}
ZEROINGS = {
    "random": ("scorer=random",),
    "magnitude, global": ("allocation=global",),
    "magnitude, obs": ("compensation=obs",),
    "wanda": ("scorer=wanda",),
    "gradual": ("schedule=gradual",),
    "regrow": ("schedule=regrow", "++schedule.every=5"),
}
DENSITIES = (0.5, 0.25, 0.125)  # of the dense parameters, for single weights


@dataclass(frozen=True)
class Entry:
    """One method at one size."""

    part: str
    method: str
    target: str
    overrides: tuple[str, ...]


def main() -> None:
    """Run everything, write the table and the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("docs"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=500, help="for training")
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    torch.set_num_threads(1)
    rows = read(arguments.out / "methods.csv")
    done = {(row["part"], row["method"], row["target"], row["seed"]) for row in rows}
    tasks: dict[tuple[int, str], Problem] = {}
    with tempfile.TemporaryDirectory() as folder:
        for entry, seed in product(entries(), range(arguments.seeds)):
            if (entry.part, entry.method, entry.target, seed) not in done:
                rows.append(run(entry, seed, tasks, arguments, Path(folder)))
                print(rows[-1], flush=True)
                write(rows, arguments)
    draw(pd.DataFrame(rows), arguments.out / "methods.png")


def entries() -> Iterator[Entry]:
    """Yield all methods at all sizes; within a part all methods have the same number of epochs."""
    for size, scorer in product(SIZES, SCORERS):
        yield Entry("scorers", scorer, f"sparsity.macs={size}", (f"scorer={scorer}",))
    for size, (name, overrides) in product(SIZES, SCHEDULES.items()):
        long = ("++finetune.epochs=3", *overrides)
        yield Entry("schedules", name, f"sparsity.macs={size}", long)
    for density, (name, overrides) in product(DENSITIES, ZEROINGS.items()):
        whole = ("granularity=weights", "++finetune.epochs=2", *overrides)
        yield Entry("zeroing", name, f"sparsity.params={density}", whole)


def run(
    entry: Entry,
    seed: int,
    tasks: dict[tuple[int, str], Problem],
    arguments: argparse.Namespace,
    folder: Path,
) -> dict[str, object]:
    """Run one trial; problems are reused."""
    settings = settings_of(entry, seed, arguments, folder)
    key = (seed, settings.granularity.path)
    if key not in tasks:
        tasks[key] = make_problem(settings)
    problem = replace(tasks[key], settings=settings)
    started = time.process_time()
    context = make_context(problem)
    sensitivity = sensitivity_of(context, folder / "sensitivity.json")
    proposal = first_proposals(problem, comparable_scores(context), sensitivity)[1]
    job = Job(1, "single", proposal.ratios, problem.costs.widths_of(proposal.ratios), seed)
    result = run_trial(context, job, folder=folder / "trial")
    return {
        "part": entry.part,
        "method": entry.method,
        "target": entry.target,
        "seed": seed,
        "accuracy": result.metrics.quality["accuracy"],
        "compression_ratio": result.metrics.compression_ratio,
        "theoretical_speedup": result.metrics.theoretical_speedup,
        "epochs": len(result.curve),
        "seconds": time.process_time() - started,
    }


def settings_of(entry: Entry, seed: int, arguments: argparse.Namespace, folder: Path) -> Settings:
    """Return the settings of a single run."""
    data = arguments.data / "cifar10"
    groups = [o for o in entry.overrides if not o.startswith("++")]
    values = [o for o in entry.overrides if o.startswith("++")]
    overrides = [
        "data=npz", "tracking=none", "measure=fast", "compensation=none", *groups,
        f"data.train=[{data}/cifar10-train-a.npz]", f"data.test=[{data}/cifar10-test.npz]",
        "data.mean=[0.4914,0.4822,0.4465]", "data.std=[0.2023,0.1994,0.2010]",
        "data.shift=2", "data.flip=true", "data.batch_size=50",
        f"data.max_train={arguments.images}", "data.max_test=1600", f"data.split_seed={seed}",
        f"model.weights={arguments.data}/weights/cifar10-chenyaofo-resnet20.safetensors",
        "finetune.epochs=1", "finetune.learning_rate=0.003", "finetune.tune_learning_rate=false",
        f"{entry.target}", f"seed={seed}",
        f"cache_dir={folder}/cache", *values,
    ]  # fmt: skip
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("config", overrides), resolve=True)
    assert isinstance(config, dict)
    return load_settings({str(key): value for key, value in config.items()})


def read(path: Path) -> list[dict[str, object]]:
    """Read the trials of an earlier run, which are not repeated."""
    if not path.is_file():
        return []
    return [{str(k): v for k, v in row.items()} for row in pd.read_csv(path).to_dict("records")]


def write(rows: Sequence[dict[str, object]], arguments: argparse.Namespace) -> None:
    """Write the table of all trials and the table of means."""
    table = pd.DataFrame(rows)
    table.to_csv(arguments.out / "methods.csv", index=False, float_format="%.6g")
    seconds = table["seconds"].sum()
    num_seeds = table["seed"].nunique()
    cpu = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), "unknown",
    )  # fmt: skip
    lines = [
        "# Scorers, schedules and zeroing, compared\n",
        f"Written by `benchmarks/methods.py`: CIFAR-10, {arguments.images} training images a seed, "
        f"the published ResNet-20, {num_seeds} seeds, one thread of {cpu}, {seconds / 60:.0f} "
        "minutes of processor time. Validation accuracy in percent after short trainings, mean and "
        "standard deviation over the seeds: it ranks the methods at this training budget and is "
        "not the accuracy that a model can reach. Equal epochs within a section: one for scorers, "
        "three for schedules, two for zeroing, all with a peak learning rate of 0.003. Scorers are "
        "compared without compensation. All methods of the list were run once, starting from an "
        "empty table.\n",
    ]
    for part, own in table.groupby("part", sort=False):
        lines += [f"## {part}\n", *_part(own), ""]
    (arguments.out / "methods.md").write_text("\n".join(lines), encoding="utf-8")


def _part(table: pd.DataFrame) -> list[str]:
    targets = list(dict.fromkeys(table["target"]))
    heads = []
    for target in targets:
        own = table[table["target"] == target]
        heads.append(
            f"{own['compression_ratio'].mean():.1f}x smaller, "
            f"{own['theoretical_speedup'].mean():.1f}x fewer MACs"
        )
    lines = [f"| method | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for method in dict.fromkeys(table["method"]):
        cells = []
        for target in targets:
            own = table[(table["method"] == method) & (table["target"] == target)]["accuracy"]
            spread = statistics.stdev(own) if len(own) > 1 else float("nan")
            cells.append(f"{own.mean():.1f} ± {spread:.1f}")
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return lines


def draw(table: pd.DataFrame, path: Path) -> None:
    sizes = table.groupby("part", sort=False)["target"].nunique()
    parts = [part for part, count in sizes.items() if count > 1]  # a curve needs two points
    figure, axes = plt.subplots(1, len(parts), figsize=(5.5 * len(parts), 5.2), squeeze=False)
    for axis, part in zip(axes[0], parts, strict=True):
        size = "compression_ratio" if part == "zeroing" else "theoretical_speedup"
        methods = table[table["part"] == part].groupby("method", sort=False)
        axis.set_prop_cycle(color=plt.get_cmap("tab20")(range(20)))
        for method, own in methods:
            points = own.groupby("target", sort=False)
            x, y = points[size].mean(), points["accuracy"].mean()
            style = "k--" if method == "random" else "o-"
            spread = points["accuracy"].std().fillna(0)
            axis.errorbar(x, y, yerr=spread, fmt=style, ms=3, lw=1, capsize=2, label=method)
        axis.set(title=part, xlabel=size.replace("_", " "))
        axis.set_ylabel("validation accuracy (%)")
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.12)}  # more would hide the lines
        axis.legend(fontsize=7, ncols=3 + (len(methods) > 10), frameon=False, **below)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
