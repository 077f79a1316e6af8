"""Fronts over the bytes of the file: bits searched with sizes, beside bits or channels alone.

    python benchmarks/bits_front.py --data FOLDER --seeds 0,1,2
    python benchmarks/bits_front.py --data FOLDER --ways auto,int8 --budget 150

`auto` with the objectives accuracy and `size_bytes` on the published ResNet-20 for CIFAR-10, at
equal CPU time of one thread, as in `front_quality.py`, whose FOLDER it takes. Each way has the
smallest candidates with which it just reaches 1/32 of the float bytes. Fronts are compared between
1/4 and 1/32 of these bytes: models are chosen on validation data and scored on test data; for each
way also those of the dense model alone, without training. Runs are appended to a file; those that
exist there are skipped.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from cpu_sweep import CpuSweep
from front_quality import compose_settings
from front_scores import Run, read_runs, summarise, write_run
from tasks import TASKS

from paretoprune.problem.problem import make_problem
from paretoprune.results import TrialResult
from paretoprune.results.trials import models_of
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.time_account import in_words, learning_share
from paretoprune.trial.context import make_context

_LARGEST, _SMALLEST = 1 / 4, 1 / 32  # of the float bytes
_WAYS = {
    "int8": ["quantization=int8", "search.max_ratio=0.66"],
    "8bit": ["quantization=weights", "quantization.bits=8", "search.max_ratio=0.66"],
    "4bit": ["quantization=weights", "quantization.bits=4", "search.max_ratio=0.48"],
    "list": ["quantization=mixed", "quantization.bits=[8,4,3,2.5]", "search.max_ratio=0.42"],
    "auto": ["quantization=mixed", "quantization.bits=auto", "search.max_ratio=0.42"],
    "ranks": [
        "quantization=mixed",
        "quantization.bits=auto",
        "search.max_ratio=0.42",
        "low_rank=spatial",
    ],
}


def main() -> None:
    """Execute the selected runs that do not exist yet, then print the summary of all runs."""
    options = _options()
    logging.basicConfig(format="%(message)s", level=logging.ERROR)
    logging.getLogger("cpu_sweep").setLevel(logging.INFO if options.trials else logging.ERROR)
    torch.set_num_threads(1)
    known = {run.key for run in read_runs(options.runs)}
    for seed in map(int, options.seeds.split(",")):
        for way in options.ways.split(","):
            if ("bytes", way, seed, options.budget) not in known:
                write_run(options.runs, _measured(options, way, seed))
    summarise(read_runs(options.runs), picture=options.runs.with_suffix(".png"))


def _measured(options: argparse.Namespace, way: str, seed: int) -> Run:
    """Execute one sweep; evaluate its front on test data, which is not timed."""
    task = TASKS["cifar10"]
    overrides = [
        *task.overrides(options.data, options.cache, seed),
        "search=auto",
        f"search.budget={options.budget:g}s",
        "search.baseline_ratios=[]",
        "+search.objectives.size_bytes=minimize",
        "~search.objectives.macs",
        f"finetune.epochs={task.trial_epochs}",
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
        seconds = sweep.account.by_use()
        members = sweep.front(results, size="size_bytes")
    run = Run(
        problem="bytes",
        strategy=way,
        seed=seed,
        budget_seconds=options.budget,
        spent_seconds=sum(seconds.values()),
        outside_share=1 - learning_share(seconds),
        seconds=seconds,
        learning_rate=sweep.ready.training.finetune.learning_rate,
        num_trials=len(results),
        epochs=sum(result.epochs for result in results),
        least_share=_SMALLEST,
        most_share=_LARGEST,
        trivial=sweep.ready.dense.trivial["accuracy"],
        dense_validation=members[0].validation,
        dense_test=members[0].test or 0.0,
        members=tuple(members),
    )
    _print(run, results)
    return run


def _print(run: Run, results: list[TrialResult]) -> None:
    first = min(member.seconds for member in run.members[1:])
    alone = replace(run, members=tuple(m for m in run.members if m.seconds <= first))
    print(
        f"{run.strategy} seed {run.seed}: shortfall {run.shortfall:.4f}; of the dense model's "
        f"quantized models alone {alone.shortfall:.4f}"
    )
    print(f"    {in_words(run.seconds, run.budget_seconds)}")
    whole = sum(sum(result.seconds.values()) for result in results)
    rounding = sum(result.seconds.get("quantize", 0.0) for result in results)
    print(f"    rounded models take {rounding / whole:.1%} of the trials' seconds")
    for model in models_of(results):
        share = (model.metrics.size_bytes or 0) / (results[0].metrics.size_bytes or 1)
        print(
            f"    {model.key!s:>10} {model.origin:10} 1/{1 / max(share, 1e-9):<6.1f} "
            f"{model.metrics.quality.get('accuracy', 0.0):5.2f} % {model.epochs:5.2f} epochs"
        )
    print(f"    test at {run.at_sizes((1 / 4, 1 / 8, 1 / 12, 1 / 16, 1 / 24, 1 / 32))}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--ways", default=",".join(_WAYS), help=f"of {', '.join(_WAYS)}")
    add("--seeds", default="0,1,2")
    add("--budget", type=float, default=150, help="CPU seconds of each run")
    add("--data", type=Path, default=Path("data"), help="where real data and weights lie")
    add("--cache", type=Path, default=Path(".cache/bits_front"), help="of dense models")
    add("--runs", type=Path, default=Path(".cache/bits_front/runs.jsonl"), help="is added to")
    add("--trials", action="store_true", help="print what each trial was given and used")
    add("--override", action="append", default=[], help="any setting, for all runs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
