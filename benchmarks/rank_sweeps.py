"""Sweeps with and without ranks at equal CPU time: accuracy at shares of the MACs.

    python benchmarks/rank_sweeps.py --data FOLDER --budget 150 --seeds 0,1

`auto` searches channels alone (`low_rank=none`), and ranks beside them (`low_rank=spatial`), from
the published ResNet-20 for CIFAR-10. Compute is CPU time of this process on one thread, as in
`front_quality.py`, whose FOLDER it takes. Training images are 8,000 of the first half; validation
images, by which models are chosen, are 5,000 of the second half, which the weights have seen; the
accuracy is that on 5,000 test images, which nothing else looks at.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from pathlib import Path

import torch
from cpu_sweep import CpuSweep
from front_quality import compose_settings
from front_scores import Member
from tasks import TASKS

from paretoprune.problem.problem import make_problem
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.trial.context import make_context

_SHARES = (0.5, 0.35, 0.2, 0.1)
# The smallest candidates have a bit less than a tenth of the MACs.
_WAYS = {
    "none": ["search.max_ratio=0.72"],
    "spatial": [
        "low_rank=spatial",
        "search.max_ratio=0.83",
        "++sparsity.caps={*conv1:0.55,*conv2:0.55}",
    ],
}


def main() -> None:
    """Print the front of each run, and what it has at the shares."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--data", type=Path, required=True, help="where data and weights lie")
    add("--budget", type=float, default=150, help="CPU seconds of each run")
    add("--seeds", default="0")
    add("--ways", default=",".join(_WAYS), help=f"of {', '.join(_WAYS)}")
    add("--cache", type=Path, default=Path(".cache/rank_sweeps"))
    add("--override", nargs="*", default=[], help="settings of all runs")
    add("--no-test", action="store_true", help="leave the test images alone")
    options = parser.parse_args()
    logging.getLogger("paretoprune").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    for seed in options.seeds.split(","):
        for way in options.ways.split(","):
            _run(options, way, int(seed))


def _run(options: argparse.Namespace, way: str, seed: int) -> None:
    train, held_out = (options.data / "cifar10" / f"cifar10-train-{p}.npz" for p in "ab")
    overrides = [
        *TASKS["cifar10"].overrides(options.data, options.cache, seed),
        f"data.train=[{train}]",
        f"data.validation=[{held_out}]",
        "search=auto",
        f"search.budget={options.budget:g}s",
        "search.baseline_ratios=[]",
        "finetune.distillation=0.5",
        *_WAYS[way],
        *options.override,
    ]
    problem = make_problem(compose_settings(overrides))
    make_context(problem)
    problem = make_problem(problem.settings)
    with tempfile.TemporaryDirectory() as folder:
        sweep = CpuSweep(problem, SweepFolder(Path(folder)))
        results = sweep.run()
        members = sweep.front(results, test=not options.no_test)
    print(
        f"low_rank={way} seed {seed}: {sweep.account.spent():.0f} CPU s, {len(results)} trials, "
        f"peak rate {sweep.ready.training.finetune.learning_rate:.3g}, "
        f"{sum(r.epochs for r in results):.1f} epochs"
    )
    for result in results:
        share = (result.metrics.macs or 0) / problem.costs.cost_of({}).macs
        accuracy, epochs = result.metrics.quality.get("accuracy", 0.0), result.epochs
        print(
            f"  {result.number:3d} {result.origin:8s} {share:.3f} {accuracy:5.2f} % "
            f"{epochs:.2f} epochs"
        )
    print("   " + ", ".join(_at(members, share) for share in _SHARES), flush=True)


def _at(members: list[Member], share: float) -> str:
    """Of the model that validation chooses among those of at most this size."""
    fitting = [member for member in members if member.share <= share * 1.0001]
    if not fitting:
        return f"{share:g}: none"
    best = max(fitting, key=lambda member: (member.validation, -member.share))
    test = "" if best.test is None else f" (test {best.test:.2f})"
    return f"{share:g}: {best.validation:.2f}{test}"


if __name__ == "__main__":
    print(f"# {Path(__file__).name}")
    main()
